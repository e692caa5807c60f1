import { writeSync } from 'node:fs';
import { mkdir, open, readFile, readdir, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Plan, Verb } from '../plan/plan.ts';
import { syncFolder } from './write-durably.ts';

/** First line of a journal: everything that is needed to finish or undo the operation. */
export interface JournalHead {
  readonly event: 'open';
  /** `000012-promote`: sorts by epoch. */
  readonly id: string;
  readonly epoch: number;
  readonly verb: Verb;
  /** As it was typed, without secrets: `promote 6381`. */
  readonly command: string;
  readonly by: string;
  readonly atMs: number;
  readonly plan: Plan;
  /** Text of the topology file before and after; null when the operation does not edit it. */
  readonly declaration: { readonly file: string; readonly before: string; readonly after: string } | null;
}

export type JournalEntry =
  | JournalHead
  | { readonly event: 'begin'; readonly atMs: number; readonly step: number }
  | { readonly event: 'done'; readonly atMs: number; readonly step: number; readonly note: string | null }
  /** Something measured that undoing or proving needs: the fence's offset, the ids of a history. */
  | { readonly event: 'fact'; readonly atMs: number; readonly name: string; readonly value: unknown }
  | {
      readonly event: 'failed';
      readonly atMs: number;
      readonly step: number | null;
      readonly message: string;
    }
  | { readonly event: 'close'; readonly atMs: number; readonly outcome: Outcome };

/** `done`; `undone`: taken back, as if it had not been; `failed`: stopped where nothing needs finishing. */
export type Outcome = 'done' | 'undone' | 'failed';

/** What a journal file says when read back. */
export interface JournalRecord {
  readonly head: JournalHead;
  readonly entries: readonly JournalEntry[];
  /** null while the operation is unfinished. */
  readonly outcome: Outcome | null;
}

/** Writes JSON lines; each is on the disk before `append` resolves. */
export class Journal {
  readonly head: JournalHead;
  private readonly handle: FileHandle;
  private last: Promise<void> = Promise.resolve();

  private constructor(head: JournalHead, handle: FileHandle) {
    this.head = head;
    this.handle = handle;
  }

  static async open(stateDir: string, head: JournalHead): Promise<Journal> {
    const folder = path.join(stateDir, 'journal');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const journal = new Journal(head, await open(path.join(folder, `${head.id}.jsonl`), 'ax', 0o600));
    await journal.append(head);
    await syncFolder(folder);
    return journal;
  }

  /** Goes on writing an unfinished one. */
  static async reopen(stateDir: string, head: JournalHead): Promise<Journal> {
    return new Journal(head, await open(path.join(stateDir, 'journal', `${head.id}.jsonl`), 'a', 0o600));
  }

  append(entry: JournalEntry): Promise<void> {
    this.last = this.last.then(() => this.write(entry));
    return this.last;
  }

  /** As `append`, at once and without waiting for the disk: until the next `append` it survives a kill, no power cut. */
  note(entry: JournalEntry): void {
    writeSync(this.handle.fd, `${JSON.stringify(entry)}\n`);
  }

  fact(name: string, value: unknown): Promise<void> {
    return this.append({ event: 'fact', atMs: Date.now(), name, value });
  }

  /** Ends the operation; with null it stays open, for `resume` or `rollback`. */
  async close(outcome: Outcome | null): Promise<void> {
    if (outcome !== null) await this.append({ event: 'close', atMs: Date.now(), outcome });
    await this.handle.close();
  }

  private async write(entry: JournalEntry): Promise<void> {
    await this.handle.appendFile(`${JSON.stringify(entry)}\n`);
    await this.handle.datasync();
  }
}

/** All journals, oldest first. */
export async function readJournals(stateDir: string): Promise<JournalRecord[]> {
  const folder = path.join(stateDir, 'journal');
  const names = (await listFolder(folder)).filter((name) => name.endsWith('.jsonl')).sort();
  const records = await Promise.all(names.map((name) => readJournal(path.join(folder, name))));
  return records.filter((record) => record !== null);
}

/** The operation that was begun and neither finished nor undone; null when there is none. */
export async function readOpenJournal(stateDir: string): Promise<JournalRecord | null> {
  return (await readJournals(stateDir)).findLast(({ outcome }) => outcome === null) ?? null;
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** A last line that was cut off by a crash had not been relied on yet, and is left out. */
async function readJournal(file: string): Promise<JournalRecord | null> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  const entries = lines.map((line) => JSON.parse(line) as JournalEntry);
  const [head] = entries;
  if (head?.event !== 'open') return null;
  const close = entries.findLast((entry) => entry.event === 'close');
  return { head, entries, outcome: close?.outcome ?? null };
}
