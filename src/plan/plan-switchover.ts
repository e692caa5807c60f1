import type { NodeId } from '../topology/model.ts';
import { forecastEdge } from './forecast.ts';
import { liveNodeOf, type LiveNodeView, type LiveView } from './live-view.ts';
import type { Step } from './step.ts';
import type { Tree } from './tree.ts';

export interface SwitchoverOptions {
  /** How long writes may be held back before the attempt is given up. */
  readonly fenceBudgetMs: number;
  /** What one CLIENT PAUSE asks for; it ends by itself when replctl dies. */
  readonly leaseMs: number;
}

export const DEFAULT_SWITCHOVER: SwitchoverOptions = { fenceBudgetMs: 1000, leaseMs: 1500 };

/** An hour: longer than any switchover, so that no PING gets between O* and the promotion. */
const RAISED_PING_PERIOD_S = 3600;
const DEFAULT_PING_PERIOD_S = 10;

/**
 * The nodes that must be settled before a switchover. A node remembers one former history only: who has not yet
 * followed the last promotion when the next one comes would be copied in full.
 */
export function settledNodes(view: LiveView, tree: Tree): NodeId[] {
  const live = [...tree.keys()].flatMap((id) => {
    const node = liveNodeOf(view, id);
    return node === null ? [] : [{ id, node }];
  });
  const former = new Set(live.flatMap(({ node }) => (node.role === 'master' ? [node.history.replid2] : [])));
  // Before 7.0 a demoted master drops its replicas, and for a second they have no link.
  const isFollowing = (node: LiveNodeView): boolean => node.version[0] < 7 && former.has(node.history.replid);
  return live
    .filter(({ node }) => node.role === 'master' || node.isLinkUp || isFollowing(node))
    .map(({ id }) => id);
}

/**
 * The master's role goes from one node to any other of its tree, without a lost write and without a full resync:
 * hold writes, let the target catch up, demote, promote, verify. Afterwards `from` hangs under `to`.
 */
export function planSwitchover(
  view: LiveView,
  from: NodeId,
  to: NodeId,
  options: SwitchoverOptions,
  settled: readonly NodeId[],
): Step[][] {
  const master = liveNodeOf(view, from);
  const version = master?.version ?? [7, 0, 0];
  const hasWritePause = version[0] > 6 || (version[0] === 6 && version[1] >= 2);
  const resync = forecastEdge(view, from, to, { parentCatchesUp: true });
  const steps: Step[] = [
    { kind: 'wait-ready', root: from, nodes: [...new Set([...settled, to])] },
    { kind: 'raise-ping-period', node: from, seconds: RAISED_PING_PERIOD_S },
    {
      kind: 'fence',
      node: from,
      how: hasWritePause ? 'pause' : 'min-replicas',
      leaseMs: Math.max(options.leaseMs, options.fenceBudgetMs),
    },
    { kind: 'catch-up', node: to, master: from, budgetMs: options.fenceBudgetMs },
    { kind: 'demote', node: from, to },
    { kind: 'promote', node: to, from },
    { kind: 'verify-link', node: from, parent: to, resync },
    {
      kind: 'unfence',
      node: from,
      pingPeriodS: master?.pingPeriodS ?? DEFAULT_PING_PERIOD_S,
      minReplicas: master?.minReplicas ?? 0,
    },
  ];
  return steps.map((step) => [step]);
}
