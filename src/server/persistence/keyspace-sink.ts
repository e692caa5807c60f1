import type { Db } from '../keyspace/db.ts';
import { MalformedData } from '../rdb/rdb-error.ts';
import type { CollectionType, RdbSink } from '../rdb/rdb-sink.ts';
import { CollectionBuilder } from './build-value.ts';

/** Most keys a table is made for on the file's word; a larger one grows while it is filled. */
const MAX_RESERVED_KEYS = 1 << 24;
const NONE = Buffer.alloc(0);

export interface KeyspaceSinkOptions {
  readonly databaseCount: number;
  /** Gives the database to load into; it must be empty unless `replace`. Called once per number. */
  readonly openDb: (index: number) => Db;
  /** Keys that died before this Unix time in ms are left out; -1 takes all, as a replica does. */
  readonly dropExpiredBeforeMs: number;
  /** Told of each key that is left out for this. */
  readonly expired?: (dbIndex: number, key: Buffer) => void;
  /** Let a key of the file take the place of one that is there, instead of refusing the file. */
  readonly replace?: boolean;
}

/** Puts what an RDB holds into databases. */
export class KeyspaceSink extends CollectionBuilder implements RdbSink {
  /** AUX fields by name: `repl-id`, `repl-offset`, `repl-stream-db`, `aof-base`, … */
  readonly auxFields = new Map<string, string>();
  readonly libraries: string[] = [];
  keysLoaded = 0;
  keysExpired = 0;

  readonly #options: KeyspaceSinkOptions;
  readonly #dbs = new Map<number, Db>();
  #db: Db;
  #dbIndex = 0;
  #key: Buffer = NONE;
  #expireAtMs = -1;

  constructor(options: KeyspaceSinkOptions) {
    super();
    this.#options = options;
    this.#db = this.#open(0);
  }

  /** What was loaded, by number. */
  get dbs(): ReadonlyMap<number, Db> {
    return this.#dbs;
  }

  selectDb(index: number): void {
    const { databaseCount } = this.#options;
    if (index >= databaseCount) {
      throw new MalformedData(`database ${index}, but only ${databaseCount} are configured`, 'unsupported');
    }
    this.#db = this.#open(index);
    this.#dbIndex = index;
  }

  resizeDb(keys: number): void {
    this.#db.reserve(Math.min(keys, MAX_RESERVED_KEYS));
  }

  aux(name: string, value: string): void {
    this.auxFields.set(name, value);
  }

  functionLibrary(code: string): void {
    this.libraries.push(code);
  }

  string(
    key: Buffer,
    keyStart: number,
    keyEnd: number,
    value: Buffer,
    valueStart: number,
    valueEnd: number,
    expireAtMs: number,
  ): void {
    if (this.#isExpired(expireAtMs)) {
      this.#options.expired?.(this.#dbIndex, key.subarray(keyStart, keyEnd));
      return;
    }
    this.#makeRoom(key, keyStart, keyEnd);
    const ref = this.#db.insertString(key, keyStart, keyEnd, value, valueStart, valueEnd);
    if (expireAtMs >= 0) this.#db.setExpire(ref, expireAtMs);
    this.keysLoaded++;
  }

  begin(type: CollectionType, key: Buffer, keyStart: number, keyEnd: number, expireAtMs: number): void {
    this.#key = Buffer.from(key.subarray(keyStart, keyEnd));
    this.#expireAtMs = expireAtMs;
    this.startValue(type);
  }

  end(isEmpty: boolean): void {
    if (isEmpty) return;
    const key = this.#key;
    if (this.#isExpired(this.#expireAtMs)) {
      this.#options.expired?.(this.#dbIndex, key);
      return;
    }
    this.#makeRoom(key, 0, key.length);
    const ref = this.#db.insertObject(key, 0, key.length, this.value);
    if (this.#expireAtMs >= 0) this.#db.setExpire(ref, this.#expireAtMs);
    this.keysLoaded++;
  }

  #isExpired(expireAtMs: number): boolean {
    if (expireAtMs < 0 || expireAtMs >= this.#options.dropExpiredBeforeMs) return false;
    this.keysExpired++;
    return true;
  }

  #makeRoom(key: Buffer, start: number, end: number): void {
    const found = this.#db.find(key, start, end);
    if (found === 0) return;
    if (this.#options.replace !== true) throw new MalformedData('a key that is there twice');
    this.#db.delete(found);
    this.#db.find(key, start, end);
  }

  #open(index: number): Db {
    const known = this.#dbs.get(index);
    if (known !== undefined) return known;
    const db = this.#options.openDb(index);
    this.#dbs.set(index, db);
    return db;
  }
}
