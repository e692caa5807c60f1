import type { LiveNode, NodeObservation, Observation } from '../observe/observation.ts';
import type { NodeId, NodeSpec, Topology } from '../topology/model.ts';
import { type Limits, LIMITS } from './limits.ts';
import { type LiveTree, ancestors, declaredMaster, findRings, liveNodes, liveTree } from './tree.ts';

/** Canonical directive name → one argument list per line. */
export type Directives = ReadonlyMap<string, readonly (readonly string[])[]>;

export interface CompareInput {
  readonly topology: Topology;
  /** The declaration as it was last applied; null when nothing ever was. */
  readonly applied: readonly NodeSpec[] | null;
  readonly observation: Observation;
  /** A pass some time before, for what only shows as movement; null when there is none. */
  readonly earlier?: Observation | null;
  /** What each node's conf is rendered from, secrets as '***'. */
  readonly declared: ReadonlyMap<NodeId, Directives>;
  /** An operation whose journal is still open. */
  readonly operation?: { readonly verb: string; readonly id: string } | null;
  readonly limits?: Limits;
}

/** What the rules read: the input, and what several of them conclude from it. */
export interface Scene {
  readonly topology: Topology;
  readonly applied: readonly NodeSpec[] | null;
  readonly observation: Observation;
  readonly earlier: Observation | null;
  readonly declared: ReadonlyMap<NodeId, Directives>;
  readonly operation: { readonly verb: string; readonly id: string } | null;
  readonly limits: Limits;
  /** Nodes that answer, and are what they are taken for. */
  readonly live: readonly LiveNode[];
  /** Servers that answer on a node's port, but are another one: nothing of what they say is about the node. */
  readonly strangers: readonly LiveNode[];
  readonly tree: LiveTree;
  readonly rings: readonly (readonly NodeId[])[];
  /** Declared master. */
  readonly master: NodeId;
  /** Live masters among the declared nodes, the declared one first. */
  readonly masters: readonly LiveNode[];
  /** A failover of the server's own (FAILOVER command) is under way. */
  readonly isFailingOver: boolean;
}

export function setScene(input: CompareInput): Scene {
  const { topology, observation } = input;
  const master = declaredMaster(topology);
  const answering = liveNodes(observation);
  const live = answering.filter((node) => !isStranger(node, input.declared.get(node.id)));
  const alive = new Set(live.map(({ id }) => id));
  const tree = new Map([...liveTree(observation)].filter(([id]) => alive.has(id)));
  const masters = live.filter(({ info }) => info.replication.role === 'master');
  return {
    topology,
    applied: input.applied,
    observation,
    earlier: input.earlier ?? null,
    declared: input.declared,
    operation: input.operation ?? null,
    limits: input.limits ?? LIMITS,
    live,
    strangers: answering.filter(({ id }) => !alive.has(id)),
    tree,
    rings: findRings(tree),
    master,
    masters: [...masters].sort((a, b) => Number(b.id === master) - Number(a.id === master)),
    isFailingOver: live.some(
      ({ info }) => (info.replication.failoverState ?? 'no-failover') !== 'no-failover',
    ),
  };
}

/** Not the process that was started, and not even run from the node's conf: its pidfile is another. */
function isStranger({ process, config }: LiveNode, declared: Directives | undefined): boolean {
  const pidfile = config.get('pidfile');
  const wanted = declared?.get('pidfile')?.at(-1)?.[0];
  return (
    !process.isOurs &&
    process.unknownBecause === null &&
    pidfile !== undefined &&
    wanted !== undefined &&
    pidfile !== wanted
  );
}

export function specOf(scene: Scene, id: NodeId): NodeSpec | null {
  return scene.topology.nodes.find((node) => node.id === id) ?? null;
}

export function liveOf(scene: Scene, id: NodeId | null): LiveNode | null {
  return scene.live.find((node) => node.id === id) ?? null;
}

export function earlierOf(scene: Scene, id: NodeId): LiveNode | null {
  const node = scene.earlier?.nodes.get(id);
  return node?.kind === 'live' ? node : null;
}

/** Milliseconds between the two passes; null when there is one only. */
export function elapsedMs(scene: Scene): number | null {
  const elapsed = scene.earlier === null ? 0 : scene.observation.atMs - scene.earlier.atMs;
  return elapsed > 0 ? elapsed : null;
}

export function isInRing(scene: Scene, id: NodeId): boolean {
  return scene.rings.some((ring) => ring.includes(id));
}

/** Nothing was ever applied and nothing runs: the deployment does not exist yet. */
export function isUnborn(scene: Scene): boolean {
  return scene.applied === null && [...scene.observation.nodes.values()].every(isAbsent);
}

function isAbsent(node: NodeObservation): boolean {
  return node.kind === 'dead' && node.reason === 'refused';
}

/** A master without data whose replicas still hold some, of another history: their next sync would wipe them. */
export function isEmptyMaster(scene: Scene, node: LiveNode): boolean {
  return (
    node.info.replication.role === 'master' && countKeys(node) === 0 && endangered(scene, node).length > 0
  );
}

/** Declared or live descendants that hold keys of another history than this master's. */
export function endangered(scene: Scene, master: LiveNode): LiveNode[] {
  const { replid, replid2 } = master.info.replication;
  return scene.live.filter(
    (node) =>
      node.info.replication.role === 'replica' &&
      countKeys(node) > 0 &&
      node.info.replication.replid !== replid &&
      node.info.replication.replid !== replid2 &&
      ancestors(scene.tree, node.id).includes(master.id),
  );
}

export function countKeys(node: LiveNode): number {
  return [...node.info.keyspace.values()].reduce((sum, { keys }) => sum + keys, 0);
}

export function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The value of a directive whose declaration has one line. */
export function declaredValue(scene: Scene, id: NodeId, name: string): string | null {
  return scene.declared.get(id)?.get(name)?.at(-1)?.join(' ') ?? null;
}
