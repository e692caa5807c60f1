import type { KeyDifference, VerifyResult } from '../apply/verify.ts';
import { drawBytesText, toBytesText, type BytesText } from './bytes-text.ts';
import { formatCount, formatMilliseconds } from './format-quantity.ts';
import type { Theme } from './theme.ts';

/** `--json` of verify, schema `replctl.verify/1`. */
export interface VerifyReport {
  readonly schema: 'replctl.verify/1';
  readonly isSame: boolean;
  readonly master: string;
  readonly replicas: readonly string[];
  /** The point of the stream at which all data were compared; null: key by key, each at a point of its own. */
  readonly cut: { readonly replid: string; readonly offset: number } | null;
  readonly compared: number;
  readonly differing: number;
  /** The first of those that differ. */
  readonly differences: readonly {
    readonly node: string;
    readonly database: number;
    readonly key: BytesText;
    readonly what: KeyDifference['what'];
  }[];
  /** Keys written too often for a verdict. */
  readonly unsettled: number;
  readonly tookMs: number;
}

export function reportVerify(result: VerifyResult, limit: number): VerifyReport {
  const { differences, unsettled } = result;
  return {
    schema: 'replctl.verify/1',
    isSame: differences.length === 0,
    master: result.master,
    replicas: result.replicas,
    cut: result.cut,
    compared: result.compared,
    differing: differences.length,
    differences: differences.slice(0, limit).map((entry) => ({ ...entry, key: toBytesText(entry.key) })),
    unsettled: unsettled.length,
    tookMs: result.tookMs,
  };
}

const WHAT = {
  missing: 'is missing',
  extra: 'is not on the master',
  type: 'has another type',
  expiry: 'expires at another time',
  value: 'holds something else',
} as const;

export function drawVerify(report: VerifyReport, theme: Theme): string {
  const { differences, differing, unsettled, replicas, master } = report;
  const place = report.cut === null ? '' : ` at offset ${report.cut.offset}`;
  const scope = `${formatCount(report.compared, 'key')} of ${master} compared with ${formatCount(replicas.length, 'replica')}${place} in ${formatMilliseconds(report.tookMs)}`;
  const lines = differences.map(
    ({ node, database, key, what }) =>
      `${theme.bad(node)}  db${database}  ${drawBytesText(key)}  ${WHAT[what]}`,
  );
  const hidden = differing - differences.length;
  if (hidden > 0) lines.push(theme.dim(`… and ${hidden} more; --limit names more`));
  if (unsettled > 0)
    lines.push(theme.warn(`${formatCount(unsettled, 'key')} written too often for a verdict`));
  lines.push(
    differing === 0 ? `${theme.good('the same')}: ${scope}` : `${theme.bad(`${differing} differ`)}: ${scope}`,
  );
  return lines.join('\n');
}
