import type { PossibleLoss } from '../apply/forced-promote.ts';
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

/** One link: predicted before anything was done, actual afterwards (null in a dry run, and where nobody could tell). */
export interface ResyncReport {
  readonly node: string;
  readonly parent: string;
  readonly predicted: StepReport['resync'];
  readonly actual: { readonly verdict: 'PARTIAL' | 'FULL'; readonly bytes: number | null } | null;
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
  /** Every link that is made: what was foreseen, and what happened. */
  readonly resyncs: readonly ResyncReport[];
  /** Full copies beside those links: how many a parent served. */
  readonly unforeseenCopies: readonly { readonly parent: string; readonly copies: number }[];
  /** What a forced promotion may have lost; null without one. */
  readonly possibleLoss: PossibleLoss | null;
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
  for (const { kind, title, outcome } of report.stages.flat()) {
    const note = outcome?.note ?? '';
    if (kind === 'promote' && note !== '') lines.push(`${title}: ${theme.good(note)}`);
  }
  lines.push(...drawResyncs(report.resyncs, theme));
  for (const { parent, copies } of report.unforeseenCopies)
    lines.push(theme.warn(`not foreseen: ${copies} full ${copies === 1 ? 'copy' : 'copies'} from ${parent}`));
  if (report.possibleLoss !== null) lines.push(theme.warn(drawLoss(report.possibleLoss)));
  if (report.writeGapMs !== null) {
    lines.push(`clients could not write for ${formatMilliseconds(report.writeGapMs)}`);
  }
  const took = report.tookMs === null ? '' : ` in ${formatMilliseconds(report.tookMs)}`;
  lines.push(`${theme.good('done')}: ${report.verb}${took}`);
  return lines.join('\n');
}

/** One line when all came as foreseen, and one for each link that did not. */
function drawResyncs(resyncs: readonly ResyncReport[], theme: Theme): string[] {
  const made = resyncs.flatMap((edge) => (edge.actual === null ? [] : [{ ...edge, actual: edge.actual }]));
  if (made.length === 0) return [];
  const different = made.filter(({ predicted, actual }) => predicted?.verdict !== actual.verdict);
  const count = (verdict: string): string => {
    const some = made.filter(({ actual }) => actual.verdict === verdict);
    const bytes = some.reduce((sum, { actual }) => sum + (actual.bytes ?? 0), 0);
    return `${some.length} ${verdict.toLowerCase()}${some.length === 0 ? '' : ` (${formatBytes(bytes)})`}`;
  };
  const told = different.filter(({ predicted }) => predicted !== null);
  return [
    theme.dim(`resyncs: ${count('PARTIAL')}, ${count('FULL')}${told.length === 0 ? ', as foreseen' : ''}`),
    ...told.map(({ node, parent, predicted, actual }) =>
      theme.warn(
        `${node} under ${parent}: ${predicted?.verdict ?? ''} was foreseen (${predicted?.reason ?? ''}), ${actual.verdict} happened`,
      ),
    ),
  ];
}

function drawLoss({ master, keptOffset, onDiskBytes, silentSeconds, estimatedBytes }: PossibleLoss): string {
  const facts = [
    onDiskBytes === null ? null : `its disk holds ${formatBytes(onDiskBytes)} of that`,
    silentSeconds === null ? null : `it had been silent for ${silentSeconds} s`,
    estimatedBytes === null ? null : `about ${formatBytes(estimatedBytes)} at its usual rate`,
  ].filter((fact) => fact !== null);
  return `may be lost: what ${master} acknowledged after offset ${keptOffset}${facts.length === 0 ? '' : `; ${facts.join(', ')}`}`;
}
