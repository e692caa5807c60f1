import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Finding, FindingCode } from '../../src/compare/finding.ts';
import { splitArgs } from '../../src/conf/split-args.ts';
import { caughtUp } from './caught-up.ts';
import { type CliResult, Deployment } from './deployment.ts';
import type { TestEngine } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { infoFields } from './info-fields.ts';
import { poll } from './poll.ts';

type Id = 'm' | 'a' | 'b' | 'c';

const DEADLINE_MS = 100_000;

/** A tree m → a → c, m → b with a password, on which the commands that `status` prints are run as they are printed. */
export class MendingTree {
  readonly deployment: Deployment;
  readonly port: Readonly<Record<Id, number>>;
  private readonly cleanups: (() => void)[] = [];

  private constructor(deployment: Deployment, port: Record<Id, number>) {
    this.deployment = deployment;
    this.port = port;
  }

  /** `defaults` in flow style, beside the password; `env` for the CLI. */
  static async up(
    engine: TestEngine,
    options: {
      readonly defaults?: string;
      /** More of the node a, when its port is known. */
      readonly a?: (port: number) => string;
      readonly b?: string;
      readonly env?: Record<string, string>;
    } = {},
  ): Promise<MendingTree> {
    const [m = 0, a = 0, b = 0, c = 0] = await freePorts(4);
    const ofA = options.a?.(a) ?? '';
    const deployment = new Deployment(
      [
        'name: mend',
        `engine: ${engine}`,
        `defaults: {password: {env: MEND_PASSWORD}${options.defaults ?? ''}}`,
        `master: {port: ${m}, name: m}`,
        'replicas:',
        `  - {port: ${a}, name: a${ofA}, replicas: [{port: ${c}, name: c}]}`,
        `  - {port: ${b}, name: b${options.b ?? ''}}`,
        '',
      ].join('\n'),
      { MEND_PASSWORD: 'sesame', ...options.env },
    );
    const tree = new MendingTree(deployment, { m, a, b, c });
    try {
      await deployment.ok('up');
    } catch (error) {
      await deployment.destroy();
      throw error;
    }
    return tree;
  }

  async destroy(): Promise<void> {
    for (const cleanup of this.cleanups.splice(0)) cleanup();
    await this.deployment.destroy();
  }

  /** Runs before anything is stopped, newest last. */
  atEnd(cleanup: () => void): void {
    this.cleanups.push(cleanup);
  }

  /** Stops the process of a node, until the end of the test at the latest. */
  freeze(id: Id): () => void {
    const pid = this.deployment.pidOf(id);
    process.kill(pid, 'SIGSTOP');
    const wake = (): void => {
      if (this.deployment.pids().includes(pid)) process.kill(pid, 'SIGCONT');
    };
    this.atEnd(wake);
    return wake;
  }

  async statusUntil(
    what: string,
    wanted: (findings: readonly Finding[]) => boolean,
  ): Promise<readonly Finding[]> {
    let last: readonly Finding[] = [];
    try {
      return await poll(
        what,
        async () => {
          last = (
            await this.deployment.json<{ readonly findings: readonly Finding[] }>('status', '--timeout', '1s')
          ).findings;
          return wanted(last) && last;
        },
        DEADLINE_MS,
      );
    } catch (error) {
      throw new Error(`${what}: ${JSON.stringify(last, null, 1)}`, { cause: error });
    }
  }

  healthy(): Promise<unknown> {
    return this.statusUntil('no findings', (findings) => findings.length === 0);
  }

  /** Waits for the finding to come first, and does what it says. */
  async obey(code: FindingCode, node: string | null): Promise<CliResult> {
    const [first] = await this.statusUntil(code, ([top]) => top?.code === code && top.node === node);
    const command = first?.mend ?? '';
    const split = splitArgs(command.split(', or ')[0] ?? '');
    if (!split.ok || split.args[0] !== 'replctl') throw new Error(`cannot be pasted: ${command}`);
    return this.deployment.run(split.args.slice(1));
  }

  /** As `obey`, and waits until that finding is gone; others may be left. */
  async mendOnly(code: FindingCode, node: string | null): Promise<void> {
    const result = await this.obey(code, node);
    await explain(
      result,
      this.statusUntil(
        `${code} mended`,
        (findings) => !findings.some((finding) => finding.code === code && finding.node === node),
      ),
    );
  }

  /** As `obey`, and waits until there is no finding at all. */
  async mend(code: FindingCode, node: string | null): Promise<void> {
    await explain(await this.obey(code, node), this.healthy());
  }

  async call(id: Id, ...args: string[]): Promise<unknown> {
    const client = this.deployment.client(this.port[id], 'sesame');
    await client.connect();
    const [command = 'PING', ...rest] = args;
    const reply: unknown = await client.call(command, ...rest);
    client.disconnect();
    return reply;
  }

  /** The replicas have applied what the master has taken so far. */
  async caughtUp(...replicas: readonly Id[]): Promise<void> {
    await caughtUp(async (id: Id) => infoFields(await this.call(id, 'INFO', 'replication')), 'm', replicas);
  }

  folderOf(id: Id): string {
    return path.join(this.deployment.dir, '.replctl/mend/nodes', id);
  }

  editConf(id: Id, edit: (conf: string) => string): void {
    const file = path.join(this.folderOf(id), 'redis.conf');
    writeFileSync(file, edit(readFileSync(file, 'utf8')));
  }
}

async function explain(result: CliResult, waiting: Promise<unknown>): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${said}\nthe command gave exit ${result.code}\n${result.stdout}\n${result.stderr}`, {
      cause: error,
    });
  }
}
