import type { Clock } from '../clock.ts';
import type { Db } from '../keyspace/db.ts';
import { BUCKETS_PER_STEP, ELEMENTS_PER_STEP, isLarge, PutOffs, type PutOff } from '../keyspace/put-off.ts';
import type { Walk } from '../keyspace/walk.ts';
import { RdbWriter, type EmitPiece, type WriterVersion } from '../rdb/rdb-writer.ts';
import { ValueWriting, writeValue } from './write-value.ts';

export interface SnapshotOptions {
  /** The databases to write, with their numbers; all are taken at the moment of construction. */
  readonly dbs: Iterable<readonly [index: number, db: Db]>;
  readonly aux: Iterable<readonly [name: string, value: string]>;
  /** Only written by version 10 and later. */
  readonly libraries: readonly string[];
  readonly version: WriterVersion;
  readonly checksum: boolean;
  /** Strings are packed where that makes them shorter. */
  readonly compresses: boolean;
  readonly emit: EmitPiece;
  readonly clock: Clock;
  /** How long each key is to take at least (config rdb-key-save-delay), in milliseconds. */
  readonly keyDelayMs?: () => number;
}

interface Large extends PutOff {
  writing: ValueWriting | undefined;
}

/**
 * One point-in-time image of the data as RDB, made in slices while writes go on.
 *
 * The databases' walks visit each entry once, and an entry that is about to change early, in its old form; so the
 * moment of construction is the moment of the image, in all databases. A large collection is only noted when it is
 * visited and written in steps; when it is about to change meanwhile, a copy takes its place. Entries that are saved
 * while a large one is half written wait aside, since an RDB can't nest them.
 */
export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #writer: RdbWriter;
  readonly #walks: { readonly index: number; readonly db: Db; readonly walk: Walk; isOpen: boolean }[] = [];
  /** Of `#walks`: those before it have been stepped to their end. */
  #walkAt = 0;
  readonly #larges = new PutOffs<Large>(({ writing, value }) => writing?.substitute(value));
  #aside: Buffer[] = [];
  #asideWriter: RdbWriter | undefined;
  #selected = -1;
  #asideSelected = -1;
  #keysWritten = 0;
  #isDone = false;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    const { version, checksum, compresses, emit } = options;
    this.#writer = new RdbWriter(emit, { version, checksum, compresses });
    this.#writer.header();
    for (const [name, value] of options.aux) this.#writer.aux(name, value);
    if (version >= 10) for (const library of options.libraries) this.#writer.functionLibrary(library);
    for (const [index, db] of options.dbs) {
      const walk = db.walk((ref) => this.#visit(index, db, ref));
      walk.onChange = (ref) => this.#larges.keepOldForm(db, ref);
      this.#walks.push({ index, db, walk, isOpen: false });
    }
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get keysWritten(): number {
    return this.#keysWritten;
  }

  get bytesWritten(): number {
    return this.#writer.bytesWritten;
  }

  /** Works for about `budgetMs`. Answers whether the file is complete; then all of it was emitted. */
  step(budgetMs: number): boolean {
    const { clock } = this.#options;
    const end = clock.monotonic() + budgetMs;
    while (!this.#isDone) {
      if (!this.#stepLarge() && !this.#stepWalk()) this.#finish();
      if (clock.monotonic() >= end) break;
    }
    return this.#isDone;
  }

  /** Gives the image up; nothing more is emitted. */
  abort(): void {
    this.#close();
    this.#larges.clear();
  }

  #finish(): void {
    this.#close();
    this.#writer.end();
  }

  /** Not before the last large collection is written: until then the walks must tell when one changes. */
  #close(): void {
    this.#isDone = true;
    for (const { walk } of this.#walks) walk.close();
  }

  #stepWalk(): boolean {
    const current = this.#walks[this.#walkAt];
    if (current === undefined) return false;
    if (!current.isOpen) {
      current.isOpen = true;
      this.#select(current.index);
      this.#writer.resizeDb(current.db.size, current.db.expires.count);
    }
    if (current.walk.step(BUCKETS_PER_STEP)) this.#walkAt += 1;
    return true;
  }

  #stepLarge(): boolean {
    const large = this.#larges.first;
    if (large === undefined) return false;
    if (large.writing === undefined) {
      this.#select(large.dbIndex);
      const key = { bytes: large.key, start: 0, end: large.key.length };
      large.writing = new ValueWriting(this.#writer, large.value, key, large.expireAtMs);
    }
    if (!large.writing.step(ELEMENTS_PER_STEP)) return true;
    this.#keysWritten++;
    this.#larges.shift();
    this.#flushAside();
    return true;
  }

  #visit(dbIndex: number, db: Db, ref: number): void {
    if (isLarge(db, ref)) {
      const [key, expireAtMs, value] = [db.keyBytes(ref), db.expireAt(ref), db.object(ref)];
      this.#larges.add({ dbIndex, key, expireAtMs, value, writing: undefined });
      return;
    }
    const writer = this.#selectForEntry(dbIndex);
    const expireAtMs = db.expireAt(ref);
    db.locateKey(ref);
    const { at: bytes, from: start, to: end } = db;
    if (db.isString(ref)) {
      db.locateValue(ref);
      writer.string(bytes, start, end, db.at, db.from, db.to, expireAtMs);
    } else {
      writeValue(writer, db.object(ref), { bytes, start, end }, expireAtMs);
    }
    this.#keysWritten++;
  }

  #selectForEntry(dbIndex: number): RdbWriter {
    if (this.#larges.first?.writing === undefined) {
      this.#select(dbIndex);
      return this.#writer;
    }
    const writer = (this.#asideWriter ??= new RdbWriter((piece) => this.#aside.push(piece), {
      version: this.#options.version,
      checksum: false,
      compresses: this.#options.compresses,
    }));
    if (this.#asideSelected !== dbIndex) writer.selectDb(dbIndex);
    this.#asideSelected = dbIndex;
    return writer;
  }

  #flushAside(): void {
    if (this.#asideWriter === undefined) return;
    this.#asideWriter.flush();
    for (const piece of this.#aside) this.#writer.raw(piece, 0, piece.length);
    this.#selected = this.#asideSelected;
    this.#asideSelected = -1;
    this.#asideWriter = undefined;
    this.#aside = [];
  }

  #select(dbIndex: number): void {
    if (this.#selected === dbIndex) return;
    this.#selected = dbIndex;
    this.#writer.selectDb(dbIndex);
  }
}
