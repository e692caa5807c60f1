import type { Db } from '../keyspace/db.ts';
import { hashBytes } from '../keyspace/hash-bytes.ts';
import { BUCKETS_PER_STEP, ELEMENTS_PER_STEP, isLarge, PutOffs, type PutOff } from '../keyspace/put-off.ts';
import { TYPE_NUMBER, type Value, type ValueType } from '../keyspace/value.ts';
import type { Walk } from '../keyspace/walk.ts';
import { CollectionDigest } from './collection-digest.ts';
import { Hash128 } from './hash128.ts';

/** Rows that are kept: some ten megabytes. */
const MOST_ROWS = 100_000;

const SUM_WORDS = 4;

export interface DigestScope {
  /** Keys are dealt to so many buckets by their hash, the same on every node. */
  readonly bucketCount: number;
  /** Buckets whose keys are listed one by one; none: sums of all buckets. */
  readonly listed: ReadonlySet<number>;
}

/** One key of a listed bucket. */
export interface DigestRow {
  readonly dbIndex: number;
  readonly key: Buffer;
  readonly type: ValueType;
  /** Unix time in ms, -1 for never. */
  readonly expireAtMs: number;
  /** 16 bytes, of the content alone. */
  readonly content: Buffer;
}

interface Large extends PutOff {
  readonly bucket: number;
  /** Of what was taken so far, from `value`. */
  digest: CollectionDigest | undefined;
}

/**
 * The digest of all data at one moment, that of construction, made in slices while writes go on: what is about to
 * change is digested first, in its old form, and a large collection on the way is copied, as in a `Snapshot`.
 * Sums are of hashes of database, key, type, expiry and content, so the order in which keys are met does not matter.
 */
export class DigestCut {
  /** Four words a bucket. */
  readonly sums: Int32Array;
  readonly rows: DigestRow[] = [];
  keys = 0;
  /** More keys in the listed buckets than are kept. */
  hasTooManyRows = false;
  isDone = false;
  private readonly scope: DigestScope;
  /** Unix time in ms: keys that are past their time by then are in no digest, deleted yet or not. */
  private readonly nowMs: number;
  private readonly walks: readonly Walk[];
  private walkAt = 0;
  /** The digest of one that changes begins anew, from a copy. */
  private readonly larges = new PutOffs<Large>((large) => {
    large.digest = undefined;
  });
  private readonly hash = new Hash128();

  constructor(dbs: Iterable<readonly [index: number, db: Db]>, scope: DigestScope, nowMs: number) {
    this.scope = scope;
    this.nowMs = nowMs;
    this.sums = new Int32Array(scope.listed.size === 0 ? scope.bucketCount * SUM_WORDS : 0);
    this.walks = Array.from(dbs, ([index, db]) => {
      const walk = db.walk((ref) => this.visit(index, db, ref));
      walk.onChange = (ref) => this.larges.keepOldForm(db, ref);
      return walk;
    });
  }

  /** Works until `isOver` says so after a step; true when all is digested. */
  step(isOver: () => boolean): boolean {
    while (!this.isDone) {
      if (!this.stepLarge() && !this.stepWalk()) this.close();
      if (isOver()) break;
    }
    return this.isDone;
  }

  /** Ends it, finished or not. */
  close(): void {
    this.isDone = true;
    for (const walk of this.walks) walk.close();
    this.larges.clear();
  }

  private stepWalk(): boolean {
    const walk = this.walks[this.walkAt];
    if (walk === undefined) return false;
    if (walk.step(BUCKETS_PER_STEP)) this.walkAt += 1;
    return true;
  }

  private stepLarge(): boolean {
    const large = this.larges.first;
    if (large === undefined) return false;
    large.digest ??= new CollectionDigest(large.value);
    if (!large.digest.step(ELEMENTS_PER_STEP)) return true;
    this.larges.shift();
    this.hashCollection(large.value, large.digest);
    this.add(large.dbIndex, large.bucket, large.key, 0, large.key.length, large.value.type, large.expireAtMs);
    return true;
  }

  private visit(dbIndex: number, db: Db, ref: number): void {
    db.locateKey(ref);
    const { at, from, to } = db;
    const { bucketCount, listed } = this.scope;
    const bucket = (hashBytes(at, from, to, dbIndex) >>> 0) % bucketCount;
    if (listed.size > 0 && !listed.has(bucket)) return;
    const expireAtMs = db.expireAt(ref);
    if (expireAtMs >= 0 && expireAtMs < this.nowMs) return;
    this.keys += 1;
    if (db.isString(ref)) {
      db.locateValue(ref);
      this.hash.begin(0).bytes(db.at, db.from, db.to).end();
    } else {
      const value = db.object(ref);
      if (isLarge(db, ref)) {
        const key = Buffer.from(at.subarray(from, to));
        this.larges.add({ dbIndex, bucket, key, expireAtMs, value, digest: undefined });
        return;
      }
      const digest = new CollectionDigest(value);
      digest.step(Infinity);
      this.hashCollection(value, digest);
    }
    this.add(dbIndex, bucket, at, from, to, db.typeOf(ref), expireAtMs);
  }

  private hashCollection(value: Value, { a, b, c, d }: CollectionDigest): void {
    this.hash.begin(value.size).word(a).word(b).word(c).word(d).end();
  }

  /** Adds an entry; `hash` holds that of its content. */
  private add(
    dbIndex: number,
    bucket: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    type: ValueType,
    expireAtMs: number,
  ): void {
    const { hash, rows, sums } = this;
    const { a, b, c, d } = hash;
    if (sums.length === 0) {
      if (rows.length >= MOST_ROWS) {
        this.hasTooManyRows = true;
        return;
      }
      const content = Buffer.from(Int32Array.of(a, b, c, d).buffer);
      rows.push({ dbIndex, key: Buffer.from(bytes.subarray(from, to)), type, expireAtMs, content });
      return;
    }
    hash.begin(dbIndex).bytes(bytes, from, to).word(TYPE_NUMBER[type]).double(expireAtMs);
    hash.word(a).word(b).word(c).word(d).end();
    const at = bucket * SUM_WORDS;
    sums[at] = sums[at]! + hash.a;
    sums[at + 1] = sums[at + 1]! + hash.b;
    sums[at + 2] = sums[at + 2]! + hash.c;
    sums[at + 3] = sums[at + 3]! + hash.d;
  }
}
