import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeId, NodeSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import { type Client, tryConnect } from './client.ts';
import { type Info, parseInfo, type StatsInfo } from './parse-info.ts';
import { type ReadyVerdict, type RootMark, judgeReady, judgeRootReady } from './ready.ts';

export interface WaitOptions {
  readonly root: NodeSpec;
  /** Nodes to wait for; the root may be among them. */
  readonly nodes: readonly NodeSpec[];
  readonly passwordOf: (node: NodeSpec) => string | null;
  readonly timeoutMs: number;
  /** Called whenever a node's verdict changes. */
  readonly onProgress?: (node: NodeId, verdict: ReadyVerdict) => void;
  readonly signal?: AbortSignal;
}

const POLL_MS = 15;
/** A small tree on one machine is ready within a few milliseconds. */
const FIRST_POLLS_MS = [3, 5, 8];
/** For one connect or reply; a stopped process must not hold up the others' polls for long. */
const REPLY_TIMEOUT_MS = 1_000;
const POLLS_TO_HOLD = 2;
const DOWN: ReadyVerdict = { ready: false, because: 'down', bytesLeft: null };

/**
 * Waits until every node is ready, on two polls in a row. Fails with TIMEOUT, naming each node that is not and why
 * (`details.nodes`). Gives each one's counters at the end.
 */
export async function waitUntilReady(options: WaitOptions): Promise<ReadonlyMap<NodeId, StatsInfo>> {
  const polls = new Map(
    [options.root, ...options.nodes].map((node) => [node.id, new NodePoll(node, options)]),
  );
  const deadlineMs = Date.now() + options.timeoutMs;
  const verdicts = new Map<NodeId, { verdict: ReadyVerdict; held: number }>();
  let mark: RootMark | null = null;
  try {
    for (let poll = 0; ; poll += 1) {
      options.signal?.throwIfAborted();
      const rootInfo = (await polls.get(options.root.id)?.read()) ?? null;
      // The first replica of a fresh master gives it a new replication id: only the offset is kept from the start.
      if (rootInfo !== null) {
        const { replid, offset } = rootInfo.replication;
        mark = { replid, offset: mark === null ? offset : Math.min(mark.offset, offset) };
      }
      const waiting = options.nodes.filter(({ id }) => (verdicts.get(id)?.held ?? 0) < POLLS_TO_HOLD);
      await Promise.all(
        waiting.map(async ({ id }) => {
          const info = id === options.root.id ? rootInfo : ((await polls.get(id)?.read()) ?? null);
          const verdict = judge(id === options.root.id, info, mark);
          const before = verdicts.get(id);
          verdicts.set(id, { verdict, held: verdict.ready ? (before?.held ?? 0) + 1 : 0 });
          if (!isSameVerdict(before?.verdict, verdict)) options.onProgress?.(id, verdict);
        }),
      );
      if (options.nodes.every(({ id }) => (verdicts.get(id)?.held ?? 0) >= POLLS_TO_HOLD))
        return await readStats(polls);
      if (Date.now() > deadlineMs) throw explain(verdicts, options.timeoutMs);
      await sleep(FIRST_POLLS_MS[poll] ?? POLL_MS);
    }
  } finally {
    for (const poll of polls.values()) poll.close();
  }
}

async function readStats(polls: ReadonlyMap<NodeId, NodePoll>): Promise<ReadonlyMap<NodeId, StatsInfo>> {
  const stats = await Promise.all([...polls].map(async ([id, poll]) => [id, await poll.stats()] as const));
  return new Map(stats.flatMap(([id, read]) => (read === null ? [] : [[id, read] as const])));
}

function judge(isRoot: boolean, info: Info | null, mark: RootMark | null): ReadyVerdict {
  if (info === null) return DOWN;
  if (isRoot) return judgeRootReady(info);
  return judgeReady(info, mark ?? { replid: '', offset: 0 });
}

function isSameVerdict(a: ReadyVerdict | undefined, b: ReadyVerdict): boolean {
  if (a === undefined || a.ready || b.ready) return a?.ready === b.ready;
  return a.because === b.because && a.bytesLeft === b.bytesLeft;
}

/** One node's connection, made again when it is lost: nodes come up and restart while one waits. */
class NodePoll {
  private client: Client | null = null;
  private readonly node: NodeSpec;
  private readonly options: WaitOptions;

  constructor(node: NodeSpec, options: WaitOptions) {
    this.node = node;
    this.options = options;
  }

  read(): Promise<Info | null> {
    return this.info('replication', 'persistence');
  }

  async stats(): Promise<StatsInfo | null> {
    return (await this.info('stats'))?.stats ?? null;
  }

  private async info(...sections: string[]): Promise<Info | null> {
    try {
      this.client ??= await this.connect();
      const replies = await this.client?.pipeline(sections.map((section) => ['INFO', section]));
      const texts = replies?.filter((reply) => typeof reply === 'string') ?? [];
      return texts.length === sections.length ? parseInfo(texts.join('\r\n')) : null;
    } catch (error) {
      this.options.signal?.throwIfAborted();
      if (!(error instanceof ReplctlError)) throw error;
      this.close();
      return null;
    }
  }

  private async connect(): Promise<Client | null> {
    const { passwordOf, signal } = this.options;
    const result = await tryConnect(this.node, {
      password: passwordOf(this.node),
      timeoutMs: REPLY_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    return result.ok ? result.client : null;
  }

  close(): void {
    this.client?.close();
    this.client = null;
  }
}

function explain(
  verdicts: ReadonlyMap<NodeId, { readonly verdict: ReadyVerdict }>,
  timeoutMs: number,
): ReplctlError {
  const late = [...verdicts].flatMap(([id, { verdict }]) =>
    verdict.ready ? [] : [[id, verdict.because] as const],
  );
  const list = late.map(([id, because]) => `${id} (${because})`).join(', ');
  return new ReplctlError('TIMEOUT', `not ready within ${timeoutMs} ms: ${list}`, {
    hint: 'replctl status names the cause; allow more with --timeout',
    details: { timeoutMs, nodes: Object.fromEntries(late) },
  });
}
