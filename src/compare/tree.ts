import type { LiveNode, Observation } from '../observe/observation.ts';
import type { NodeId, Topology } from '../topology/model.ts';

/** Who follows whom now: live node → the declared node it follows; null for a master, and for a follower of a stranger. */
export type LiveTree = ReadonlyMap<NodeId, NodeId | null>;

export function liveTree(observation: Observation): LiveTree {
  return new Map(liveNodes(observation).map((node) => [node.id, node.follows?.node ?? null]));
}

export function liveNodes(observation: Observation): LiveNode[] {
  return [...observation.nodes.values()].filter((node) => node.kind === 'live');
}

/** The nodes of every ring, each ring once, from its first node in declared order. */
export function findRings(tree: LiveTree): NodeId[][] {
  const rings: NodeId[][] = [];
  const seen = new Set<NodeId>();
  for (const start of tree.keys()) {
    const path: NodeId[] = [];
    let at: NodeId | null = start;
    while (at !== null && !path.includes(at) && !seen.has(at)) {
      path.push(at);
      at = tree.get(at) ?? null;
    }
    if (at !== null && path.includes(at)) rings.push(path.slice(path.indexOf(at)));
    for (const id of path) seen.add(id);
  }
  return rings;
}

/** From the node's parent upwards; ends at a master, at a stranger, at a dead node (included), or where a ring closes. */
export function ancestors(tree: LiveTree, id: NodeId): NodeId[] {
  const path: NodeId[] = [];
  let at = tree.get(id) ?? null;
  while (at !== null && at !== id && !path.includes(at)) {
    path.push(at);
    at = tree.get(at) ?? null;
  }
  return path;
}

export function declaredMaster(topology: Topology): NodeId {
  const master = topology.nodes.find(({ parent }) => parent === null);
  if (master === undefined) throw new Error('topology without a master');
  return master.id;
}
