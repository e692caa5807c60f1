import { ReplctlError } from '../errors.ts';
import { tryConnect, type Client } from '../observe/client.ts';
import { parseInfo, type Info } from '../observe/parse-info.ts';
import { reportedFork } from '../plan/lineage.ts';
import type { DataAtRest } from '../plan/live-view.ts';
import type { FenceDead, PromoteForced, ProveDead } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';
import { follow } from './rehang.ts';
import { renderConf } from './node-process.ts';
import { appliedOffset, readReplication } from './read-replication.ts';
import type { RunEnvironment } from './run-environment.ts';
import { dataAtRestOf } from './take-stock.ts';

const TRIES = 3;
const CONNECT_TIMEOUT_MS = 500;
const REPLY_TIMEOUT_MS = 5_000;

/** Several observers must agree: we cannot connect, its replicas have lost it, its host knows no such process. */
export async function proveDead(step: ProveDead, env: RunEnvironment): Promise<string> {
  const { deployment } = env;
  const spec = deployment.spec(step.node);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const result = await tryConnect(spec, {
      password: deployment.access.passwordOf(spec),
      timeoutMs: CONNECT_TIMEOUT_MS,
    });
    if (result.ok) {
      result.client.close();
      throw notDead(step.node, 'it answers');
    }
    if (result.reason === 'auth' || result.reason === 'loading' || result.reason === 'error') {
      throw notDead(step.node, `it answers: ${result.said}`);
    }
  }
  for (const witness of step.witnesses) {
    const client = await deployment.connect(witness, REPLY_TIMEOUT_MS);
    try {
      const { link } = await readReplication(client, witness);
      if (link?.isUp === true) throw notDead(step.node, `${witness} still has a link to it`);
      const down = link?.downSeconds ?? null;
      if (down !== null) env.silentSeconds = Math.min(down, env.silentSeconds ?? down);
    } finally {
      client.close();
    }
  }
  const recorded = deployment.access.recordedOf(step.node);
  const host = deployment.hostOf(step.node);
  if (recorded !== null && (await host.processFacts(recorded.pid))?.startTime === recorded.startTime) {
    throw notDead(step.node, `its process ${recorded.pid} exists`);
  }
  return `${TRIES} connects failed, ${step.witnesses.length} replicas lost it, no process`;
}

function notDead(node: string, because: string): ReplctlError {
  return new ReplctlError('REFUSED', `${node} is not dead: ${because}`, {
    hint: `replctl promote without --force switches over without loss; replctl restart ${node} ends it when it does not answer`,
  });
}

/** Before anybody is promoted the dead master's own conf file says that it is a replica. */
export async function fenceDead(step: FenceDead, env: RunEnvironment): Promise<string | null> {
  if (step.how === 'accepted') return 'accepted';
  return renderConf({ kind: 'render-conf', node: step.node, parent: step.to }, env);
}

export async function promoteForced(step: PromoteForced, env: RunEnvironment): Promise<string> {
  const client = await env.deployment.connect(step.node, REPLY_TIMEOUT_MS);
  try {
    const before = await readAll(client, step.node);
    await follow(client, step.node, null, env);
    const after = await readReplication(client, step.node);
    env.deployment.rememberForks(reportedFork(after));
    await env.journal.fact('promoted', {
      node: step.node,
      replid: after.replid,
      replid2: after.replid2,
      secondOffset: after.secondOffset,
      offsetBefore: appliedOffset(before.replication),
    });
    env.possibleLoss = await boundLoss(step, before, env);
    await env.journal.fact('possible-loss', env.possibleLoss);
    if (after.role !== 'master') {
      throw new ReplctlError('INCOMPLETE', `${step.node} did not become master`, { hint: 'replctl resume' });
    }
    return `forks at ${after.secondOffset}; ${describeLoss(env.possibleLoss)}`;
  } finally {
    client.close();
  }
}

/** What a master that died may have acknowledged and not sent. */
export interface PossibleLoss {
  readonly master: NodeId;
  /** Of the old master's history: the last byte that is kept. What it wrote after that is lost. */
  readonly replid: string;
  readonly keptOffset: number;
  /** Bytes after `keptOffset` that its files are known to hold; null when they do not tell. */
  readonly onDiskBytes: number | null;
  /** How long its replicas had been without it when one of them was promoted. */
  readonly silentSeconds: number | null;
  /** What it would have written in that time at the rate it wrote before; null when that is not known. */
  readonly estimatedBytes: number | null;
}

async function boundLoss(
  { node, from }: PromoteForced,
  { replication, server, raw }: Info,
  { deployment, silentSeconds }: RunEnvironment,
): Promise<PossibleLoss> {
  const keptOffset = appliedOffset(replication);
  const atRest = node === from ? null : await readAtRest(deployment, from);
  const isSameHistory = atRest?.kind === 'known' && atRest.replid === replication.replid;
  const receivedBytes = Number(raw.get('total_net_repl_input_bytes') ?? 0);
  const livedSeconds = server.uptimeSeconds - (silentSeconds ?? 0);
  return {
    master: from,
    replid: replication.replid,
    keptOffset,
    onDiskBytes: isSameHistory ? Math.max(0, atRest.offset - keptOffset) : null,
    silentSeconds,
    // Seconds are counted whole: one more than they say.
    estimatedBytes:
      silentSeconds === null || receivedBytes === 0 || livedSeconds <= 0
        ? null
        : Math.ceil((receivedBytes / livedSeconds) * (silentSeconds + 1)),
  };
}

async function readAtRest(deployment: Deployment, id: NodeId): Promise<DataAtRest | null> {
  try {
    return await dataAtRestOf(deployment, id);
  } catch (error) {
    // Its host may be as dead as it is.
    if (error instanceof ReplctlError) return null;
    throw error;
  }
}

function describeLoss({
  master,
  keptOffset,
  onDiskBytes,
  silentSeconds,
  estimatedBytes,
}: PossibleLoss): string {
  const facts = [
    ...(onDiskBytes === null ? [] : [`${onDiskBytes} bytes of it on its disk`]),
    ...(silentSeconds === null ? [] : [`silent for ${silentSeconds} s`]),
    ...(estimatedBytes === null ? [] : [`about ${estimatedBytes} bytes at its usual rate`]),
  ];
  return `lost is what ${master} wrote after offset ${keptOffset}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}

async function readAll(client: Client, node: NodeId): Promise<Info> {
  const reply = await client.call('INFO', 'everything');
  if (typeof reply === 'string') return parseInfo(reply);
  throw new ReplctlError('INCOMPLETE', `${node} refused INFO`, { details: { node } });
}
