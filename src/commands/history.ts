import { history, type HistoryEntry } from '../apply/history.ts';
import { drawColumns, type Column } from '../show/draw-columns.ts';
import { formatMilliseconds } from '../show/format-quantity.ts';
import { BaseCommand, type Outcome } from './frame/base-command.ts';
import { findTopology } from './frame/find-topology.ts';

const COLUMNS: readonly Column[] = [
  { title: 'EPOCH', align: 'right' },
  { title: 'WHEN', align: 'left' },
  { title: 'BY', align: 'left' },
  { title: 'OUTCOME', align: 'left' },
  { title: 'TOOK', align: 'right' },
  { title: 'COMMAND', align: 'left' },
  { title: 'HISTORY OF THE DATA', align: 'left' },
];

export default class History extends BaseCommand<typeof History> {
  static override readonly summary =
    'Show every operation: who, what, how long, and the lineage of replication ids.';
  static override readonly examples = ['<%= config.bin %> history', '<%= config.bin %> history --json'];

  protected override async execute(): Promise<Outcome> {
    const topology = await findTopology(this.flags.file);
    const entries = await history(topology.stateDir);
    const [titles = '', ...lines] = drawColumns(
      COLUMNS,
      entries.map((entry) => this.drawEntry(entry)),
    );
    const text =
      entries.length === 0 ? 'nothing was done yet' : [this.theme.dim(titles), ...lines].join('\n');
    return { json: { schema: 'replctl.history/1', operations: entries }, text };
  }

  private drawEntry(entry: HistoryEntry): string[] {
    const { epoch, atMs, by, outcome, tookMs, command, promotion } = entry;
    const isDone = outcome === 'done';
    const lineage =
      promotion === null
        ? ''
        : `${promotion.replid2.slice(0, 8)} → ${promotion.replid.slice(0, 8)} at ${promotion.secondOffset}`;
    return [
      String(epoch),
      new Date(atMs).toISOString().slice(0, 19).replace('T', ' '),
      by,
      isDone ? this.theme.good(outcome) : this.theme.warn(outcome),
      tookMs === null ? '' : formatMilliseconds(tookMs),
      command,
      lineage,
    ];
  }
}
