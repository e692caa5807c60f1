import type { NodeId } from '../topology/model.ts';
import { forecastEdge } from './forecast.ts';
import type { LiveView } from './live-view.ts';
import type { Rehang, StartNode, Step } from './step.ts';
import { ancestorsOf, levelsOf, rootOf, type Tree } from './tree.ts';

export interface TreeChange {
  /** The nodes that run now (or will by the time the stages run), and whom they follow. */
  readonly current: Tree;
  readonly target: Tree;
  readonly view: LiveView;
  /** Nodes of the target that may be started when they do not run. Others that do not run are left alone. */
  readonly startable: ReadonlySet<NodeId>;
}

/**
 * Any tree to any other with the same root. Walks the target from the root down: when a node's turn comes, its new
 * parent already hangs where it will stay, so it cannot be below the node (no ring), and the node carries its own
 * subtree along (no orphan). Every node moves at most once; nodes of one level move side by side.
 */
export function planTree(change: TreeChange): Step[][] {
  const working = new Map(change.current);
  const started = new Set<NodeId>();
  const stages: Step[][] = [];
  for (const level of levelsOf(change.target)) {
    const starts = level.flatMap((id) => planStart(change, working, id));
    const moves = level.flatMap((id) => planMove(change, working, id, level));
    // A parent that has just been started turns children away until its own link is up.
    const unready = [...starts, ...moves].flatMap((step) => parentsOf(step)).filter((id) => started.has(id));
    if (unready.length > 0) {
      stages.push([{ kind: 'wait-ready', root: rootOf(change.target), nodes: [...new Set(unready)] }]);
      for (const id of unready) started.delete(id);
    }
    if (starts.length > 0)
      stages.push(starts.map(({ node, parent }) => ({ kind: 'render-conf', node, parent })));
    if (starts.length + moves.length > 0) stages.push([...starts, ...moves]);
    for (const { node, parent } of starts) {
      working.set(node, parent);
      if (parent !== null) started.add(node);
    }
    for (const { node, to } of moves) working.set(node, to);
  }
  return stages;
}

function parentsOf(step: StartNode | Rehang): NodeId[] {
  const parent = step.kind === 'start-node' ? step.parent : step.to;
  return parent === null ? [] : [parent];
}

function planStart({ target, view, startable }: TreeChange, working: Tree, node: NodeId): StartNode[] {
  const parent = target.get(node) ?? null;
  if (working.has(node) || !startable.has(node) || (parent !== null && !isThere(parent))) return [];
  const resync = parent === null ? null : forecastEdge(view, node, parent, { parentCatchesUp: false });
  return [{ kind: 'start-node', node, parent, resync }];

  function isThere(id: NodeId): boolean {
    return working.has(id);
  }
}

function planMove(
  { target, view }: TreeChange,
  working: Tree,
  node: NodeId,
  level: readonly NodeId[],
): Rehang[] {
  const to = target.get(node) ?? null;
  const from = working.get(node);
  if (from === undefined || to === null || from === to || !working.has(to)) return [];
  const path = ancestorsOf(working, node);
  // What an ancestor has not got, its descendants cannot have; unless one in between moves at the same time.
  const between = path.slice(0, path.indexOf(to));
  const isAncestor = path.includes(to) && !between.some((id) => level.includes(id));
  const how = isAncestor ? 'direct' : 'freeze';
  return [
    {
      kind: 'rehang',
      node,
      from,
      to,
      how,
      resync: forecastEdge(view, node, to, { parentCatchesUp: true }),
    },
  ];
}
