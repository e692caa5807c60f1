import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import type { ApplyContext, ApplyEvent } from '../../src/apply/context.ts';
import { down } from '../../src/apply/down.ts';
import { up, type UpOptions } from '../../src/apply/up.ts';
import type { ChangeResult } from '../../src/apply/change.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';
import type { Topology } from '../../src/topology/model.ts';
import { caughtUp } from './caught-up.ts';
import type { TestEngine } from './engines.ts';
import { infoFields } from './info-fields.ts';
import { poll } from './poll.ts';
import { clearFolder } from './processes-in.ts';

/** A real tree driven through the use-cases, without the command line around them. */
export class AppliedTree {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'replctl-tree-'));
  readonly file = path.join(this.dir, 'topology.yaml');
  readonly events: ApplyEvent[] = [];

  constructor(yaml: string) {
    writeFileSync(this.file, yaml);
  }

  get text(): string {
    return readFileSync(this.file, 'utf8');
  }

  edit(change: (text: string) => string): void {
    writeFileSync(this.file, change(this.text));
  }

  topology(): Promise<Topology> {
    return loadTopology(this.file);
  }

  async context(command: string): Promise<ApplyContext> {
    return {
      topology: await this.topology(),
      command,
      emit: (event) => this.events.push(event),
      signal: new AbortController().signal,
      timeoutMs: 60_000,
    };
  }

  async up(options: Partial<UpOptions> = {}, context?: ApplyContext): Promise<ChangeResult> {
    return up(context ?? (await this.context('up')), {
      isDryRun: false,
      allowsRemoval: false,
      restoresRoles: false,
      discardsDiverged: false,
      ...options,
    });
  }

  /** Stops what runs and removes every file; kills what cannot be stopped. */
  async remove(): Promise<void> {
    try {
      const { name } = await this.topology();
      await down(await this.context('down'), { isDryRun: false, wipe: name });
    } finally {
      await clearFolder(this.dir);
    }
  }

  /** Kills the server on a port; its process is gone when this returns, not its port alone. */
  async kill(port: number): Promise<void> {
    const pid = Number((await this.info(port))['process_id']);
    process.kill(pid, 'SIGKILL');
    await poll(`${port} is gone`, async () => (await localHost.processFacts(pid)) === null);
  }

  /** Live parents by `role` and `master_port`. */
  async liveTree(): Promise<Record<string, string | null>> {
    const { nodes } = await this.topology();
    const entries = await Promise.all(
      nodes.map(async ({ id, port }): Promise<[string, string | null]> => {
        const info = await this.info(port);
        const parent = nodes.find((node) => String(node.port) === info['master_port']);
        return [id, parent?.id ?? null];
      }),
    );
    return Object.fromEntries(entries);
  }

  async fullSyncs(): Promise<number> {
    const { nodes } = await this.topology();
    const counts = await Promise.all(
      nodes.map(async ({ port }) => Number((await this.info(port))['sync_full'])),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The replicas have applied what the master has taken so far. */
  async caughtUp(master: number, ...replicas: readonly number[]): Promise<void> {
    await caughtUp((port: number) => this.info(port), master, replicas);
  }

  async info(port: number): Promise<Record<string, string>> {
    return infoFields(await this.call(port, 'INFO', 'everything'));
  }

  async call(port: number, command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis({
      port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }
}

export function treeYaml(engine: TestEngine, tree: ReadonlyMap<number, number | null>, extra = ''): string {
  const [root] = [...tree].find(([, parent]) => parent === null) ?? [0];
  const list = (parent: number, indent: string): string =>
    [...tree]
      .filter(([, above]) => above === parent)
      .map(([port]) => {
        const below = list(port, `${indent}    `);
        return below === ''
          ? `${indent}- ${port}\n`
          : `${indent}- port: ${port}\n${indent}  replicas:\n${below}`;
      })
      .join('');
  const replicas = list(root, '  ');
  return `name: t\nengine: ${engine}\n${extra}master: ${root}\n${replicas === '' ? '' : `replicas:\n${replicas}`}`;
}
