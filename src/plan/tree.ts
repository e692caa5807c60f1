import type { NodeId, Topology } from '../topology/model.ts';

/** Who follows whom: node → parent, null for a root. Iterates parents before children where `treeOf` made it. */
export type Tree = ReadonlyMap<NodeId, NodeId | null>;

export function treeOf(topology: Topology): Tree {
  return new Map(topology.nodes.map(({ id, parent }) => [id, parent]));
}

/** The single root. A declared topology has exactly one by validation. */
export function rootOf(tree: Tree): NodeId {
  for (const [id, parent] of tree) if (parent === null) return id;
  throw new Error('tree without root');
}

export function childrenOf(tree: Tree, parent: NodeId): NodeId[] {
  return [...tree].filter(([, candidate]) => candidate === parent).map(([id]) => id);
}

/** Ancestors, nearest first. Ends at a root, at a parent outside the tree, or where a ring closes. */
export function ancestorsOf(tree: Tree, node: NodeId): NodeId[] {
  const path: NodeId[] = [];
  let parent = tree.get(node) ?? null;
  while (parent !== null && parent !== node && !path.includes(parent)) {
    path.push(parent);
    parent = tree.get(parent) ?? null;
  }
  return path;
}

/** Nodes by depth: the root alone, then its children, and so on. */
export function levelsOf(tree: Tree): NodeId[][] {
  const levels: NodeId[][] = [];
  let level = [...tree].filter(([, parent]) => parent === null).map(([id]) => id);
  while (level.length > 0) {
    levels.push(level);
    level = level.flatMap((id) => childrenOf(tree, id));
  }
  return levels;
}

/** The tree with some nodes hung elsewhere. */
export function withParents(tree: Tree, changes: Iterable<readonly [NodeId, NodeId | null]>): Tree {
  return new Map([...tree, ...changes]);
}

/** Nodes without children. */
export function leavesOf(tree: Tree): NodeId[] {
  const parents = new Set(tree.values());
  return [...tree.keys()].filter((id) => !parents.has(id));
}
