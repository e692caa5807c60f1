import { readJournals, type JournalRecord, type Outcome } from './journal.ts';

/** One operation, as `history` shows it. */
export interface HistoryEntry {
  readonly id: string;
  readonly epoch: number;
  readonly verb: string;
  readonly command: string;
  readonly by: string;
  readonly atMs: number;
  /** null while unfinished. */
  readonly tookMs: number | null;
  readonly outcome: Outcome | 'unfinished';
  /** Set when a master was promoted: the new replication id, the old one, and where they fork. */
  readonly promotion: Promotion | null;
}

export interface Promotion {
  readonly node: string;
  readonly replid: string;
  readonly replid2: string;
  readonly secondOffset: number;
}

/** Every operation that was begun, newest last. */
export async function history(stateDir: string): Promise<HistoryEntry[]> {
  return (await readJournals(stateDir)).map(toEntry);
}

function toEntry({ head, entries, outcome }: JournalRecord): HistoryEntry {
  const { id, epoch, verb, command, by, atMs } = head;
  const close = entries.findLast(({ event }) => event === 'close');
  return {
    id,
    epoch,
    verb,
    command,
    by,
    atMs,
    tookMs: close === undefined ? null : close.atMs - atMs,
    outcome: outcome ?? 'unfinished',
    promotion: promotionsIn(entries).at(-1) ?? null,
  };
}

/** The promotions that an operation has noted, oldest first. */
export function promotionsIn(entries: JournalRecord['entries']): Promotion[] {
  return entries.flatMap((entry) =>
    entry.event === 'fact' && entry.name === 'promoted' ? [entry.value as Promotion] : [],
  );
}
