import type { ChangeResult } from '../../apply/change.ts';
import { edgeOf } from '../../apply/edge-watch.ts';
import { describeStep } from '../../plan/describe-step.ts';
import { isEmptyPlan } from '../../plan/plan.ts';
import type { Step } from '../../plan/step.ts';
import type { ChangeReport, ResyncReport, StepReport } from '../../show/change-report.ts';
import type { StatusReport } from '../../show/status-report.ts';

/** Puts the result of a use-case into the shape that is printed. */
export function reportChange(
  result: ChangeResult,
  isDryRun: boolean,
  status: StatusReport | null,
): ChangeReport {
  const { plan, report, epoch } = result;
  return {
    schema: 'replctl.change/1',
    verb: plan.verb,
    deployment: plan.deployment,
    isDryRun,
    hasChanged: report !== null && !isEmptyPlan(plan),
    epoch,
    tree: plan.tree,
    stages: plan.stages.map((stage) => stage.map((step) => reportStep(step, result))),
    warnings: plan.warnings,
    resyncs: report?.resyncs ?? plan.stages.flat().flatMap(foresee),
    unforeseenCopies: report?.unforeseenCopies ?? [],
    possibleLoss: report?.possibleLoss ?? null,
    writeGapMs: report?.writeGapMs ?? null,
    tookMs: report === null ? null : Math.round(report.tookMs),
    status,
  };
}

function foresee(step: Step): ResyncReport[] {
  const edge = edgeOf(step);
  return edge === null ? [] : [{ ...edge, actual: null }];
}

function reportStep(step: Step, { report }: ChangeResult): StepReport {
  const done = report?.notes.find((entry) => entry.step === step);
  return {
    kind: step.kind,
    node: 'node' in step ? step.node : null,
    ...describeStep(step),
    outcome: done === undefined ? null : { note: done.note, tookMs: Math.round(done.tookMs) },
  };
}
