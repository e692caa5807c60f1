import type { LiveNodeView, LiveView, NodeView } from '../plan/live-view.ts';
import type { Plan, Verb } from '../plan/plan.ts';
import { DEFAULT_CHANGE_OPTIONS, planUp, type ChangeOptions } from '../plan/plan-up.ts';
import { preflight } from '../plan/preflight.ts';
import { checkProbes } from '../plan/probes.ts';
import type { Refusal } from '../plan/refusal.ts';
import { treeOf, type Tree } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { ApplyContext } from './context.ts';
import type { Deployment } from './deployment.ts';
import { findDifferences, type Differences } from './find-differences.ts';
import { probe } from './probe.ts';
import { refusalError } from './refusal-error.ts';
import type { State } from './state.ts';
import { takeStock, type Stock } from './take-stock.ts';

export interface PlanRequest {
  readonly verb: Verb;
  readonly options: Partial<ChangeOptions>;
  /** What an interrupted switchover had found before its fence: what is live now is the fence's own. */
  readonly beforeFence?: ReadonlyMap<NodeId, Pick<LiveNodeView, 'pingPeriodS' | 'minReplicas'>>;
}

/** Looks at everything and plans; REFUSED with all reasons when it may not be done. Changes nothing. */
export async function makePlan(
  context: ApplyContext,
  request: PlanRequest,
  deployment: Deployment,
): Promise<{ plan: Plan; stock: Stock }> {
  const { topology, state } = deployment;
  const options = { ...DEFAULT_CHANGE_OPTIONS, ...request.options };
  const stock = await takeStock(deployment, {
    timeoutMs: OBSERVE_TIMEOUT_MS,
    signal: context.signal,
    takesOver: request.verb === 'add' ? addedNodes(deployment) : [],
  });
  const decision = planUp({
    verb: request.verb,
    deployment: topology.name,
    declared: treeOf(topology),
    applied: appliedTree(state),
    view: withoutFence(stock.view, request.beforeFence ?? new Map()),
    // Only `up` and its like make everything as declared; the others do what they were asked for.
    ...differencesFor(request, options, deployment, stock),
    options,
  });
  if (decision.kind === 'refused') throw refusalError(decision.refusals);
  if (request.beforeFence === undefined) {
    const doubts = await doubtsAbout(deployment, decision.plan, stock, options);
    if (doubts.length > 0) throw refusalError(doubts);
  }
  return { plan: decision.plan, stock };
}

/** Whoever adds a node by name means the replica that is there already, if there is one. */
function addedNodes({ topology, state }: Deployment): NodeId[] {
  const applied = new Set(state.applied?.nodes.map(({ id }) => id));
  return topology.nodes.map(({ id }) => id).filter((id) => !applied.has(id));
}

/** What speaks against a switchover, and against any change of who follows whom but the repairs of `up`. */
async function doubtsAbout(
  deployment: Deployment,
  plan: Plan,
  { observation, view }: Stock,
  { startsNodes, isForced, switchover }: ChangeOptions,
): Promise<Refusal[]> {
  const promotions = plan.stages.flat().filter((step) => step.kind === 'promote');
  if (isForced || (promotions.length === 0 && startsNodes !== false)) return [];
  const probes = await probe(deployment, view, plan);
  if (promotions.length === 0) return checkProbes(probes);
  return promotions.flatMap((step) =>
    preflight({ observation, from: step.from, to: step.node, options: switchover, probes }),
  );
}

const OBSERVE_TIMEOUT_MS = 2_000;

function differencesFor(
  { verb }: PlanRequest,
  { startsNodes }: ChangeOptions,
  deployment: Deployment,
  { observation }: Stock,
): Differences {
  if (startsNodes === true) return findDifferences(deployment, observation);
  const staleConfs = verb === 'adopt' ? findDifferences(deployment, observation).staleConfs : [];
  return { configDifferences: [], staleConfs };
}

function withoutFence(view: LiveView, before: NonNullable<PlanRequest['beforeFence']>): LiveView {
  const nodes = [...view.nodes].map(([id, node]): [NodeId, NodeView] => [
    id,
    node.kind === 'live' ? { ...node, ...before.get(id) } : node,
  ]);
  return { ...view, nodes: new Map(nodes) };
}

export function appliedTree({ applied }: State): Tree | null {
  return applied === null ? null : new Map(applied.nodes.map(({ id, parent }) => [id, parent]));
}
