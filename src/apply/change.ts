import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { localHost } from '../hosts/local-host.ts';
import { waitUntilReady } from '../observe/wait-until-ready.ts';
import { ReplctlError } from '../errors.ts';
import type { Plan, Verb } from '../plan/plan.ts';
import { isEmptyPlan } from '../plan/plan.ts';
import { DEFAULT_CHANGE_OPTIONS, planUp, type ChangeOptions } from '../plan/plan-up.ts';
import type { Refusal } from '../plan/refusal.ts';
import { rootOf, treeOf, type Tree } from '../plan/tree.ts';
import type { Topology } from '../topology/model.ts';
import { parseTopology } from '../topology/parse-topology.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { Journal, readOpenJournal, type JournalHead, type JournalRecord } from './journal.ts';
import { acquireLock } from './lock.ts';
import { runPlan, type RunReport } from './run-plan.ts';
import { isSameDeclaration, readState, toApplied, type State } from './state.ts';
import { takeStock, type Stock } from './take-stock.ts';

/** How a verb edits the declaration: the file's text where there is a file, else the model. */
export interface Edit {
  readonly text: (text: string, file: string) => string;
  readonly model: (topology: Topology) => Topology;
}

export interface ChangeRequest {
  readonly verb: Verb;
  readonly edit: Edit | null;
  readonly options: Partial<ChangeOptions>;
  /** Plan only: nothing is locked, written or changed. */
  readonly isDryRun: boolean;
}

export interface ChangeResult {
  readonly plan: Plan;
  /** null when nothing was run: a dry run, or nothing to do. */
  readonly report: RunReport | null;
  /** As it is declared afterwards. */
  readonly topology: Topology;
  readonly epoch: number;
}

interface Declaration {
  readonly topology: Topology;
  readonly edit: JournalHead['declaration'];
}

/** Edit of the declaration → plan → apply: the one movement behind every verb that changes a tree. */
export async function change(context: ApplyContext, request: ChangeRequest): Promise<ChangeResult> {
  if (request.isDryRun) return planOnly(context, request);
  const { stateDir } = context.topology;
  const lock = await acquireLock(stateDir, context.command, localHost);
  try {
    await requireNoOpenJournal(stateDir, request.verb);
    return await changeLocked(context, request);
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
  const epoch = state.epoch + 1;
  const report = await runJournaled(context, toRun, deployment, declaration.edit, epoch);
  return { plan, report, topology, epoch };
}

/** Runs a plan under a journal of its own, which stays open when `resume` or `rollback` has something to do. */
export async function runJournaled(
  context: ApplyContext,
  plan: Plan,
  deployment: Deployment,
  declaration: JournalHead['declaration'],
  epoch: number,
): Promise<RunReport> {
  const journal = await Journal.open(deployment.topology.stateDir, {
    event: 'open',
    id: `${String(epoch).padStart(6, '0')}-${Date.now().toString(36)}-${plan.verb}`,
    epoch,
    verb: plan.verb,
    command: context.command,
    by: `${userInfo().username}@${hostname()}`,
    atMs: Date.now(),
    plan,
    declaration,
  });
  try {
    const report = await runPlan(plan, { context, deployment, journal });
    await journal.close('done');
    return report;
  } catch (error) {
    await journal.close(isUnfinished(error, plan) ? null : 'failed');
    throw asUnfinished(error, plan);
  }
}

/** What changes roles or edits the file must be finished or undone; anything else the next `up` plans anew. */
function isUnfinished(error: unknown, plan: Plan): boolean {
  if (error instanceof ReplctlError && error.code === 'REFUSED') return false;
  return plan.verb !== 'up' || plan.stages.flat().some(({ kind }) => kind === 'promote');
}

function asUnfinished(error: unknown, plan: Plan): unknown {
  if (!isUnfinished(error, plan) || !(error instanceof ReplctlError)) return error;
  if (error.code === 'INCOMPLETE' || error.code === 'INTERRUPTED' || error.code === 'TERMINATED')
    return error;
  return new ReplctlError('INCOMPLETE', error.message, {
    cause: error,
    details: error.details,
    hint: 'replctl resume finishes it, replctl rollback takes it back',
  });
}

async function makePlan(
  context: ApplyContext,
  request: ChangeRequest,
  deployment: Deployment,
): Promise<{ plan: Plan; stock: Stock }> {
  const { topology, state } = deployment;
  const stock = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
  const decision = planUp({
    verb: request.verb,
    deployment: topology.name,
    declared: treeOf(topology),
    applied: appliedTree(state),
    view: stock.view,
    configDifferences: [],
    staleConfs: [],
    options: { ...DEFAULT_CHANGE_OPTIONS, ...request.options },
  });
  if (decision.kind === 'refused') throw refusalError(decision.refusals);
  return { plan: decision.plan, stock };
}

const OBSERVE_TIMEOUT_MS = 2_000;

export function appliedTree({ applied }: State): Tree | null {
  return applied === null ? null : new Map(applied.nodes.map(({ id, parent }) => [id, parent]));
}

/** One error for all reasons; each with its own code in `details.refusals`. */
export function refusalError(refusals: readonly Refusal[]): ReplctlError {
  const [first] = refusals;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  return new ReplctlError('REFUSED', `${first?.message ?? 'refused'}${more}; nothing was changed`, {
    hint: first?.hint ?? undefined,
    details: { refusals },
  });
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

/** The declaration after the edit. Without a file, what was applied last stands for it. */
async function declare(topology: Topology, state: State, edit: Edit | null): Promise<Declaration> {
  if (topology.file === null) {
    const before = state.applied === null ? topology : { ...topology, nodes: state.applied.nodes };
    return { topology: edit === null ? before : edit.model(before), edit: null };
  }
  if (edit === null) return { topology, edit: null };
  const { file } = topology;
  const before = await readFile(file, 'utf8');
  const after = edit.text(before, file);
  if (after === before) return { topology, edit: null };
  const parsed = parseTopology(after, { file });
  if (parsed.topology === null) {
    throw new ReplctlError(
      'TOPOLOGY_INVALID',
      `${file}: ${parsed.problems[0]?.message ?? 'invalid after the edit'}`,
    );
  }
  return { topology: parsed.topology, edit: { file, before, after } };
}

async function requireNoOpenJournal(stateDir: string, verb: Verb): Promise<void> {
  const open = await readOpenJournal(stateDir);
  if (open === null) return;
  if (isHarmless(open)) {
    const journal = await Journal.reopen(stateDir, open.head);
    await journal.close('failed');
    return;
  }
  throw new ReplctlError(
    'INCOMPLETE',
    `"${open.head.command}" was begun and is not finished; ${verb} waits for it`,
    {
      hint: 'replctl resume finishes it, replctl rollback takes it back',
      details: { journal: open.head.id },
    },
  );
}

/** An `up` that was killed and changed no roles: the next plan takes it from where it stands. */
export function isHarmless({ head }: JournalRecord): boolean {
  const kinds = new Set(head.plan.stages.flat().map(({ kind }) => kind));
  return head.declaration === null && !kinds.has('promote') && !kinds.has('promote-forced');
}
