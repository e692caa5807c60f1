import type { Finding } from '../compare/finding.ts';
import type { LiveNode, NodeObservation, Observation } from '../observe/observation.ts';
import type { NodeId, NodeSpec, Topology } from '../topology/model.ts';

/** `replctl status --json`, schema `replctl.status/1`: the live tree and what is wrong with it. */
export interface StatusReport {
  readonly schema: 'replctl.status/1';
  readonly deployment: string;
  readonly file: string | null;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  readonly isHealthy: boolean;
  /** Parents before children. */
  readonly nodes: readonly NodeReport[];
  readonly findings: readonly Finding[];
}

export interface NodeReport {
  readonly id: NodeId;
  readonly host: string;
  readonly port: number;
  readonly state: 'up' | 'down';
  /** Why it is down, in words; null when up. */
  readonly downReason: string | null;
  readonly role: 'master' | 'replica' | null;
  /** The node it follows now; as declared when it is down. */
  readonly parent: NodeId | null;
  readonly declaredParent: NodeId | null;
  readonly depth: number;
  /** null for a master and for a node that is down. */
  readonly link: 'up' | 'syncing' | 'down' | null;
  readonly offset: number | null;
  readonly replid: string | null;
  readonly lagToParentBytes: number | null;
  readonly lagToRootBytes: number | null;
  /** Since its parent last heard of it; null when its parent does not list it as online. */
  readonly lagSeconds: number | null;
  readonly keys: number | null;
  readonly memoryBytes: number | null;
  readonly pid: number | null;
  readonly uptimeSeconds: number | null;
  readonly engine: string;
  readonly version: string | null;
}

/** Puts what was declared, seen and concluded into the one shape that `status` prints. */
export function reportStatus(
  topology: Topology,
  observation: Observation,
  findings: readonly Finding[],
): StatusReport {
  const liveParents = findParents(topology, observation);
  const ordered = orderByTree(topology.nodes, liveParents);
  return {
    schema: 'replctl.status/1',
    deployment: topology.name,
    file: topology.file,
    observedAt: new Date(observation.atMs).toISOString(),
    isHealthy: findings.every(({ severity }) => severity === 'info'),
    nodes: ordered.map(({ node, depth, root }) => reportNode(node, depth, root, observation, liveParents)),
    findings,
  };
}

type Parents = ReadonlyMap<NodeId, NodeId | null>;

/** Whom each node follows now; for a node that is down, whom it would. */
function findParents(topology: Topology, observation: Observation): Parents {
  return new Map(
    topology.nodes.map((node) => {
      const seen = observation.nodes.get(node.id);
      return [node.id, seen?.kind === 'live' ? (seen.follows?.node ?? null) : node.parent];
    }),
  );
}

interface Placed {
  readonly node: NodeSpec;
  readonly depth: number;
  readonly root: NodeId;
}

/** Pre-order of the live tree, siblings as declared; members of a ring, which no root reaches, come last. */
function orderByTree(nodes: readonly NodeSpec[], parents: Parents): Placed[] {
  const placed = new Map<NodeId, Placed>();
  const place = (node: NodeSpec, depth: number, root: NodeId): void => {
    if (placed.has(node.id)) return;
    placed.set(node.id, { node, depth, root });
    for (const child of nodes) if (parents.get(child.id) === node.id) place(child, depth + 1, root);
  };
  for (const node of nodes) if ((parents.get(node.id) ?? null) === null) place(node, 0, node.id);
  for (const node of nodes) place(node, 0, node.id);
  return [...placed.values()];
}

function reportNode(
  node: NodeSpec,
  depth: number,
  rootId: NodeId,
  observation: Observation,
  parents: Parents,
): NodeReport {
  const seen = observation.nodes.get(node.id);
  const parentId = parents.get(node.id) ?? null;
  const declared = {
    id: node.id,
    host: node.host,
    port: node.port,
    parent: parentId,
    declaredParent: node.parent,
    depth,
  };
  if (seen?.kind !== 'live') return { ...declared, ...deadReport(node, seen) };
  const parent = parentId === null ? undefined : liveOf(observation, parentId);
  const root = rootId === node.id ? undefined : liveOf(observation, rootId);
  const { info } = seen;
  const listed = parent?.listed.find((replica) => replica.node === node.id && replica.state === 'online');
  return {
    ...declared,
    state: 'up',
    downReason: null,
    role: info.replication.role,
    link: linkOf(seen),
    offset: info.replication.offset,
    replid: info.replication.replid,
    lagToParentBytes: lagBytes(seen, parent),
    lagToRootBytes: rootId === node.id ? 0 : lagBytes(seen, root),
    lagSeconds: listed?.lagSeconds ?? null,
    keys: [...info.keyspace.values()].reduce((sum, { keys }) => sum + keys, 0),
    memoryBytes: info.memory.usedBytes,
    pid: info.server.pid,
    uptimeSeconds: info.server.uptimeSeconds,
    engine: info.server.family,
    version: info.server.version,
  };
}

function deadReport(
  node: NodeSpec,
  seen: NodeObservation | undefined,
): Omit<NodeReport, 'id' | 'host' | 'port' | 'parent' | 'declaredParent' | 'depth'> {
  return {
    state: 'down',
    downReason: seen?.kind === 'dead' ? seen.said : 'not looked at',
    role: null,
    link: null,
    offset: null,
    replid: null,
    lagToParentBytes: null,
    lagToRootBytes: null,
    lagSeconds: null,
    keys: null,
    memoryBytes: null,
    pid: seen?.process.isOurs === true ? seen.process.pid : null,
    uptimeSeconds: null,
    engine: node.engine.kind,
    version: null,
  };
}

function liveOf(observation: Observation, id: NodeId): LiveNode | undefined {
  const seen = observation.nodes.get(id);
  return seen?.kind === 'live' ? seen : undefined;
}

function linkOf({ info }: LiveNode): NodeReport['link'] {
  const { link } = info.replication;
  if (link === null) return null;
  return link.isSyncing ? 'syncing' : link.isUp ? 'up' : 'down';
}

/** Bytes of the same history that the other has and this one lacks; null when the histories differ or are unknown. */
function lagBytes(node: LiveNode, other: LiveNode | undefined): number | null {
  if (node.info.replication.role === 'master') return 0;
  if (other === undefined || other.info.replication.replid !== node.info.replication.replid) return null;
  return Math.max(0, other.info.replication.offset - node.info.replication.offset);
}
