import { waitUntilReady } from '../observe/wait-until-ready.ts';
import { ReplctlError } from '../errors.ts';
import type { Plan, Verb } from '../plan/plan.ts';
import { isEmptyPlan } from '../plan/plan.ts';
import type { ChangeOptions } from '../plan/plan-up.ts';
import { rootOf, treeOf } from '../plan/tree.ts';
import type { Topology } from '../topology/model.ts';
import { loadTopology } from '../topology/load-topology.ts';
import type { ApplyContext } from './context.ts';
import { checkEngines } from './check-engines.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { declare, type Edit } from './declare.ts';
import { Journal, readOpenJournal, type JournalRecord } from './journal.ts';
import { lockDeployment } from './lock-deployment.ts';
import { makePlan } from './make-plan.ts';
import { settle } from './resume.ts';
import { runJournaled } from './run-journaled.ts';
import type { RunReport } from './run-plan.ts';
import { isSameDeclaration, readState, toApplied } from './state.ts';

export interface ChangeRequest {
  readonly verb: Verb;
  readonly edit: Edit | null;
  readonly options: Partial<ChangeOptions>;
  /** Plan only: nothing is locked, written or changed. */
  readonly isDryRun: boolean;
}

/** A change as it is asked for: what `change` carries out and `plan` writes down. */
export type ChangeWish = Omit<ChangeRequest, 'isDryRun'>;

export interface ChangeResult {
  readonly plan: Plan;
  /** null when nothing was run: a dry run, or nothing to do. */
  readonly report: RunReport | null;
  /** As it is declared afterwards. */
  readonly topology: Topology;
  readonly epoch: number;
}

/** Edit of the declaration → plan → apply: the one movement behind every verb that changes a tree. */
export async function change(context: ApplyContext, request: ChangeRequest): Promise<ChangeResult> {
  if (request.isDryRun) return planOnly(context, request);
  const lock = await lockDeployment(context);
  try {
    return await changeLocked(await settleEarlier(context, request.verb), request);
  } finally {
    await lock.release();
  }
}

async function planOnly(context: ApplyContext, request: ChangeRequest): Promise<ChangeResult> {
  const state = await readState(context.topology.stateDir);
  const declaration = await declare(context.topology, state, request.edit);
  const deployment = await openDeployment(declaration.topology);
  const { plan } = await makePlan(context, request, deployment);
  return { plan, report: null, topology: declaration.topology, epoch: state.epoch };
}

/** As `change`, for callers that hold the lock. */
export async function changeLocked(context: ApplyContext, request: ChangeRequest): Promise<ChangeResult> {
  const state = await readState(context.topology.stateDir);
  const declaration = await declare(context.topology, state, request.edit);
  const { topology } = declaration;
  const deployment = await openDeployment(topology);
  const { plan } = await makePlan(context, request, deployment);
  const isDeclaredAnew = !isSameDeclaration(toApplied(topology), state.applied);
  if (isEmptyPlan(plan)) {
    await confirmReady(context, deployment, topology);
    if (!isDeclaredAnew && declaration.edit === null) {
      await deployment.save();
      return { plan, report: null, topology, epoch: state.epoch };
    }
  }
  const toRun: Plan = isEmptyPlan(plan) ? { ...plan, stages: [[{ kind: 'save-declaration' }]] } : plan;
  await checkEngines(toRun, deployment);
  const epoch = state.epoch + 1;
  const report = await runJournaled(context, toRun, deployment, declaration.edit, epoch);
  return { plan, report, topology, epoch };
}

/** Nothing to do is only true once everybody is ready. */
async function confirmReady(
  context: ApplyContext,
  deployment: Deployment,
  topology: Topology,
): Promise<void> {
  await waitUntilReady({
    root: deployment.spec(rootOf(treeOf(topology))),
    nodes: topology.nodes,
    passwordOf: (node) => deployment.access.passwordOf(node),
    timeoutMs: context.timeoutMs,
    signal: context.signal,
  });
}

/**
 * What an earlier run left unfinished comes first: `up` finishes it, any other verb says so. Gives the declaration as
 * it is after that.
 */
export async function settleEarlier(context: ApplyContext, verb: Verb): Promise<ApplyContext> {
  const { stateDir, file } = context.topology;
  const open = await readOpenJournal(stateDir);
  if (open === null) return context;
  if (isHarmless(open)) {
    const journal = await Journal.reopen(stateDir, open.head);
    await journal.close('failed');
    return context;
  }
  if (verb !== 'up') {
    throw new ReplctlError(
      'INCOMPLETE',
      `"${open.head.command}" was begun and is not finished; ${verb} waits for it`,
      {
        hint: 'replctl resume finishes it, replctl rollback takes it back',
        details: { journal: open.head.id },
      },
    );
  }
  context.emit({
    kind: 'warning',
    node: null,
    message: `finishing "${open.head.command}", which was interrupted`,
  });
  await settle(context, open, 'resume');
  return file === null ? context : { ...context, topology: await loadTopology(file) };
}

/** An operation that was killed and changes no roles and no file: the next plan takes it from where it stands. */
function isHarmless({ head }: JournalRecord): boolean {
  const kinds = new Set(head.plan.stages.flat().map(({ kind }) => kind));
  return head.declaration === null && !kinds.has('promote') && !kinds.has('promote-forced');
}
