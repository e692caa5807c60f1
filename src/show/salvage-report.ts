import type { SalvageResult } from '../apply/salvage.ts';
import { drawBytesText, toBytesText, type BytesText } from './bytes-text.ts';
import { formatBytes, formatCount } from './format-quantity.ts';
import type { Theme } from './theme.ts';

/** `--json` of salvage, schema `replctl.salvage/1`. */
export interface SalvageReport {
  readonly schema: 'replctl.salvage/1';
  readonly node: string;
  readonly master: string;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly divergedBytes: number;
  readonly lostBytes: number;
  readonly commands: readonly { readonly database: number | null; readonly args: readonly BytesText[] }[];
  readonly touchedOnBoth: readonly { readonly database: number | null; readonly key: BytesText }[];
  readonly masterUnreadBytes: number;
  readonly replayed: number;
  readonly refused: readonly { readonly command: string; readonly said: string }[];
  readonly isReattached: boolean;
  /** Where the recovered stream was written; null when nowhere. */
  readonly out: string | null;
}

export function reportSalvage(result: SalvageResult, out: string | null): SalvageReport {
  return {
    schema: 'replctl.salvage/1',
    ...result,
    commands: result.commands.map(({ database, args }) => ({ database, args: args.map(toBytesText) })),
    touchedOnBoth: result.touchedOnBoth.map(({ database, key }) => ({ database, key: toBytesText(key) })),
    out,
  };
}

const SHOWN = 100;

/** What was found and done with it; of long lists the first hundred, of long values the beginning. */
export function drawSalvage(report: SalvageReport, theme: Theme): string {
  const { node, master, commands, touchedOnBoth, lostBytes, refused } = report;
  const lines = [
    `${theme.strong(node)} left the history of ${master} at offset ${report.fromOffset}: ${formatBytes(report.divergedBytes)}, ${formatCount(commands.length, 'command')} recovered`,
    ...commands
      .slice(0, SHOWN)
      .map(({ database, args }) => `  db${database ?? '?'}  ${args.map(drawBytesText).join(' ')}`),
    ...more(commands.length, theme),
  ];
  if (lostBytes > 0) {
    lines.push(theme.bad(`${lostBytes} bytes before these have left its backlog and cannot be read back`));
  }
  if (touchedOnBoth.length > 0) {
    lines.push(theme.warn(`${formatCount(touchedOnBoth.length, 'key')} written on both sides:`));
    lines.push(
      ...touchedOnBoth
        .slice(0, SHOWN)
        .map(({ database, key }) => `  db${database ?? '?'}  ${drawBytesText(key)}`),
      ...more(touchedOnBoth.length, theme),
    );
  }
  if (report.masterUnreadBytes > 0) {
    lines.push(
      theme.warn(
        `${report.masterUnreadBytes} bytes of ${master}'s own writes could not be compared with them`,
      ),
    );
  }
  if (report.replayed > 0)
    lines.push(theme.good(`${formatCount(report.replayed, 'command')} replayed on ${master}`));
  lines.push(
    ...refused.slice(0, SHOWN).map(({ command, said }) => theme.bad(`${master} refused ${command}: ${said}`)),
  );
  if (report.out !== null) lines.push(`written to ${report.out}; redis-cli --pipe sends it`);
  if (report.isReattached) lines.push(theme.good(`${node} follows ${master}'s history again`));
  return lines.join('\n');
}

function more(count: number, theme: Theme): string[] {
  return count > SHOWN ? [theme.dim(`  … and ${count - SHOWN} more; --json or --out has all`)] : [];
}
