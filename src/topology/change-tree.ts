import { ReplctlError } from '../errors.ts';
import type { NodeId, NodeSpec, Topology } from './model.ts';

/** Node → parent; null for the master. Holds every node of a topology. */
export type Tree = ReadonlyMap<NodeId, NodeId | null>;

export function treeOf(topology: Topology): Tree {
  return new Map(topology.nodes.map(({ id, parent }) => [id, parent]));
}

/**
 * The target takes the root; the old master becomes its direct replica, the old master's other direct replicas become
 * the target's, and everyone else keeps their parent.
 */
export function promoteInTree(topology: Topology, target: NodeId): Tree {
  const master = masterOf(topology);
  require(topology, target);
  if (target === master)
    throw new ReplctlError('REFUSED', `${target} is the master already: nothing was changed`);
  const tree = new Map(treeOf(topology));
  for (const [id, parent] of tree) if (parent === master) tree.set(id, target);
  tree.set(target, null);
  tree.set(master, target);
  return tree;
}

/** One edge: `id`, with all that hangs below it, under another node. */
export function moveInTree(topology: Topology, id: NodeId, under: NodeId): Tree {
  const tree = new Map(treeOf(topology));
  require(topology, id);
  require(topology, under);
  if (id === masterOf(topology))
    throw new ReplctlError('REFUSED', `${id} is the master and replicates from nobody`, {
      hint: `replctl promote ${under} makes it a replica`,
    });
  if (id === under || ancestorsOf(tree, under).includes(id))
    throw new ReplctlError(
      'REFUSED',
      `${under} is ${id === under ? id : `below ${id}`}: that would be a ring`,
      {
        hint: `replctl move ${under} --under ${String(tree.get(id))} first`,
      },
    );
  return tree.set(id, under);
}

/**
 * Hangs each node of the list under the one before it. The first keeps its parent, or takes the nearest ancestor
 * outside the chain. Without a list: the master and then all replicas in declared order.
 */
export function chainTree(topology: Topology, ids?: readonly NodeId[]): Tree {
  const chain = ids === undefined || ids.length === 0 ? topology.nodes.map(({ id }) => id) : ids;
  const tree = new Map(treeOf(topology));
  for (const [index, id] of chain.entries()) {
    require(topology, id);
    if (chain.indexOf(id) !== index) throw new ReplctlError('USAGE', `${id} stands twice in the chain`);
    if (index > 0 && id === masterOf(topology))
      throw new ReplctlError('REFUSED', `${id} is the master: it can only be the first of a chain`, {
        hint: `replctl promote ${String(chain[0])} makes another node the master`,
      });
  }
  const [first] = chain;
  if (first === undefined) return tree;
  const outside = ancestorsOf(tree, first).find((id) => !chain.includes(id));
  if (outside !== undefined) tree.set(first, outside);
  for (const [index, id] of chain.entries()) if (index > 0) tree.set(id, chain[index - 1] ?? null);
  return tree;
}

/** Every replica directly under the master. */
export function starTree(topology: Topology): Tree {
  const master = masterOf(topology);
  return new Map(topology.nodes.map(({ id }) => [id, id === master ? null : master]));
}

/**
 * The model with other parents, nodes in the order in which the edited file would have them: parents before children,
 * siblings that stay before those that arrive.
 */
export function rehangTopology(topology: Topology, tree: Tree): Topology {
  checkTree(topology, tree);
  const nodes: NodeSpec[] = [];
  const place = (parent: NodeId | null): void => {
    for (const node of childrenInOrder(topology, tree, parent)) {
      nodes.push(node.parent === parent ? node : Object.freeze({ ...node, parent }));
      place(node.id);
    }
  };
  place(null);
  return Object.freeze({ ...topology, nodes: Object.freeze(nodes) });
}

/**
 * The children of `parent` in the new tree. The root's list is one list whoever is root: those that were in it stay
 * in their places, an old master takes the place of the replica that was promoted out of it, the rest is appended.
 */
export function childrenInOrder(topology: Topology, tree: Tree, parent: NodeId | null): NodeSpec[] {
  const master = masterOf(topology);
  const root = [...tree].find(([, above]) => above === null)?.[0] ?? master;
  const slot = parent === root ? master : parent === master ? null : parent;
  const wanted = topology.nodes.filter(({ id }) => tree.get(id) === parent);
  const old = topology.nodes.filter((node) => node.parent === slot && slot !== null);
  const staying = old.flatMap((node) => {
    if (wanted.includes(node)) return [node];
    const oldMaster = topology.nodes[0];
    const isSwap =
      node.id === root && parent === root && oldMaster !== undefined && wanted.includes(oldMaster);
    return isSwap ? [oldMaster] : [];
  });
  return [...staying, ...wanted.filter((node) => !staying.includes(node))];
}

/** A tree that is none is a bug of the caller: one root, every node reaches it, the nodes are the topology's. */
export function checkTree(topology: Topology, tree: Tree): void {
  const roots = [...tree].filter(([, parent]) => parent === null);
  const isWhole =
    tree.size === topology.nodes.length &&
    topology.nodes.every(({ id }) => {
      const ancestors = ancestorsOf(tree, id);
      return tree.has(id) && (ancestors.at(-1) ?? id) === roots[0]?.[0];
    });
  if (roots.length !== 1 || !isWhole)
    throw new Error(`not a tree of ${topology.name}: ${JSON.stringify([...tree])}`);
}

/** Nearest first; ends where a ring would begin. */
function ancestorsOf(tree: Tree, id: NodeId): NodeId[] {
  const ancestors: NodeId[] = [];
  for (let at = tree.get(id); at !== null && at !== undefined; at = tree.get(at)) {
    if (ancestors.includes(at) || at === id) break;
    ancestors.push(at);
  }
  return ancestors;
}

function masterOf(topology: Topology): NodeId {
  const [master] = topology.nodes;
  if (master === undefined) throw new Error(`${topology.name} has no nodes`);
  return master.id;
}

function require(topology: Topology, id: NodeId): void {
  if (!topology.nodes.some((node) => node.id === id))
    throw new ReplctlError('USAGE', `no node "${id}" in ${topology.name}`);
}
