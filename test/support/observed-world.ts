import type { CompareInput, Directives } from '../../src/compare/scene.ts';
import type {
  DeadNode,
  LiveNode,
  NodeObservation,
  Observation,
  ProcessFacts,
} from '../../src/observe/observation.ts';
import { type Info, parseInfo } from '../../src/observe/parse-info.ts';
import type { NodeId, NodeSpec } from '../../src/topology/model.ts';
import { declareTree } from './topologies.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const REPLID = 'a'.repeat(40);
const NO_REPLID = '0'.repeat(40);
const OFFSET = 5_000;

/** A deployment on paper, healthy until something is done to it: the input of `compare`, with handles to spoil it. */
export class ObservedWorld {
  readonly specs: NodeSpec[];
  readonly nodes = new Map<NodeId, NodeObservation>();
  readonly declared = new Map<NodeId, Directives>();
  applied: readonly NodeSpec[] | null;
  earlier: Observation | null = null;
  operation: { verb: string; id: string } | null = null;

  constructor(tree: Readonly<Record<NodeId, NodeId | null>>) {
    this.specs = declareTree(tree);
    this.applied = this.specs;
    for (const spec of this.specs) {
      this.declared.set(spec.id, declare(spec, this.specs));
      this.nodes.set(spec.id, this.healthy(spec));
    }
  }

  get input(): CompareInput {
    return {
      topology: { name: 'paper', file: null, stateDir: '/state', nodes: this.specs, warnings: [] },
      applied: this.applied,
      observation: this.observation(),
      earlier: this.earlier,
      declared: this.declared,
      operation: this.operation,
    };
  }

  observation(atMs = 2_000): Observation {
    return { atMs, nodes: new Map(this.nodes) };
  }

  /** What is there now becomes the earlier look. */
  look(): void {
    this.earlier = this.observation(1_000);
  }

  live(id: NodeId): LiveNode {
    const node = this.nodes.get(id);
    if (node?.kind !== 'live') throw new Error(`${id} is not live`);
    return node;
  }

  spec(id: NodeId): NodeSpec {
    const spec = this.specs.find((node) => node.id === id);
    if (spec === undefined) throw new Error(`no ${id}`);
    return spec;
  }

  respecify(id: NodeId, change: Partial<NodeSpec>): void {
    const index = this.specs.findIndex((node) => node.id === id);
    this.specs[index] = { ...this.spec(id), ...change };
  }

  change(id: NodeId, change: Partial<Mutable<LiveNode>>): void {
    this.nodes.set(id, { ...this.live(id), ...change });
  }

  changeInfo(id: NodeId, change: (info: Info) => Partial<Info>): void {
    const { info } = this.live(id);
    this.change(id, { info: { ...info, ...change(info) } });
  }

  replication(id: NodeId, change: Partial<Info['replication']>): void {
    this.changeInfo(id, (info) => ({ replication: { ...info.replication, ...change } }));
  }

  link(id: NodeId, change: Partial<NonNullable<Info['replication']['link']>>): void {
    const { link } = this.live(id).info.replication;
    if (link !== null) this.replication(id, { link: { ...link, ...change } });
  }

  configure(id: NodeId, name: string, value: string): void {
    this.change(id, { config: new Map([...this.live(id).config, [name, value]]) });
  }

  process(id: NodeId, change: Partial<ProcessFacts>): void {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no ${id}`);
    this.nodes.set(id, { ...node, process: { ...node.process, ...change } });
  }

  conf(id: NodeId, name: string, ...args: string[]): void {
    const lines = (this.live(id).process.conf ?? []).filter((line) => line.name !== name);
    this.process(id, { conf: args.length === 0 ? lines : [...lines, { name, args }] });
  }

  kill(id: NodeId, change: Partial<DeadNode> = {}): void {
    const { process } = this.live(id);
    this.nodes.set(id, {
      kind: 'dead',
      id,
      process: { ...process, isOurs: false, pid: null, pidfile: null },
      reason: 'refused',
      said: 'connect ECONNREFUSED',
      ...change,
    });
    for (const child of this.specs.filter(({ parent }) => parent === id)) {
      if (this.nodes.get(child.id)?.kind === 'live') this.link(child.id, { isUp: false, downSeconds: 3 });
    }
    const parent = this.nodes.get(this.spec(id).parent ?? '');
    if (parent?.kind === 'live') this.unlist(parent.id, id);
  }

  unlist(parent: NodeId, child: NodeId): void {
    this.change(parent, { listed: this.live(parent).listed.filter(({ node }) => node !== child) });
  }

  makeMaster(id: NodeId): void {
    const { offset } = this.live(id).info.replication;
    const { parent } = this.spec(id);
    this.change(id, { follows: null, role: { role: 'master', offset } });
    this.replication(id, {
      role: 'master',
      link: null,
      replid: 'b'.repeat(40),
      replid2: REPLID,
      secondOffset: offset + 1,
    });
    for (const child of this.specs.filter((node) => node.parent === id)) {
      if (this.nodes.get(child.id)?.kind === 'live') this.replication(child.id, { replid: 'b'.repeat(40) });
    }
    if (parent !== null && this.nodes.get(parent)?.kind === 'live') this.unlist(parent, id);
  }

  follow(id: NodeId, parent: NodeId | null, address = parent === null ? null : this.spec(parent)): void {
    const to =
      address === null ? { host: '10.0.0.9', port: 7000 } : { host: address.host, port: address.port };
    this.change(id, {
      follows: { ...to, node: parent },
      role: { role: 'replica', ...to, state: 'connected', offset: OFFSET },
    });
    this.replication(id, { role: 'replica', link: linkTo(to) });
  }

  private healthy(spec: NodeSpec): LiveNode {
    const parent = this.specs.find(({ id }) => id === spec.parent) ?? null;
    const children = this.specs.filter((node) => node.parent === spec.id);
    const replicas = children.map(({ host, port }) => ({
      host,
      port,
      state: 'online',
      offset: OFFSET,
      lagSeconds: 0,
    }));
    const idle = parseInfo('run_id:x\r\nredis_version:7.0.15\r\n');
    return {
      kind: 'live',
      id: spec.id,
      process: {
        isOurs: true,
        pid: 100 + spec.port,
        isRecorded: true,
        pidfile: { pid: 100 + spec.port, isAlive: true, isOurs: true },
        portHolder: null,
        conf: [...(this.declared.get(spec.id) ?? [])].flatMap(([name, lines]) =>
          lines.map((args) => ({ name, args })),
        ),
        unknownBecause: null,
      },
      info: {
        ...idle,
        server: { ...idle.server, pid: 100 + spec.port, port: spec.port, uptimeSeconds: 100 },
        keyspace: new Map([[0, { keys: 10, expires: 0 }]]),
        replication: {
          role: parent === null ? 'master' : 'replica',
          link: parent === null ? null : linkTo(parent),
          connectedReplicas: replicas.length,
          replicas,
          failoverState: 'no-failover',
          replid: REPLID,
          replid2: NO_REPLID,
          offset: OFFSET,
          secondOffset: -1,
          backlog: { isActive: true, sizeBytes: 1_048_576, firstByteOffset: 1, histlenBytes: OFFSET },
        },
      },
      role:
        parent === null
          ? { role: 'master', offset: OFFSET }
          : { role: 'replica', host: parent.host, port: parent.port, state: 'connected', offset: OFFSET },
      follows: parent === null ? null : { host: parent.host, port: parent.port, node: parent.id },
      listed: replicas.map((replica, index) => ({ ...replica, node: children[index]?.id ?? null })),
      config: new Map([
        ['port', String(spec.port)],
        ['pidfile', `/state/${spec.id}.pid`],
        ['repl-backlog-size', '1048576'],
        ['replica-read-only', 'yes'],
        ['repl-ping-replica-period', '10'],
        ['save', '3600 1 300 100'],
        ['databases', '16'],
      ]),
      secrets: { requirepass: 'unset', masterauth: 'unset' },
      parentSays: null,
      controllers: [],
      roundTripMs: 1,
    };
  }
}

function declare(spec: NodeSpec, specs: readonly NodeSpec[]): Directives {
  const parent = specs.find(({ id }) => id === spec.parent);
  return new Map([
    ['port', [[String(spec.port)]]],
    ['pidfile', [[`/state/${spec.id}.pid`]]],
    ['repl-backlog-size', [['1mb']]],
    ['replica-read-only', [['yes']]],
    ['repl-ping-replica-period', [['10']]],
    [
      'save',
      [
        ['3600', '1'],
        ['300', '100'],
      ],
    ],
    ['databases', [['16']]],
    ...(parent === undefined ? [] : [['replicaof', [[parent.host, String(parent.port)]]] as const]),
  ]);
}

function linkTo({ host, port }: { host: string; port: number }): NonNullable<Info['replication']['link']> {
  return {
    host,
    port,
    isUp: true,
    lastIoSeconds: 0,
    isSyncing: false,
    syncLeftBytes: null,
    readOffset: OFFSET,
    appliedOffset: OFFSET,
    downSeconds: null,
    priority: 100,
    isReadOnly: true,
  };
}
