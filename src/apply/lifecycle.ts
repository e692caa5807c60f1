import { ReplctlError } from '../errors.ts';
import { isHung, liveNodeOf, type LiveView } from '../plan/live-view.ts';
import { PLAN_VERSION, type Plan, type Verb } from '../plan/plan.ts';
import { planRestarts } from '../plan/plan-restart.ts';
import { planSettle } from '../plan/plan-settle.ts';
import type { Step } from '../plan/step.ts';
import { ancestorsOf, levelsOf, rootOf, type Tree, treeOf } from '../plan/tree.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { settleEarlier, type ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { lockDeployment } from './lock-deployment.ts';
import { planRevival, warnOfLoss } from './revive.ts';
import { runJournaled } from './run-journaled.ts';
import type { RunReport } from './run-plan.ts';
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
  return perform(context, 'stop', options, (deployment) => [
    (view) => {
      const running = nodes.filter((id) => isOurs(view, id) || deployment.access.recordedOf(id) !== null);
      const stops = running.map((node): Step => ({ kind: 'stop-node', node, save: true }));
      return { stages: stops.length === 0 ? [] : [stops], warnings: [] };
    },
  ]);
}

/** Starts nodes in their declared places, parents first. A master that would come up empty over data is refused. */
export function startNodes(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: LifecycleOptions,
): Promise<ChangeResult> {
  return perform(context, 'start', options, (deployment) => [(view) => start(deployment, view, nodes)]);
}

function start(deployment: Deployment, view: LiveView, nodes: readonly NodeId[]): Work {
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
  return { stages: [...stages, wait].filter((stage) => stage.length > 0), warnings: [] };
}

/**
 * Rolling restart, leaves first; the master hands its role over meanwhile, so that writes hardly wait. One that lives
 * and does not answer is ended first, by SIGKILL if need be, and then brought back as `up` would: a master whose files
 * hold less than its replicas do not comes back as their master, the replica that has most takes over meanwhile.
 */
export function restartNodes(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: LifecycleOptions,
): Promise<ChangeResult> {
  return perform(context, 'restart', options, (deployment, first) => {
    for (const id of nodes) {
      if (isOurs(first, id) || isHung(first.nodes.get(id))) continue;
      throw notRunning(id);
    }
    const hung = nodes.filter((id) => isHung(first.nodes.get(id)));
    const others = nodes.filter((id) => !hung.includes(id));
    return [
      ...(hung.length === 0 ? [] : endAndRevive(deployment, hung)),
      ...(others.length === 0 ? [] : [(view: LiveView) => restart(deployment, view, others)]),
    ];
  });
}

/**
 * What `restartNodes` would do, and what that is planned from. REFUSED for nodes that do not answer: how they are brought
 * back shows only when they have ended.
 */
export async function planRestart(
  context: ApplyContext,
  nodes: readonly NodeId[],
): Promise<{ readonly plan: Plan; readonly view: LiveView }> {
  const deployment = await openDeployment(context.topology);
  const view = await look(context, deployment);
  for (const id of nodes) {
    if (isOurs(view, id)) continue;
    throw isHung(view.nodes.get(id))
      ? new ReplctlError('REFUSED', `${id} does not answer: its restart cannot be planned ahead`, {
          hint: `replctl restart ${id}`,
        })
      : notRunning(id);
  }
  return {
    plan: { ...emptyPlan('restart', deployment.topology), ...restart(deployment, view, nodes) },
    view,
  };
}

function notRunning(id: NodeId): ReplctlError {
  return new ReplctlError('REFUSED', `${id} is not running: nothing was changed`, {
    hint: `replctl start ${id}`,
  });
}

function restart(deployment: Deployment, view: LiveView, nodes: readonly NodeId[]): Work {
  const tree = treeOf(deployment.topology);
  const stages = planRestarts(new Map(nodes.map((id) => [id, 'asked for'])), tree, view);
  const running = [...tree.keys()].filter((id) => isReplicating(view, id) || nodes.includes(id));
  return { stages: [...stages, ...planSettle(tree, running, stages)], warnings: [] };
}

/** Nothing is ended before it is known that what follows will not be refused. */
function endAndRevive(deployment: Deployment, hung: readonly NodeId[]): Act[] {
  const end = (view: LiveView): Work => {
    planRevival(deployment, view, hung);
    return {
      stages: [hung.map((node): Step => ({ kind: 'stop-node', node, save: true, isHung: true }))],
      warnings: hung.map((id) => warnOfLoss(view, id, rootOf(treeOf(deployment.topology)))),
    };
  };
  return [end, (view) => planRevival(deployment, view, hung)];
}

/** What `lifecycle` runs under one lock: each act is planned from what is live when its turn comes. */
type Act = (view: LiveView) => Work;

interface Work {
  readonly stages: Step[][];
  readonly warnings: readonly string[];
}

/** The relations stay as they are declared, so there is no declaration to edit: just the steps, under lock and journal. */
async function perform(
  context: ApplyContext,
  verb: Verb,
  { isDryRun }: LifecycleOptions,
  planActs: (deployment: Deployment, view: LiveView) => readonly Act[],
): Promise<ChangeResult> {
  const lock = isDryRun ? null : await lockDeployment(context);
  try {
    if (lock !== null) await settleEarlier(context, verb);
    const deployment = await openDeployment(context.topology);
    const { topology } = deployment;
    let view: LiveView | null = await look(context, deployment);
    let plan = emptyPlan(verb, topology);
    let report: RunReport | null = null;
    for (const act of planActs(deployment, view)) {
      view ??= await look(context, deployment);
      const { stages, warnings } = act(view);
      const part: Plan = { ...plan, stages, warnings };
      plan = {
        ...plan,
        stages: [...plan.stages, ...stages],
        warnings: [...plan.warnings, ...warnings],
      };
      if (lock === null || stages.length === 0) continue;
      for (const message of warnings) context.emit({ kind: 'warning', node: null, message });
      const epoch = deployment.state.epoch + 1;
      deployment.remember({ epoch });
      report = joinReports(report, await runJournaled(context, part, deployment, null, epoch));
      view = null;
    }
    if (lock !== null) await deployment.save();
    return { plan, report, topology, epoch: deployment.state.epoch };
  } finally {
    await lock?.release();
  }
}

async function look({ signal }: ApplyContext, deployment: Deployment): Promise<LiveView> {
  return (await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal })).view;
}

function emptyPlan(verb: Verb, topology: Topology): Plan {
  return {
    version: PLAN_VERSION,
    verb,
    deployment: topology.name,
    tree: Object.fromEntries(treeOf(topology)),
    stages: [],
    warnings: [],
  };
}

function joinReports(before: RunReport | null, after: RunReport): RunReport {
  if (before === null) return after;
  return {
    notes: [...before.notes, ...after.notes],
    writeGapMs: after.writeGapMs ?? before.writeGapMs,
    resyncs: [...before.resyncs, ...after.resyncs],
    unforeseenCopies: [...before.unforeseenCopies, ...after.unforeseenCopies],
    possibleLoss: after.possibleLoss ?? before.possibleLoss,
    tookMs: before.tookMs + after.tookMs,
  };
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
