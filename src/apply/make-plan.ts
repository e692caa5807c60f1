import type { LiveNodeView, LiveView, NodeView } from '../plan/live-view.ts';
import type { Plan, Verb } from '../plan/plan.ts';
import { DEFAULT_CHANGE_OPTIONS, planUp, type ChangeOptions } from '../plan/plan-up.ts';
import { preflight } from '../plan/preflight.ts';
import { treeOf, type Tree } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { ApplyContext } from './context.ts';
import type { Deployment } from './deployment.ts';
import { findDifferences, type Differences } from './find-differences.ts';
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
  const stock = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
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
  const doubts = decision.plan.stages.flat().flatMap((step) =>
    step.kind === 'promote'
      ? preflight({
          observation: stock.observation,
          from: step.from,
          to: step.node,
          options: options.switchover,
        })
      : [],
  );
  if (doubts.length > 0 && request.beforeFence === undefined) throw refusalError(doubts);
  return { plan: decision.plan, stock };
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
  return { nodes: new Map(nodes) };
}

export function appliedTree({ applied }: State): Tree | null {
  return applied === null ? null : new Map(applied.nodes.map(({ id, parent }) => [id, parent]));
}
