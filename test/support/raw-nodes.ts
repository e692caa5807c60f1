import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findEngine } from '../../src/hosts/engine.ts';
import type { ProcessIdentity } from '../../src/hosts/host.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { startNode } from '../../src/hosts/start-node.ts';
import { stopNode } from '../../src/hosts/stop-node.ts';
import type { Access } from '../../src/observe/access.ts';
import { answersAt, connect } from '../../src/observe/client.ts';
import { type Observation, type LiveNode } from '../../src/observe/observation.ts';
import { observe } from '../../src/observe/observe.ts';
import type { Reply } from '../../src/observe/reply.ts';
import type { NodeId, NodeSpec } from '../../src/topology/model.ts';
import type { TestEngine } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { declareTree } from './topologies.ts';

/**
 * Nodes started from hand-written confs, without the CLI: to observe them, and to do to them what a CLI would not.
 * `tree` is child → parent by name; every port is free on loopback.
 */
export class RawNodes {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'replctl-raw-'));
  readonly nodes: Map<NodeId, NodeSpec>;
  readonly access: Access;
  private readonly processes = new Map<NodeId, ProcessIdentity>();
  private readonly passwords = new Map<NodeId, string>();
  private readonly kind: TestEngine;

  private constructor(kind: TestEngine, nodes: readonly NodeSpec[]) {
    this.kind = kind;
    this.nodes = new Map(nodes.map((node) => [node.id, node]));
    this.access = {
      topology: { name: 'raw', file: null, stateDir: this.dir, nodes, warnings: [] },
      hostOf: () => localHost,
      passwordOf: ({ id }) => this.passwords.get(id) ?? null,
      filesOf: ({ id }) => this.files(id),
      recordedOf: (id) => this.processes.get(id) ?? null,
    };
  }

  static async declare(kind: TestEngine, tree: Readonly<Record<NodeId, NodeId | null>>): Promise<RawNodes> {
    const ports = await freePorts(Object.keys(tree).length);
    const byId = new Map(Object.keys(tree).map((id, index) => [id, ports[index] ?? 0]));
    return new RawNodes(
      kind,
      declareTree(tree, (id) => ({ port: byId.get(id) ?? 0, engine: { kind, command: null } })),
    );
  }

  node(id: NodeId): NodeSpec {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  files(id: NodeId): { dir: string; confFile: string; pidFile: string; logFile: string } {
    const dir = path.join(this.dir, id);
    return {
      dir,
      confFile: path.join(dir, 'redis.conf'),
      pidFile: path.join(dir, 'redis.pid'),
      logFile: path.join(dir, 'redis.log'),
    };
  }

  /** Starts nodes in the given order, parents by `replicaof` in their conf; `extra` lines go below. */
  async start(ids: readonly NodeId[] = [...this.nodes.keys()], extra: readonly string[] = []): Promise<void> {
    for (const id of ids) {
      await localHost.makeDir(this.files(id).dir);
      writeFileSync(this.files(id).confFile, `${[...this.confLines(id), ...extra].join('\n')}\n`);
      await this.startAgain(id);
    }
  }

  /** With the conf as it lies there. */
  async startAgain(id: NodeId): Promise<void> {
    const node = this.node(id);
    const engine = findEngine({ kind: this.kind, command: null }, localHost);
    const identity = await startNode(
      localHost,
      engine,
      { node: id, port: node.port, ...this.files(id) },
      { answers: () => answersAt(node, { password: null, timeoutMs: 1_000 }), timeoutMs: 20_000 },
    );
    this.processes.set(id, identity);
  }

  confLines(id: NodeId): string[] {
    const { port, parent } = this.node(id);
    const { dir, pidFile, logFile } = this.files(id);
    return [
      `port ${port}`,
      'bind 127.0.0.1',
      'daemonize yes',
      `dir ${dir}`,
      `pidfile ${pidFile}`,
      `logfile ${logFile}`,
      'repl-diskless-sync-delay 0',
      ...(parent === null ? [] : [`replicaof 127.0.0.1 ${this.node(parent).port}`]),
    ];
  }

  /** From now on the tool has this password for the node. */
  usePassword(id: NodeId, password: string): void {
    this.passwords.set(id, password);
  }

  identity(id: NodeId): ProcessIdentity {
    const identity = this.processes.get(id);
    if (identity === undefined) throw new Error(`${id} was not started`);
    return identity;
  }

  async call(id: NodeId, ...args: string[]): Promise<Reply> {
    const client = await connect(this.node(id), {
      password: this.passwords.get(id) ?? null,
      timeoutMs: 5_000,
    });
    try {
      return await client.call(...args);
    } finally {
      client.close();
    }
  }

  observe(timeoutMs = 5_000): Promise<Observation> {
    return observe(this.access, { timeoutMs });
  }

  async live(id: NodeId): Promise<LiveNode> {
    const node = (await this.observe()).nodes.get(id);
    if (node?.kind !== 'live') throw new Error(`${id} is not live: ${node?.said ?? 'unknown'}`);
    return node;
  }

  async stop(id: NodeId): Promise<void> {
    await stopNode(localHost, this.identity(id), { node: id, timeoutMs: 10_000 });
  }

  async destroy(): Promise<void> {
    for (const identity of this.processes.values()) {
      await localHost.signal(identity, 'SIGKILL');
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
