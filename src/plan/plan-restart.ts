import type { NodeId } from '../topology/model.ts';
import { forecastEdge } from './forecast.ts';
import { liveNodeOf, type LiveView } from './live-view.ts';
import { DEFAULT_SWITCHOVER, planSwitchover, settledNodes } from './plan-switchover.ts';
import type { Step } from './step.ts';
import { childrenOf, levelsOf, rootOf, type Tree } from './tree.ts';

/**
 * Rolling restart of the given nodes (node → reason): leaves first, each ready again before the next. The master goes
 * last, and hands its role to a replica meanwhile and takes it back after, so that writes wait for milliseconds and
 * not for a restart; alone, or below 7.0 (where its data would be copied again), it restarts in place.
 */
export function planRestarts(reasons: ReadonlyMap<NodeId, string>, tree: Tree, view: LiveView): Step[][] {
  const root = rootOf(tree);
  const stages: Step[][] = [];
  for (const level of levelsOf(tree).reverse()) {
    for (const node of level) {
      const reason = reasons.get(node);
      if (reason === undefined) continue;
      if (node === root) stages.push(...planMasterRestart(tree, view, reason));
      else stages.push(...restart(view, node, tree.get(node) ?? null, root, reason));
    }
  }
  return stages;
}

function planMasterRestart(tree: Tree, view: LiveView, reason: string): Step[][] {
  const master = rootOf(tree);
  const stand = standIn(tree, view, master);
  if (stand === null) return restart(view, master, null, master, reason);
  const settled = settledNodes(view, tree);
  return [
    ...planSwitchover(view, master, stand, DEFAULT_SWITCHOVER, settled),
    // A file keeps one replication id (rdb.c, rdbPopulateSaveInfo): a replica that has not heard of the new one by the
    // time its parent restarts would be copied whole.
    [{ kind: 'wait-ready', root: stand, nodes: settled }],
    ...restart(view, master, stand, stand, reason),
    ...planSwitchover(view, stand, master, DEFAULT_SWITCHOVER, settled),
  ];
}

function standIn(tree: Tree, view: LiveView, master: NodeId): NodeId | null {
  const version = liveNodeOf(view, master)?.version ?? [0, 0, 0];
  if (version[0] < 7) return null;
  const eligible = childrenOf(tree, master).filter((id) => {
    const node = liveNodeOf(view, id);
    return node !== null && node.isLinkUp && !node.isLoading && node.priority > 0;
  });
  return eligible[0] ?? null;
}

function restart(
  view: LiveView,
  node: NodeId,
  parent: NodeId | null,
  root: NodeId,
  reason: string,
): Step[][] {
  const resync = parent === null ? null : forecastEdge(view, node, parent, { parentCatchesUp: true });
  return [
    [{ kind: 'render-conf', node, parent }],
    [{ kind: 'restart-node', node, parent, reason, resync }],
    [{ kind: 'wait-ready', root, nodes: [node] }],
  ];
}
