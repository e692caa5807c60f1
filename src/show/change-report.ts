import { formatBytes, formatMilliseconds } from './format-quantity.ts';
import type { StatusReport } from './status-report.ts';
import type { Theme } from './theme.ts';

/** One step as it is shown: what `describeStep` says of it, and what it said when it was done. */
export interface StepReport {
  readonly kind: string;
  readonly node: string | null;
  readonly title: string;
  readonly changes: string | null;
  readonly checks: readonly string[];
  readonly undo: string | null;
  readonly isCommitPoint: boolean;
  readonly resync: {
    readonly verdict: 'PARTIAL' | 'FULL';
    readonly bytes: number | null;
    readonly reason: string;
  } | null;
  /** null while it has not been done. */
  readonly outcome: { readonly note: string | null; readonly tookMs: number } | null;
}

/** `--json` of every verb that changes something, schema `replctl.change/1`. */
export interface ChangeReport {
  readonly schema: 'replctl.change/1';
  readonly verb: string;
  readonly deployment: string;
  readonly isDryRun: boolean;
  /** False when there was nothing to do. */
  readonly hasChanged: boolean;
  readonly epoch: number;
  readonly tree: Readonly<Record<string, string | null>>;
  readonly stages: readonly (readonly StepReport[])[];
  readonly warnings: readonly string[];
  /** How long clients could not write; null when no master was switched. */
  readonly writeGapMs: number | null;
  readonly tookMs: number | null;
  /** What it looks like afterwards; null for a dry run and for verbs that stop nodes. */
  readonly status: StatusReport | null;
}

/** A plan for people: every step, what it changes and checks, and what each edge will cost. */
export function drawPlan(report: ChangeReport, theme: Theme): string {
  const steps = report.stages.flat();
  if (steps.length === 0) return `${theme.good('nothing to do')}: ${report.deployment} is as declared`;
  const lines = report.stages.flatMap((stage, index) =>
    stage.flatMap((step) => drawStep(step, `${index + 1}.`.padStart(4), theme)),
  );
  const full = steps.filter(({ resync }) => resync?.verdict === 'FULL').length;
  const partial = steps.filter(({ resync }) => resync?.verdict === 'PARTIAL').length;
  const cost = full + partial === 0 ? '' : `, ${partial} partial and ${full} full resyncs`;
  return [
    ...report.warnings.map((warning) => `${theme.warn('warning:')} ${warning}`),
    ...lines,
    '',
    `${theme.strong(`${steps.length} step${steps.length === 1 ? '' : 's'}`)}${cost}; nothing was changed`,
  ].join('\n');
}

function drawStep(step: StepReport, number: string, theme: Theme): string[] {
  const mark = step.isCommitPoint ? theme.warn(' (commit point)') : '';
  const lines = [`${theme.dim(number)} ${step.title}${mark}`];
  if (step.resync !== null) {
    const { verdict, bytes, reason } = step.resync;
    const word = verdict === 'FULL' ? theme.warn('FULL') : theme.good('PARTIAL');
    lines.push(`       ${word} resync${bytes === null ? '' : `, ${formatBytes(bytes)}`}: ${reason}`);
  }
  if (step.checks.length > 0) lines.push(theme.dim(`       checks: ${step.checks.join('; ')}`));
  if (step.undo !== null) lines.push(theme.dim(`       undo: ${step.undo}`));
  return lines;
}

/** What was done, in one or two lines; the steps themselves were shown while they ran. */
export function drawChange(report: ChangeReport, theme: Theme): string {
  if (!report.hasChanged) return `${theme.good('nothing to do')}: ${report.deployment} is as declared`;
  const lines: string[] = [];
  for (const { kind, title, resync, outcome } of report.stages.flat()) {
    const note = outcome?.note ?? '';
    if (resync !== null && outcome !== null)
      lines.push(theme.dim(`${title}: ${resync.verdict} foreseen; ${note}`));
    if (kind === 'promote' && note !== '') lines.push(`${title}: ${theme.good(note)}`);
  }
  if (report.writeGapMs !== null) {
    lines.push(`clients could not write for ${formatMilliseconds(report.writeGapMs)}`);
  }
  const took = report.tookMs === null ? '' : ` in ${formatMilliseconds(report.tookMs)}`;
  lines.push(`${theme.good('done')}: ${report.verb}${took}`);
  return lines.join('\n');
}
