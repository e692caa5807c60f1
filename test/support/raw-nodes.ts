import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CompareInput } from '../../src/compare/scene.ts';
import { formatLine } from '../../src/conf/quote-value.ts';
import { declareDirectives } from '../../src/render/declare-directives.ts';
import { type NodeFiles, nodeFiles } from '../../src/topology/node-files.ts';
import { MASKED_SECRETS } from '../../src/topology/secrets.ts';
import { type WaitOptions, waitUntilReady } from '../../src/observe/wait-until-ready.ts';
import { findEngine } from '../../src/hosts/engine.ts';
import type { ProcessIdentity } from '../../src/hosts/host.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { startNode } from '../../src/hosts/start-node.ts';
import { isRunning, stopNode } from '../../src/hosts/stop-node.ts';
import type { Access } from '../../src/observe/access.ts';
import { answersAt, connect } from '../../src/observe/client.ts';
import { type Observation, type LiveNode } from '../../src/observe/observation.ts';
import { observe } from '../../src/observe/observe.ts';
import type { Reply } from '../../src/observe/reply.ts';
import type { NodeId, NodeSpec } from '../../src/topology/model.ts';
import type { TestEngine } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { poll } from './poll.ts';
import { clearFolder } from './processes-in.ts';
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
      filesOf: (node) => nodeFiles(this.access.topology, node),
      recordedOf: (id) => this.processes.get(id) ?? null,
    };
  }

  static async declare(
    kind: TestEngine,
    tree: Readonly<Record<NodeId, NodeId | null>>,
    extras: Partial<NodeSpec> = {},
  ): Promise<RawNodes> {
    const ports = await freePorts(Object.keys(tree).length);
    const byId = new Map(Object.keys(tree).map((id, index) => [id, ports[index] ?? 0]));
    return new RawNodes(
      kind,
      declareTree(tree, (id) => ({ port: byId.get(id) ?? 0, engine: { kind, command: null }, ...extras })),
    );
  }

  node(id: NodeId): NodeSpec {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  files(id: NodeId): NodeFiles {
    return nodeFiles(this.access.topology, this.node(id));
  }

  /** Starts nodes in the given order, parents by `replicaof` in their conf; `extra` lines go below. */
  async start(ids: readonly NodeId[] = [...this.nodes.keys()], extra: readonly string[] = []): Promise<void> {
    for (const id of ids) {
      await localHost.makeDir(this.files(id).home);
      writeFileSync(this.files(id).confFile, `${[...this.confLines(id), ...extra].join('\n')}\n`);
      await this.startAgain(id);
    }
  }

  /** On another engine than the rest. */
  async startWith(id: NodeId, kind: TestEngine): Promise<void> {
    await localHost.makeDir(this.files(id).home);
    writeFileSync(this.files(id).confFile, `${this.confLines(id).join('\n')}\n`);
    await this.startAgain(id, kind);
  }

  /** With the conf as it lies there. */
  async startAgain(id: NodeId, kind: TestEngine = this.kind): Promise<void> {
    const node = this.node(id);
    const engine = findEngine({ kind, command: null }, localHost);
    const identity = await startNode(
      localHost,
      engine,
      { node: id, port: node.port, dir: this.files(id).home, ...this.files(id) },
      { answers: () => answersAt(node, { password: null, timeoutMs: 1_000 }), timeoutMs: 60_000 },
    );
    this.processes.set(id, identity);
  }

  /** What the CLI would render, without its comments. */
  confLines(id: NodeId): string[] {
    const { topology, passwordOf } = this.access;
    const directives = declareDirectives(topology, this.node(id), { secrets: { passwordOf, warnings: [] } });
    return [...directives].flatMap(([name, lines]) => lines.map((args) => formatLine(name, args)));
  }

  /** What `compare` takes, of what is there now. */
  async input(earlier: Observation | null = null, timeoutMs = 10_000): Promise<CompareInput> {
    const { topology } = this.access;
    return {
      topology,
      applied: topology.nodes,
      observation: await this.observe(timeoutMs),
      earlier,
      declared: new Map(
        topology.nodes.map((node) => [
          node.id,
          declareDirectives(topology, node, { secrets: MASKED_SECRETS }),
        ]),
      ),
    };
  }

  async ready(timeoutMs = 60_000, onProgress?: WaitOptions['onProgress']): Promise<void> {
    const [root] = this.access.topology.nodes;
    if (root === undefined) throw new Error('no nodes');
    await waitUntilReady({
      root,
      nodes: this.access.topology.nodes,
      passwordOf: this.access.passwordOf,
      timeoutMs,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  }

  /** From now on the tool has this password for the node. */
  usePassword(id: NodeId, password: string): void {
    this.passwords.set(id, password);
  }

  /** From now on the tool takes this process for the node. */
  record(id: NodeId, identity: ProcessIdentity): void {
    this.processes.set(id, identity);
  }

  identity(id: NodeId): ProcessIdentity {
    const identity = this.processes.get(id);
    if (identity === undefined) throw new Error(`${id} was not started`);
    return identity;
  }

  async call(id: NodeId, ...args: string[]): Promise<Reply> {
    const client = await connect(this.node(id), {
      password: this.passwords.get(id) ?? null,
      timeoutMs: 30_000,
    });
    try {
      return await client.call(...args);
    } finally {
      client.close();
    }
  }

  observe(timeoutMs = 10_000): Promise<Observation> {
    return observe(this.access, { timeoutMs });
  }

  async live(id: NodeId): Promise<LiveNode> {
    const node = (await this.observe()).nodes.get(id);
    if (node?.kind !== 'live') throw new Error(`${id} is not live: ${node?.said ?? 'unknown'}`);
    return node;
  }

  async signal(id: NodeId, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    await localHost.signal(this.identity(id), signal);
    if (signal !== 'SIGKILL') return;
    await poll(`the end of ${id}`, async () => !(await isRunning(localHost, this.identity(id))));
  }

  async stop(id: NodeId): Promise<void> {
    await stopNode(localHost, this.identity(id), { node: id, timeoutMs: 60_000 });
  }

  async destroy(): Promise<void> {
    await clearFolder(this.dir);
  }
}
