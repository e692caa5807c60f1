import { Args } from '../resp/args.ts';

/**
 * Who is told of every change: the replication stream, the append-only file.
 *
 * `buf[start, end)` is one command in RESP, to be copied; it ran in database `db`. The sink puts SELECT in front when
 * the database differs from its last one, and `db` is not ANY_DB. On a replica the replication stream is its master's bytes passed on, so
 * that sink takes nothing then.
 */
export interface PropagationSink {
  feed(db: number, buf: Uint8Array, start: number, end: number): void;
}

/** For a command that is the same in every database: MULTI, which comes before its first command's SELECT. */
export const ANY_DB = -1;

/** Which sinks a command is for. */
export const TO_REPLICATION = 1;
export const TO_AOF = 2;
export const TO_ALL = TO_REPLICATION | TO_AOF;

interface Pending {
  readonly db: number;
  readonly bytes: Buffer;
  readonly targets: number;
}

const MULTI = Args.of(['MULTI']).buf;
const EXEC = Args.of(['EXEC']).buf;

/**
 * Hands changes to the sinks. A *unit* is what must be applied at once: a command with the expirations it met, an
 * EXEC, a script. A unit of several commands is wrapped in MULTI/EXEC; a unit of one goes as it is, uncopied when
 * nothing came before it.
 */
export class Propagation {
  replication: PropagationSink | undefined;
  aof: PropagationSink | undefined;
  /** Restricts where commands go, for a script that asks so (redis.set_repl). */
  mask = TO_ALL;
  private depth = 0;
  private pending: Pending[] = [];

  /** Whether anyone listens: without, building a command to propagate is a waste. */
  get isActive(): boolean {
    return this.replication !== undefined || this.aof !== undefined;
  }

  /** Whether a unit is open: part of what it changes may be in the data and not yet with the sinks. */
  get isOpen(): boolean {
    return this.depth > 0;
  }

  /** Opens a unit that lasts until the matching `close`; they nest. */
  open(): void {
    this.depth += 1;
  }

  close(): void {
    this.depth -= 1;
    if (this.depth === 0 && this.pending.length > 0) this.flush();
  }

  /** Adds a command to the unit; it is copied unless it goes straight to the sinks. */
  add(db: number, buf: Buffer, start: number, end: number, targets = TO_ALL): void {
    if (this.replication === undefined && this.aof === undefined) return;
    const wanted = targets & this.mask;
    if (wanted === 0) return;
    if (this.depth === 0 && this.pending.length === 0) this.feed(db, buf, start, end, wanted);
    else this.pending.push({ db, bytes: Buffer.from(buf.subarray(start, end)), targets: wanted });
  }

  /** The last command of a unit that was not opened: sends it with whatever expired before it. */
  addLast(db: number, buf: Buffer, start: number, end: number, targets = TO_ALL): void {
    this.add(db, buf, start, end, targets);
    if (this.depth === 0 && this.pending.length > 0) this.flush();
  }

  /** Adds a command made here. */
  addCommand(db: number, argv: readonly (string | Uint8Array)[], targets = TO_ALL): void {
    if (this.replication === undefined && this.aof === undefined) return;
    if ((targets & this.mask) === 0) return;
    this.pending.push({ db, bytes: Args.of(argv).buf, targets: targets & this.mask });
  }

  /** Sends what is pending, when no unit is open. */
  settle(): void {
    if (this.depth === 0 && this.pending.length > 0) this.flush();
  }

  private flush(): void {
    const pending = this.pending;
    this.pending = [];
    const isMany = pending.length > 1;
    let targets = 0;
    for (const entry of pending) targets |= entry.targets;
    if (isMany) this.feed(ANY_DB, MULTI, 0, MULTI.length, targets);
    for (const { db, bytes, targets: own } of pending) this.feed(db, bytes, 0, bytes.length, own);
    if (isMany) this.feed(ANY_DB, EXEC, 0, EXEC.length, targets);
  }

  private feed(db: number, buf: Buffer, start: number, end: number, targets: number): void {
    if ((targets & TO_REPLICATION) !== 0) this.replication?.feed(db, buf, start, end);
    if ((targets & TO_AOF) !== 0) this.aof?.feed(db, buf, start, end);
  }
}
