import { ReplctlError } from '../errors.ts';
import { basisOf, compareBasis, type Basis } from '../plan/basis.ts';
import type { LiveView } from '../plan/live-view.ts';
import { isEmptyPlan, PLAN_VERSION, type Plan } from '../plan/plan.ts';
import type { NodeId } from '../topology/model.ts';
import { settleEarlier, type ChangeRequest, type ChangeResult, type ChangeWish } from './change.ts';
import type { ApplyContext } from './context.ts';
import { declare } from './declare.ts';
import { openDeployment } from './deployment.ts';
import type { JournalHead } from './journal.ts';
import { planRestart } from './lifecycle.ts';
import { lockDeployment } from './lock-deployment.ts';
import { makePlan } from './make-plan.ts';
import { runJournaled } from './run-journaled.ts';
import { readState } from './state.ts';
import { takeStock } from './take-stock.ts';

/** A plan as a contract: `apply` carries out exactly this, or nothing. No secrets: steps name where they are read. */
export interface PlanFile {
  readonly schema: 'replctl.plan/1';
  readonly madeAtMs: number;
  readonly plan: Plan;
  /** What was observed when it was made. */
  readonly basis: Basis;
  readonly declaration: JournalHead['declaration'];
}

const OBSERVE_TIMEOUT_MS = 2_000;

/** Plans and changes nothing; the result can be written to a file and carried out later. */
export async function plan(context: ApplyContext, request: ChangeWish): Promise<PlanFile> {
  const state = await readState(context.topology.stateDir);
  const declaration = await declare(context.topology, state, request.edit);
  const deployment = await openDeployment(declaration.topology);
  const made = await makePlan(context, request, deployment);
  return contract(made.plan, made.stock.view, declaration.edit);
}

/** As `plan`, for a rolling restart, which changes no relation. */
export async function planRestartAhead(context: ApplyContext, nodes: readonly NodeId[]): Promise<PlanFile> {
  const { plan: made, view } = await planRestart(context, nodes);
  return contract(made, view, null);
}

function contract(made: Plan, view: LiveView, declaration: PlanFile['declaration']): PlanFile {
  return { schema: 'replctl.plan/1', madeAtMs: Date.now(), plan: made, basis: basisOf(view), declaration };
}

/** Carries out a plan that was made earlier. REFUSED when what is observed is no longer what it was made from. */
export async function applyPlan(context: ApplyContext, file: PlanFile): Promise<ChangeResult> {
  requireReadable(file, context);
  const lock = await lockDeployment(context);
  try {
    await settleEarlier(context, file.plan.verb);
    const state = await readState(context.topology.stateDir);
    const declaration = await declare(context.topology, state, editOf(file, context));
    const deployment = await openDeployment(declaration.topology);
    const { view } = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
    const changed = compareBasis(file.basis, basisOf(view));
    if (changed.length > 0) throw outdated(changed);
    const { topology } = declaration;
    if (isEmptyPlan(file.plan)) return { plan: file.plan, report: null, topology, epoch: state.epoch };
    const epoch = state.epoch + 1;
    deployment.remember({ epoch });
    const report = await runJournaled(context, file.plan, deployment, declaration.edit, epoch);
    return { plan: file.plan, report, topology, epoch };
  } finally {
    await lock.release();
  }
}

function requireReadable({ schema, plan: planned }: PlanFile, { topology }: ApplyContext): void {
  if (schema !== 'replctl.plan/1' || planned.version !== PLAN_VERSION) {
    throw new ReplctlError('USAGE', 'not a plan file of this version of replctl', {
      hint: 'replctl plan -o FILE',
    });
  }
  if (planned.deployment !== topology.name) {
    throw new ReplctlError(
      'REFUSED',
      `the plan is for ${planned.deployment}, the file declares ${topology.name}`,
      {
        hint: 'name the right topology file with --file',
      },
    );
  }
}

function editOf({ declaration }: PlanFile, { topology }: ApplyContext): ChangeRequest['edit'] {
  if (declaration === null) return null;
  return {
    text: (text) => {
      if (text === declaration.before) return declaration.after;
      throw outdated([`${topology.file ?? 'the topology file'} was edited`]);
    },
    model: (before) => before,
  };
}

function outdated(changed: readonly string[]): ReplctlError {
  return new ReplctlError('REFUSED', `the plan no longer fits: ${changed[0] ?? ''}; nothing was changed`, {
    hint: 'make it anew: replctl plan -o FILE',
    details: { changed },
  });
}
