import { ReplctlError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { Step, StepKind } from '../plan/step.ts';
import type { ApplyContext } from './context.ts';
import { countCopies, unforeseenCopies, type UnforeseenCopies } from './count-copies.ts';
import type { Deployment } from './deployment.ts';
import { EdgeWatch, edgeOf, type Edge } from './edge-watch.ts';
import { executeStep } from './execute-step.ts';
import type { PossibleLoss } from './forced-promote.ts';
import type { Journal } from './journal.ts';
import type { RunEnvironment } from './run-environment.ts';
import { abortSwitchover } from './switchover.ts';

/** Steps that only look, or that the next run would do again without harm: no reason to wait for the disk. */
const NOT_JOURNALED: ReadonlySet<StepKind> = new Set<StepKind>([
  'render-conf',
  'catch-up',
  'verify-link',
  'wait-ready',
  'canary',
  'prove-dead',
]);

/** What a run measured. */
export interface RunReport {
  /** Per step, in plan order: what it said. */
  readonly notes: readonly { readonly step: Step; readonly note: string | null; readonly tookMs: number }[];
  /** From the fence to the promotion; null without a switchover. */
  readonly writeGapMs: number | null;
  /** In plan order, one for each link that was to be made. */
  readonly resyncs: readonly Edge[];
  /** Full copies beside those links, where anybody ran before. */
  readonly unforeseenCopies: readonly UnforeseenCopies[];
  /** What a forced promotion may have lost; null without one. */
  readonly possibleLoss: PossibleLoss | null;
  readonly tookMs: number;
}

/**
 * Carries out a plan, stage by stage, the steps of a stage side by side. Each stage that changes something is in the
 * journal, on disk, before it begins. A switchover that fails before its commit point is taken back here; then, if
 * nothing else had been changed, the error is REFUSED (nothing was changed).
 */
export async function runPlan(
  plan: Plan,
  parts: { readonly context: ApplyContext; readonly deployment: Deployment; readonly journal: Journal },
): Promise<RunReport> {
  const { context, deployment, journal } = parts;
  const startedMs = performance.now();
  const notes: { step: Step; note: string | null; tookMs: number }[] = [];
  const edges = new EdgeWatch(deployment);
  const env: RunEnvironment = {
    ...parts,
    plan,
    edges,
    silentSeconds: null,
    possibleLoss: null,
    switchover: null,
  };
  let writeGapMs: number | null = null;
  context.emit({ kind: 'plan', plan });
  // The histories that the plan was made from may end with its first stage.
  await deployment.save();
  const copiesBefore = await countCopies(deployment);
  for (const [stage, steps] of plan.stages.entries()) {
    if (env.switchover === null) context.signal.throwIfAborted();
    if (steps.some(({ kind }) => !NOT_JOURNALED.has(kind))) {
      const begin = { event: 'begin', atMs: Date.now(), step: stage } as const;
      // While writes are held nobody waits for the disk: what resuming needs is on it since before the fence.
      if (isHoldingWrites(env)) journal.note(begin);
      else await journal.append(begin);
    }
    await edges.begin(steps);
    const outcomes = await Promise.allSettled(
      steps.map((step, index) => runStep(step, stage, index, env, context)),
    );
    await deployment.save();
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') notes.push(outcome.value);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    writeGapMs = env.switchover?.writeGapMs ?? writeGapMs;
    if (failed !== undefined) throw await fail(failed.reason, stage, env);
    if (steps.some(({ kind }) => kind === 'wait-ready')) await edges.settle();
  }
  await edges.settle();
  const resyncs = plan.stages.flat().flatMap((step): Edge[] => {
    const edge = edgeOf(step);
    return edge === null ? [] : [{ ...edge, actual: edges.factOf(step) }];
  });
  const copiesAfter = copiesBefore.size > 0 ? await countCopies(deployment) : copiesBefore;
  return {
    notes,
    writeGapMs,
    resyncs,
    unforeseenCopies: unforeseenCopies(copiesBefore, copiesAfter, resyncs),
    possibleLoss: env.possibleLoss,
    tookMs: performance.now() - startedMs,
  };
}

function isHoldingWrites({ switchover }: RunEnvironment): boolean {
  return switchover?.phase === 'fenced' || switchover?.phase === 'demoted';
}

async function runStep(
  what: Step,
  stage: number,
  step: number,
  env: RunEnvironment,
  { emit }: ApplyContext,
): Promise<{ step: Step; note: string | null; tookMs: number }> {
  emit({ kind: 'step-start', stage, step, what });
  const startedMs = performance.now();
  const say = (message: string): void => emit({ kind: 'progress', stage, step, message });
  try {
    const note = await executeStep(what, env, say);
    const tookMs = performance.now() - startedMs;
    emit({ kind: 'step-done', stage, step, what, tookMs, note });
    return { step: what, note, tookMs };
  } catch (error) {
    emit({
      kind: 'step-failed',
      stage,
      step,
      what,
      message: error instanceof Error ? error.message : String(error),
    });
    throw error;
  }
}

/** Takes a switchover back where that is possible, and says in one error what is left. */
async function fail(reason: unknown, stage: number, env: RunEnvironment): Promise<unknown> {
  const { journal, plan } = env;
  const message = reason instanceof Error ? reason.message : String(reason);
  await journal.append({ event: 'failed', atMs: Date.now(), step: stage, message });
  const changedBefore = plan.stages
    .slice(0, stage)
    .flat()
    .some(({ kind }) => CHANGES_FOR_GOOD.has(kind));
  const isOnlyWaiting = plan.stages[stage]?.every(({ kind }) => NOT_JOURNALED.has(kind)) === true;
  const isSwitchover = plan.stages.flat().some(({ kind }) => kind === 'promote');
  if (env.switchover === null && !(isSwitchover && isOnlyWaiting && !changedBefore)) return reason;
  const wasUndone = await abortSwitchover(env);
  if (wasUndone && !changedBefore) {
    return new ReplctlError('REFUSED', message, {
      cause: reason,
      hint: hintOf(reason),
      details: detailsOf(reason),
    });
  }
  return new ReplctlError('INCOMPLETE', message, {
    cause: reason,
    hint: 'replctl resume finishes it, replctl rollback takes it back',
    details: detailsOf(reason),
  });
}

/** A fence and all it takes is undone by `abortSwitchover`. */
const CHANGES_FOR_GOOD: ReadonlySet<StepKind> = new Set<StepKind>([
  'start-node',
  'stop-node',
  'restart-node',
  'rehang',
  'config-set',
  'promote',
  'promote-forced',
]);

function hintOf(reason: unknown): string | undefined {
  return reason instanceof ReplctlError ? reason.hint : undefined;
}

function detailsOf(reason: unknown): Readonly<Record<string, unknown>> {
  return reason instanceof ReplctlError ? reason.details : {};
}
