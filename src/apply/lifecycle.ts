import { localHost } from '../hosts/local-host.ts';
import { ReplctlError } from '../errors.ts';
import { liveNodeOf, type LiveView } from '../plan/live-view.ts';
import { PLAN_VERSION, type Verb } from '../plan/plan.ts';
import { planRestarts } from '../plan/plan-restart.ts';
import { planSettle } from '../plan/plan-settle.ts';
import type { Step } from '../plan/step.ts';
import { ancestorsOf, levelsOf, rootOf, type Tree, treeOf } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import { settleEarlier, type ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { acquireLock } from './lock.ts';
import { runJournaled } from './run-journaled.ts';
import { takeStock } from './take-stock.ts';

export interface LifecycleOptions {
  readonly isDryRun: boolean;
}

const OBSERVE_TIMEOUT_MS = 2_000;

/** Stops nodes, data saved; everything else is left as it is, and nobody is promoted. */
export function stopNodes(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: LifecycleOptions,
): Promise<ChangeResult> {
  return perform(context, 'stop', options, (deployment, view) => {
    const running = nodes.filter((id) => isOurs(view, id) || deployment.access.recordedOf(id) !== null);
    return running.length === 0
      ? []
      : [running.map((node): Step => ({ kind: 'stop-node', node, save: true }))];
  });
}

/** Starts nodes in their declared places, parents first. A master that would come up empty over data is refused. */
export function startNodes(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: LifecycleOptions,
): Promise<ChangeResult> {
  return perform(context, 'start', options, (deployment, view) => {
    const tree = treeOf(deployment.topology);
    const wanted = nodes.filter((id) => view.nodes.get(id)?.kind === 'down');
    refuseEmptyMaster(tree, view, wanted);
    const stages = levelsOf(tree).flatMap((level): Step[][] => {
      const starting = level.filter((id) => wanted.includes(id));
      const parentOf = (node: NodeId): NodeId | null => tree.get(node) ?? null;
      return [
        starting.map((node): Step => ({ kind: 'render-conf', node, parent: parentOf(node) })),
        starting.map((node): Step => ({ kind: 'start-node', node, parent: parentOf(node), resync: null })),
      ];
    });
    const isRootUp = wanted.includes(rootOf(tree)) || liveNodeOf(view, rootOf(tree)) !== null;
    // Whoever hangs below a node that comes back finds it again by itself; done is when all have.
    const affected = [...tree.keys()].filter(
      (id) =>
        wanted.includes(id) ||
        (liveNodeOf(view, id) !== null && ancestorsOf(tree, id).some((above) => wanted.includes(above))),
    );
    const wait: Step[] =
      isRootUp && wanted.length > 0 ? [{ kind: 'wait-ready', root: rootOf(tree), nodes: affected }] : [];
    return [...stages, wait].filter((stage) => stage.length > 0);
  });
}

/** Rolling restart, leaves first; the master hands its role over meanwhile, so that writes hardly wait. */
export function restartNodes(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: LifecycleOptions,
): Promise<ChangeResult> {
  return perform(context, 'restart', options, (deployment, view) => {
    for (const id of nodes) {
      if (isOurs(view, id)) continue;
      throw new ReplctlError('REFUSED', `${id} is not running: nothing was changed`, {
        hint: `replctl start ${id}`,
      });
    }
    const tree = treeOf(deployment.topology);
    const stages = planRestarts(new Map(nodes.map((id) => [id, 'asked for'])), tree, view);
    const running = [...tree.keys()].filter((id) => isReplicating(view, id) || nodes.includes(id));
    return [...stages, ...planSettle(tree, running, stages)];
  });
}

/** The relations stay as they are declared, so there is no declaration to edit: just the steps, under lock and journal. */
async function perform(
  context: ApplyContext,
  verb: Verb,
  { isDryRun }: LifecycleOptions,
  planStages: (deployment: Deployment, view: LiveView) => Step[][],
): Promise<ChangeResult> {
  const lock = isDryRun ? null : await acquireLock(context.topology.stateDir, context.command, localHost);
  try {
    if (lock !== null) await settleEarlier(context, verb);
    const deployment = await openDeployment(context.topology);
    const { view } = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
    const { topology, state } = deployment;
    const tree = Object.fromEntries(treeOf(topology));
    const stages = planStages(deployment, view);
    const plan = {
      version: PLAN_VERSION,
      verb,
      deployment: topology.name,
      tree,
      stages,
      warnings: [],
    } as const;
    if (lock === null || stages.length === 0) return { plan, report: null, topology, epoch: state.epoch };
    const epoch = state.epoch + 1;
    deployment.remember({ epoch });
    const report = await runJournaled(context, plan, deployment, null, epoch);
    return { plan, report, topology, epoch };
  } finally {
    await lock?.release();
  }
}

function isOurs(view: LiveView, id: NodeId): boolean {
  return liveNodeOf(view, id)?.isOurs === true;
}

/** What was without a link before is not waited for. */
function isReplicating(view: LiveView, id: NodeId): boolean {
  const node = liveNodeOf(view, id);
  return node !== null && (node.role === 'master' || node.isLinkUp);
}

function refuseEmptyMaster(tree: Tree, view: LiveView, wanted: readonly NodeId[]): void {
  const root = rootOf(tree);
  const node = view.nodes.get(root);
  if (!wanted.includes(root) || node?.kind !== 'down' || node.data.kind !== 'none') return;
  const rich = [...view.nodes].flatMap(([id, other]) =>
    other.kind === 'live' && other.keys > 0 ? [id] : [],
  );
  if (rich.length === 0) return;
  throw new ReplctlError(
    'REFUSED',
    `${root} has no data on disk and would wipe ${rich.join(', ')}; nothing was changed`,
    {
      hint: 'replctl up brings it back without loss: as a replica first',
      details: { code: 'EmptyMaster', node: root, holders: rich },
    },
  );
}
