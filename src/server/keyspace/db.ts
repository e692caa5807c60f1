import { Arena, MAX_BLOCK_BYTES, SEGMENT_SHIFT, UNIT_MASK, classBytes, classFor } from './arena.ts';
import { Deadlines } from './deadlines.ts';
import { EXPIRE_SLOT_WORD, Expires } from './expires.ts';
import { hashBytes } from './hash-bytes.ts';
import { TYPE_NUMBER, type Value, type ValueType } from './value.ts';
import { HashValue } from './values/hash-value.ts';
import { Walk } from './walk.ts';

/**
 * One database: a chained hash table in typed arrays, rehashed in small steps, over entries in an arena.
 *
 * An entry is a block of six int32 words followed by the key and, for a string, its value:
 * `next · hash · flags and access clock · key length and size class · value length or object index · expiry slot`.
 * Too large for a block, key and value go together into a blob, and word 6 and 7 hold its index and the key length.
 *
 * A `ref` is the address of an entry, 0 for none. It is good until the next call that writes to this db: set, insert,
 * delete and resize may move entries. Keys go in and out as byte ranges, never as strings, unless asked for.
 *
 * Point-in-time walks: `walk(visit)` visits every entry as it was when the walk began, in slices of the caller's
 * choice, while the db goes on changing. Every write here first lets each open walk visit the bucket it is about to
 * change. The contents of a collection are changed by the caller, who says so with `willChange(ref)` before.
 */
const NEXT = 0;
const HASH = 1;
const FLAGS = 2;
const KEY = 3;
const VALUE = 4;
const BLOB = 6;
const BLOB_KEY = 7;
const HEADER_BYTES = 24;
const BLOB_CLASS = 4;

const TYPE_MASK = 7;
const OUTSIDE = 8;
const RAW = 16;
/** A number that Redis keeps as text, since a float came out so. */
const TEXT = 32;
const KEY_LENGTH_MASK = 0xffff;

const MIN_BUCKETS = 16;
const SHRINK_RATIO = 10;
const LOOP_COPY_BYTES = 48;

const LARGE_BUCKETS = 1 << 14;
const MAX_EXPECTED = 16;
const LARGEST_EXPECTED = 128;
const LINE_UNITS = 8;

const TYPES = buildTypes();
const NO_TABLE = new Int32Array(0);

function buildTypes(): ValueType[] {
  const types: ValueType[] = [];
  for (const [type, number] of Object.entries(TYPE_NUMBER)) types[number] = type as ValueType;
  return types;
}

/** How a string is reported by OBJECT ENCODING. */
export type StringEncoding = 'int' | 'embstr' | 'raw';

export class Db {
  readonly expires: Expires;
  /** The hashes with fields that expire, by key, each with a time before which none does. */
  readonly fieldExpiries = new Deadlines();
  /** Where `locateKey` and `locateValue` found what was asked: bytes `[from, to)` of `at`. */
  at: Buffer;
  from = 0;
  to = 0;
  /** 24 bits that entries are stamped with on access: LRU seconds, or LFU minutes and counter. */
  accessClock = 0;
  /** Set while the eviction policy counts frequency: then reads do not stamp `accessClock`. */
  isFrequencyCounted = false;
  /** Walks in progress; rehashing waits for them. */
  readonly walks = new Set<Walk>();
  private readonly arena = new Arena();
  private readonly words: Int32Array[];
  private readonly bytes: Buffer[];
  private readonly objects: (Value | undefined)[] = [];
  private readonly objectSizes: number[] = [];
  private readonly freeObjects: number[] = [];
  private objectBytes = 0;
  private readonly seed: number;
  private table = new Int32Array(MIN_BUCKETS);
  private mask = MIN_BUCKETS - 1;
  private used = 0;
  private next = NO_TABLE;
  private nextMask = 0;
  private nextUsed = 0;
  private rehashAt = -1;
  private lastHash = 0;
  /** Hashes of keys that will be looked for soon, and where their chains begin. */
  private readonly expected = new Int32Array(MAX_EXPECTED);
  private readonly expectedRefs = new Int32Array(MAX_EXPECTED);
  private expectedCount = 0;
  /** Of no meaning: so that fetching has a result and is not left out. */
  private fetched = 0;

  constructor(seed: number) {
    this.seed = seed | 0;
    this.words = this.arena.words;
    this.bytes = this.arena.bytes;
    this.expires = new Expires(this.arena);
    this.at = Buffer.alloc(0);
  }

  get size(): number {
    return this.used + this.nextUsed;
  }

  /** Bytes held by entries, tables and (as they estimate it) collections. */
  get usedBytes(): number {
    return (
      this.arena.usedBytes +
      this.table.byteLength +
      this.next.byteLength +
      this.expires.bytes +
      this.fieldExpiries.bytes +
      this.objectBytes
    );
  }

  // ---- finding ----------------------------------------------------------------------------------------------------

  /** The entry of the key `buf[start, end)`, expired or not; 0 when there is none. */
  find(buf: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(buf, start, end, this.seed);
    this.lastHash = hash;
    const words = this.words;
    let ref = this.table[hash & this.mask]!;
    while (ref !== 0) {
      const block = words[ref >>> SEGMENT_SHIFT]!;
      const at = (ref & UNIT_MASK) << 1;
      if (block[at + HASH] === hash && this.hasKey(ref, buf, start, end)) return ref;
      ref = block[at]!;
    }
    return this.rehashAt < 0 ? 0 : this.findInNext(hash, buf, start, end);
  }

  // ---- looking for several keys at once -----------------------------------------------------------------------------

  /** Whether its table leaves the processor's nearer caches, so that it is worth while to `expect` keys. */
  get isLarge(): boolean {
    return this.table.length >= LARGE_BUCKETS && this.rehashAt < 0;
  }

  /** Says that the key will be looked for soon: its bucket is fetched from memory. At most MAX_EXPECTED at a time. */
  expect(buf: Uint8Array, start: number, end: number): void {
    if (end - start > LARGEST_EXPECTED || this.expectedCount === MAX_EXPECTED) return;
    const hash = hashBytes(buf, start, end, this.seed);
    this.fetched ^= this.table[hash & this.mask]!;
    this.expected[this.expectedCount] = hash;
    this.expectedCount += 1;
  }

  /**
   * Fetches the entries of the keys expected. Of a lookup nearly all is waiting for memory; what does not depend on
   * one another is waited for together, hence one loop for each step.
   */
  fetchExpected(): void {
    const { words, expected, expectedRefs, expectedCount, table, mask } = this;
    this.expectedCount = 0;
    if (words.length === 0) return;
    let fetched = this.fetched;
    for (let i = 0; i < expectedCount; i += 1) {
      const ref = table[expected[i]! & mask]!;
      expectedRefs[i] = ref;
      fetched ^= words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 1) + HASH]!;
    }
    for (let i = 0; i < expectedCount; i += 1) {
      const ref = expectedRefs[i]!;
      const block = words[ref >>> SEGMENT_SHIFT]!;
      const at = (ref & UNIT_MASK) << 1;
      if (block[at + HASH] === expected[i]) {
        // A short entry lies in one or two lines of the cache.
        fetched ^= block[at + 2 * Math.min(block[at + KEY]! >>> 16, LINE_UNITS) - 1]!;
      } else {
        const next = block[at]!;
        fetched ^= words[next >>> SEGMENT_SHIFT]![((next & UNIT_MASK) << 1) + HASH]!;
      }
    }
    this.fetched = fetched;
  }

  /** `find` for a key that is not in an input buffer: a binary string. */
  findString(key: string): number {
    const buf = Buffer.from(key, 'latin1');
    return this.find(buf, 0, buf.length);
  }

  private findInNext(hash: number, buf: Uint8Array, start: number, end: number): number {
    if (this.walks.size === 0) this.rehashStep(1);
    if (this.rehashAt < 0) return this.find(buf, start, end);
    let ref = this.next[hash & this.nextMask]!;
    while (ref !== 0) {
      if (this.word(ref, HASH) === hash && this.hasKey(ref, buf, start, end)) return ref;
      ref = this.word(ref, NEXT);
    }
    ref = this.table[hash & this.mask]!;
    while (ref !== 0) {
      if (this.word(ref, HASH) === hash && this.hasKey(ref, buf, start, end)) return ref;
      ref = this.word(ref, NEXT);
    }
    return 0;
  }

  private hasKey(ref: number, buf: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const known = this.words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 1) + KEY]! & KEY_LENGTH_MASK;
    if (known === KEY_LENGTH_MASK) {
      this.locateKey(ref);
      return this.at.compare(buf, start, end, this.from, this.to) === 0;
    }
    if (known !== length) return false;
    const bytes = this.bytes[ref >>> SEGMENT_SHIFT]!;
    const from = ((ref & UNIT_MASK) << 3) + HEADER_BYTES;
    if (length > 256) return bytes.compare(buf, start, end, from, from + length) === 0;
    for (let i = 0; i < length; i += 1) if (bytes[from + i]! !== buf[start + i]!) return false;
    return true;
  }

  // ---- reading an entry -------------------------------------------------------------------------------------------

  typeOf(ref: number): ValueType {
    return TYPES[this.word(ref, FLAGS) & TYPE_MASK]!;
  }

  isString(ref: number): boolean {
    return (this.word(ref, FLAGS) & TYPE_MASK) === 0;
  }

  /** Points `at`, `from` and `to` to the key's bytes. */
  locateKey(ref: number): void {
    if ((this.word(ref, FLAGS) & OUTSIDE) !== 0) {
      this.at = this.arena.blobs[this.word(ref, BLOB)]!;
      this.from = 0;
      this.to = this.word(ref, BLOB_KEY);
    } else {
      this.at = this.bytes[ref >>> SEGMENT_SHIFT]!;
      this.from = ((ref & UNIT_MASK) << 3) + HEADER_BYTES;
      this.to = this.from + (this.word(ref, KEY) & KEY_LENGTH_MASK);
    }
  }

  /** Points `at`, `from` and `to` to a string's bytes; writing there is allowed after `willChange`. */
  locateValue(ref: number): void {
    const block = this.words[ref >>> SEGMENT_SHIFT]!;
    const at = (ref & UNIT_MASK) << 1;
    if ((block[at + FLAGS]! & OUTSIDE) !== 0) {
      this.at = this.arena.blobs[block[at + BLOB]!]!;
      this.from = block[at + BLOB_KEY]!;
    } else {
      this.at = this.bytes[ref >>> SEGMENT_SHIFT]!;
      this.from = ((ref & UNIT_MASK) << 3) + HEADER_BYTES + (block[at + KEY]! & KEY_LENGTH_MASK);
    }
    this.to = this.from + block[at + VALUE]!;
  }

  /** A string's length in bytes. */
  valueLength(ref: number): number {
    return this.word(ref, VALUE);
  }

  /** A copy of the key. */
  keyBytes(ref: number): Buffer {
    this.locateKey(ref);
    return Buffer.from(this.at.subarray(this.from, this.to));
  }

  /** The key as a binary string. */
  keyString(ref: number): string {
    this.locateKey(ref);
    return this.at.latin1Slice(this.from, this.to);
  }

  /** A copy of a string's value. */
  valueBytes(ref: number): Buffer {
    this.locateValue(ref);
    return Buffer.from(this.at.subarray(this.from, this.to));
  }

  /** A string's value as a binary string. */
  valueString(ref: number): string {
    this.locateValue(ref);
    return this.at.latin1Slice(this.from, this.to);
  }

  /** The collection in an entry that is not a string. To change it, call `willChange` first and `recount` its slot after. */
  object(ref: number): Value {
    return this.objects[this.word(ref, VALUE)]!;
  }

  stringEncoding(ref: number): StringEncoding {
    if ((this.word(ref, FLAGS) & RAW) !== 0) return 'raw';
    const length = this.word(ref, VALUE);
    if (length <= 20 && (this.word(ref, FLAGS) & TEXT) === 0 && this.isCanonicalInteger(ref)) return 'int';
    return length <= 44 ? 'embstr' : 'raw';
  }

  private isCanonicalInteger(ref: number): boolean {
    const text = this.valueString(ref);
    if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) return false;
    return text.length < 19 || BigInt.asIntN(64, BigInt(text)) === BigInt(text);
  }

  // ---- writing ----------------------------------------------------------------------------------------------------

  /**
   * Says that the entry is about to change in a way this db does not see (the inside of a collection, bytes found by
   * `locateValue`): open walks take its old form first.
   */
  willChange(ref: number): void {
    if (this.walks.size === 0) return;
    this.saveBucket(this.word(ref, HASH));
    for (const walk of this.walks) walk.onChange?.(ref);
  }

  /** The entry is about to be replaced, moved or removed; a collection in it stays as it is. */
  private willReplace(ref: number): void {
    if (this.walks.size !== 0) this.saveBucket(this.word(ref, HASH));
  }

  /**
   * Sets a key to a string, replacing what it held. A time to live goes unless `keepTtl`. The ranges must not lie in
   * this db's own memory. Returns the entry.
   */
  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
    keepTtl = false,
  ): number {
    const ref = this.find(key, keyStart, keyEnd);
    if (ref === 0) return this.insertString(key, keyStart, keyEnd, value, start, end);
    return this.replaceString(ref, value, start, end, keepTtl);
  }

  /** `setString` for an entry already found. */
  replaceString(ref: number, value: Uint8Array, start: number, end: number, keepTtl = false): number {
    if (this.walks.size !== 0) this.willReplace(ref);
    const block = this.words[ref >>> SEGMENT_SHIFT]!;
    const at = (ref & UNIT_MASK) << 1;
    const flags = block[at + FLAGS]!;
    if ((flags & (OUTSIDE | TYPE_MASK)) === 0 && (keepTtl || block[at + EXPIRE_SLOT_WORD] === 0)) {
      const key = block[at + KEY]!;
      const from = HEADER_BYTES + (key & KEY_LENGTH_MASK);
      if (fits(from + end - start, classBytes(key >>> 16))) {
        block[at + VALUE] = end - start;
        block[at + FLAGS] = flags & ~(RAW | TEXT);
        copyBytes(value, start, end, this.bytes[ref >>> SEGMENT_SHIFT]!, (at << 2) + from);
        return ref;
      }
    }
    this.dropObject(ref);
    if (!keepTtl) this.expires.remove(ref);
    const moved = this.resize(ref, end - start, false);
    this.setWord(moved, FLAGS, this.word(moved, FLAGS) & ~(RAW | TEXT | TYPE_MASK));
    this.locateValue(moved);
    copyBytes(value, start, end, this.at, this.from);
    return moved;
  }

  /** A new string under a key that `find` just did not find (nothing may have happened in between). */
  insertString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
  ): number {
    const ref = this.addEntry(key, keyStart, keyEnd, end - start);
    this.setWord(ref, VALUE, end - start);
    this.locateValue(ref);
    copyBytes(value, start, end, this.at, this.from);
    return ref;
  }

  /** A new collection under a key that `find` just did not find. */
  insertObject(key: Uint8Array, keyStart: number, keyEnd: number, object: Value): number {
    const ref = this.addEntry(key, keyStart, keyEnd, 0);
    this.holdObject(ref, object);
    return ref;
  }

  /** Sets a key to a collection, replacing what it held. A time to live goes unless `keepTtl`. */
  setObject(key: Uint8Array, keyStart: number, keyEnd: number, object: Value, keepTtl = false): number {
    const ref = this.find(key, keyStart, keyEnd);
    if (ref === 0) return this.insertObject(key, keyStart, keyEnd, object);
    this.willReplace(ref);
    this.dropObject(ref);
    if (!keepTtl) this.expires.remove(ref);
    const moved = this.resize(ref, 0, false);
    this.holdObject(moved, object);
    return moved;
  }

  /**
   * Gives a string another length, keeping its bytes; new ones are zero. The result counts as `raw`. Returns the
   * entry, which may have moved; write the new bytes where `locateValue` points.
   */
  resizeString(ref: number, length: number): number {
    this.willReplace(ref);
    const old = this.word(ref, VALUE);
    const moved = length === old ? ref : this.resize(ref, length, true);
    this.setWord(moved, FLAGS, this.word(moved, FLAGS) | RAW);
    this.locateValue(moved);
    if (length > old) this.at.fill(0, this.from + old, this.to);
    return moved;
  }

  /** Lets OBJECT ENCODING say raw (`true`) or judge by the bytes. */
  setRaw(ref: number, isRaw: boolean): void {
    const flags = this.word(ref, FLAGS);
    this.setWord(ref, FLAGS, isRaw ? flags | RAW : flags & ~RAW);
  }

  /** Lets OBJECT ENCODING never say int. */
  setText(ref: number): void {
    this.setWord(ref, FLAGS, this.word(ref, FLAGS) | TEXT);
  }

  /** Where this db keeps the collection of an entry; stays the same while the entry holds it. */
  slotOf(ref: number): number {
    return this.word(ref, VALUE);
  }

  /** Brings the account of a collection's bytes up to date after it was changed, unless it is gone from its slot. */
  recount(slot: number, object: Value): void {
    if (this.objects[slot] !== object) return;
    const bytes = object.bytes;
    this.objectBytes += bytes - this.objectSizes[slot]!;
    this.objectSizes[slot] = bytes;
  }

  delete(ref: number): void {
    this.willReplace(ref);
    this.dropObject(ref);
    this.expires.remove(ref);
    this.unlink(ref);
    this.releaseBlock(ref);
    if (this.rehashAt < 0 && this.mask >= MIN_BUCKETS && this.used * SHRINK_RATIO < this.mask) {
      this.startRehash(Math.max(MIN_BUCKETS, this.used));
    }
  }

  /** Gives the entry's value and time to live to another key, which must not exist. Returns the new entry. */
  rename(ref: number, key: Uint8Array, keyStart: number, keyEnd: number): number {
    this.willReplace(ref);
    const slot = this.word(ref, EXPIRE_SLOT_WORD);
    const time = slot === 0 ? -1 : this.expires.timeOf(slot);
    const isRaw = (this.word(ref, FLAGS) & RAW) !== 0;
    let moved: number;
    if (this.isString(ref)) {
      const value = this.valueBytes(ref);
      this.delete(ref);
      this.find(key, keyStart, keyEnd);
      moved = this.insertString(key, keyStart, keyEnd, value, 0, value.length);
      this.setRaw(moved, isRaw);
    } else {
      const object = this.object(ref);
      this.delete(ref);
      this.find(key, keyStart, keyEnd);
      moved = this.insertObject(key, keyStart, keyEnd, object);
    }
    if (time >= 0) this.expires.set(moved, time);
    return moved;
  }

  // ---- time to live and access ------------------------------------------------------------------------------------

  /** Unix time in ms at which the entry dies, -1 for never. */
  expireAt(ref: number): number {
    const slot = this.word(ref, EXPIRE_SLOT_WORD);
    return slot === 0 ? -1 : this.expires.timeOf(slot);
  }

  setExpire(ref: number, timeMs: number): void {
    this.willReplace(ref);
    this.expires.set(ref, timeMs);
  }

  /** Takes the time to live away; true when there was one. */
  persist(ref: number): boolean {
    this.willReplace(ref);
    return this.expires.remove(ref);
  }

  /** A hash's fields were given or have lost times to live. */
  noteFieldExpiries(ref: number): void {
    const { expiries } = this.object(ref) as HashValue;
    const key = this.keyString(ref);
    if (expiries === undefined) this.fieldExpiries.delete(key);
    else this.fieldExpiries.set(key, expiries.first);
  }

  /** Whether there is a field with a time to live. */
  get hasFieldExpiries(): boolean {
    for (const key of this.fieldExpiries.names()) {
      this.noteFieldExpiries(this.findString(key));
      if (this.fieldExpiries.timeOf(key) >= 0) return true;
    }
    return false;
  }

  /** The 24 bits an eviction policy keeps about the entry. */
  access(ref: number): number {
    return this.word(ref, FLAGS) >>> 8;
  }

  setAccess(ref: number, bits: number): void {
    this.setWord(ref, FLAGS, (this.word(ref, FLAGS) & 0xff) | (bits << 8));
  }

  // ---- walking ----------------------------------------------------------------------------------------------------

  /**
   * SCAN's step: visits the buckets the cursor names and returns the next cursor, 0 at the end. Every entry that is
   * there from the first call to the last is visited at least once, however the table grows or shrinks in between
   * (source: dictScan in dict.c, the reverse binary cursor). `visit` must not write to this db.
   */
  scan(cursor: number, visit: (ref: number) => void): number {
    let v = cursor | 0;
    if (this.rehashAt < 0) {
      this.visitChain(this.table[v & this.mask]!, visit);
      return nextCursor(v, this.mask);
    }
    const isNextLarger = this.nextMask >= this.mask;
    const small = isNextLarger ? this.table : this.next;
    const large = isNextLarger ? this.next : this.table;
    const smallMask = small.length - 1;
    const largeMask = large.length - 1;
    this.visitChain(small[v & smallMask]!, visit);
    do {
      this.visitChain(large[v & largeMask]!, visit);
      v = nextCursor(v, largeMask) | 0;
    } while ((v & (smallMask ^ largeMask)) !== 0);
    return v >>> 0;
  }

  /** Visits every entry at once. `visit` must not write to this db. */
  forEach(visit: (ref: number) => void): void {
    for (const first of this.table) this.visitChain(first, visit);
    for (const first of this.next) this.visitChain(first, visit);
  }

  /** A random entry, 0 when the db is empty. `random(n)` gives an integer of 0..n-1. */
  randomEntry(random: (below: number) => number): number {
    if (this.size === 0) return 0;
    let first = 0;
    while (first === 0) {
      const bucket = random(this.table.length + this.next.length);
      first = bucket < this.table.length ? this.table[bucket]! : this.next[bucket - this.table.length]!;
    }
    let length = 0;
    for (let ref = first; ref !== 0; ref = this.word(ref, NEXT)) length += 1;
    let ref = first;
    for (let skip = random(length); skip > 0; skip -= 1) ref = this.word(ref, NEXT);
    return ref;
  }

  /**
   * Starts a point-in-time walk; see the comment above. The walk must be closed. A db that is
   * flushed or replaced as a whole is a new Db: the old one stays with the walk, unchanged.
   */
  walk(visit: (ref: number) => void): Walk {
    const walk = new Walk(this, visit);
    this.walks.add(walk);
    return walk;
  }

  /** For walks: number of buckets of both tables. */
  get bucketCount(): number {
    return this.table.length + this.next.length;
  }

  /** For walks: visits one bucket, counting those of the table being filled after the other's. */
  visitBucket(bucket: number, visit: (ref: number) => void): void {
    const first = bucket < this.table.length ? this.table[bucket]! : this.next[bucket - this.table.length]!;
    this.visitChain(first, visit);
  }

  /** For walks: fetches what the buckets `[from, to)` hold from memory; see `fetchExpected`. */
  fetchBuckets(from: number, to: number): void {
    const { table, expires } = this;
    const end = Math.min(to, table.length);
    let fetched = this.fetched;
    for (let bucket = from; bucket < end; bucket += 1) {
      const ref = table[bucket]!;
      if (ref !== 0) fetched ^= this.word(ref, HASH);
    }
    for (let bucket = from; bucket < end; bucket += 1) {
      const ref = table[bucket]!;
      if (ref === 0) continue;
      const next = this.word(ref, NEXT);
      if (next !== 0) fetched ^= this.word(next, HASH);
      fetched ^= expires.timeOf(this.word(ref, EXPIRE_SLOT_WORD));
    }
    this.fetched = fetched;
  }

  private visitChain(first: number, visit: (ref: number) => void): void {
    let ref = first;
    while (ref !== 0) {
      const next = this.word(ref, NEXT);
      visit(ref);
      ref = next;
    }
  }

  private saveBucket(hash: number): void {
    for (const walk of this.walks) {
      walk.save(hash & this.mask);
      if (this.rehashAt >= 0) walk.save(this.table.length + (hash & this.nextMask));
    }
  }

  // ---- the table --------------------------------------------------------------------------------------------------

  /** Moves up to `buckets` buckets to the new table; true when there is more to do. Called from the server's tick. */
  rehashStep(buckets: number): boolean {
    if (this.rehashAt < 0 || this.walks.size !== 0) return false;
    let left = buckets;
    let empty = buckets * 10;
    while (left > 0 && this.used > 0) {
      while (this.table[this.rehashAt] === 0) {
        this.rehashAt += 1;
        empty -= 1;
        if (empty === 0) return true;
      }
      let ref = this.table[this.rehashAt]!;
      while (ref !== 0) {
        const block = this.words[ref >>> SEGMENT_SHIFT]!;
        const at = (ref & UNIT_MASK) << 1;
        const after = block[at]!;
        const bucket = block[at + HASH]! & this.nextMask;
        block[at] = this.next[bucket]!;
        this.next[bucket] = ref;
        this.used -= 1;
        this.nextUsed += 1;
        ref = after;
      }
      this.table[this.rehashAt] = 0;
      this.rehashAt += 1;
      left -= 1;
    }
    if (this.used > 0) return true;
    this.table = this.next;
    this.mask = this.nextMask;
    this.used = this.nextUsed;
    this.next = NO_TABLE;
    this.nextMask = 0;
    this.nextUsed = 0;
    this.rehashAt = -1;
    return false;
  }

  get isRehashing(): boolean {
    return this.rehashAt >= 0;
  }

  /** Makes room for `count` keys at once, before a load. */
  reserve(count: number): void {
    if (this.rehashAt < 0 && this.walks.size === 0 && count > this.table.length) this.startRehash(count);
  }

  private startRehash(count: number): void {
    if (this.walks.size !== 0) return;
    let buckets = MIN_BUCKETS;
    while (buckets < count && buckets < 0x4000_0000) buckets *= 2;
    if (buckets === this.table.length) return;
    this.next = new Int32Array(buckets);
    this.nextMask = buckets - 1;
    this.rehashAt = 0;
    if (this.used === 0) this.rehashStep(1);
  }

  /** Allocates and links an entry for the key whose hash `find` just computed, with room for a value. */
  private addEntry(key: Uint8Array, keyStart: number, keyEnd: number, valueLength: number): number {
    const hash = this.lastHash;
    if (this.walks.size !== 0) this.saveBucket(hash);
    if (this.rehashAt >= 0) this.rehashStep(1);
    else if (this.used >= this.table.length) this.startRehash(this.used * 2);
    const ref = this.buildEntry(key, keyStart, keyEnd, valueLength);
    this.setWord(ref, HASH, hash);
    this.setWord(ref, FLAGS, (this.word(ref, FLAGS) & 0xff) | (this.accessClock << 8));
    this.setWord(ref, EXPIRE_SLOT_WORD, 0);
    if (this.rehashAt >= 0) {
      this.setWord(ref, NEXT, this.next[hash & this.nextMask]!);
      this.next[hash & this.nextMask] = ref;
      this.nextUsed += 1;
    } else {
      this.setWord(ref, NEXT, this.table[hash & this.mask]!);
      this.table[hash & this.mask] = ref;
      this.used += 1;
    }
    return ref;
  }

  /** A block (and blob) holding the key, with FLAGS and KEY set. */
  private buildEntry(key: Uint8Array, keyStart: number, keyEnd: number, valueLength: number): number {
    const keyLength = keyEnd - keyStart;
    const need = HEADER_BYTES + keyLength + valueLength;
    if (need > MAX_BLOCK_BYTES) {
      const blob = Buffer.allocUnsafeSlow(keyLength + valueLength);
      copyBytes(key, keyStart, keyEnd, blob, 0);
      const ref = this.arena.allocate(BLOB_CLASS);
      this.setWord(ref, FLAGS, OUTSIDE);
      this.setWord(ref, KEY, (BLOB_CLASS << 16) | KEY_LENGTH_MASK);
      this.setWord(ref, BLOB, this.arena.addBlob(blob));
      this.setWord(ref, BLOB_KEY, keyLength);
      return ref;
    }
    const sizeClass = classFor(need);
    const ref = this.arena.allocate(sizeClass);
    const block = this.words[ref >>> SEGMENT_SHIFT]!;
    const at = (ref & UNIT_MASK) << 1;
    block[at + FLAGS] = 0;
    block[at + KEY] = (sizeClass << 16) | keyLength;
    copyBytes(key, keyStart, keyEnd, this.bytes[ref >>> SEGMENT_SHIFT]!, (at << 2) + HEADER_BYTES);
    return ref;
  }

  /** Room for a value of `length`; `keep` preserves the old value's bytes. The entry may move. */
  private resize(ref: number, length: number, keep: boolean): number {
    const flags = this.word(ref, FLAGS);
    if ((flags & OUTSIDE) !== 0) return this.resizeOutside(ref, length, keep);
    const key = this.word(ref, KEY);
    const keyLength = key & KEY_LENGTH_MASK;
    const need = HEADER_BYTES + keyLength + length;
    if (fits(need, classBytes(key >>> 16))) {
      this.setWord(ref, VALUE, length);
      return ref;
    }
    return this.replaceEntry(ref, length, keep);
  }

  private resizeOutside(ref: number, length: number, keep: boolean): number {
    const blob = this.arena.blobs[this.word(ref, BLOB)]!;
    const keyLength = this.word(ref, BLOB_KEY);
    const need = keyLength + length;
    if (HEADER_BYTES + need <= MAX_BLOCK_BYTES / 2) return this.replaceEntry(ref, length, keep);
    if (need > blob.length || need * 2 < blob.length) {
      // A value that grows step by step gets room ahead, as sds strings do: double, at most 1 MB more.
      const ahead = keep && need > blob.length ? Math.min(need, 1 << 20) : 0;
      const larger = Buffer.allocUnsafeSlow(need + ahead);
      blob.copy(larger, 0, 0, keyLength + (keep ? Math.min(length, this.word(ref, VALUE)) : 0));
      this.arena.replaceBlob(this.word(ref, BLOB), larger);
    }
    this.setWord(ref, VALUE, length);
    return ref;
  }

  /** Moves an entry to a block (or blob) of another size. */
  private replaceEntry(ref: number, length: number, keep: boolean): number {
    this.locateKey(ref);
    const key = this.at;
    const keyStart = this.from;
    const keyEnd = this.to;
    const moved = this.buildEntry(key, keyStart, keyEnd, length);
    const slot = this.word(ref, EXPIRE_SLOT_WORD);
    const flags = this.word(moved, FLAGS) | (this.word(ref, FLAGS) & ~OUTSIDE);
    this.setWord(moved, HASH, this.word(ref, HASH));
    this.setWord(moved, FLAGS, flags);
    this.setWord(moved, VALUE, length);
    this.setWord(moved, EXPIRE_SLOT_WORD, slot);
    if (slot !== 0) this.expires.moved(slot, moved);
    if (keep) {
      this.locateValue(ref);
      const old = this.at;
      const start = this.from;
      const end = Math.min(this.to, start + length);
      this.locateValue(moved);
      copyBytes(old, start, end, this.at, this.from);
    }
    this.setWord(moved, NEXT, this.word(ref, NEXT));
    this.relink(ref, moved);
    this.releaseBlock(ref);
    return moved;
  }

  private releaseBlock(ref: number): void {
    if ((this.word(ref, FLAGS) & OUTSIDE) !== 0) this.arena.removeBlob(this.word(ref, BLOB));
    this.arena.release(ref, this.word(ref, KEY) >>> 16);
  }

  /** Lets whatever points to `ref` point to `to`. */
  private relink(ref: number, to: number): boolean {
    const hash = this.word(ref, HASH);
    if (this.relinkIn(this.table, hash & this.mask, ref, to)) return true;
    if (this.rehashAt >= 0) this.relinkIn(this.next, hash & this.nextMask, ref, to);
    return false;
  }

  private relinkIn(table: Int32Array, bucket: number, ref: number, to: number): boolean {
    let at = table[bucket]!;
    if (at === ref) {
      table[bucket] = to;
      return true;
    }
    while (at !== 0) {
      const after = this.word(at, NEXT);
      if (after === ref) {
        this.setWord(at, NEXT, to);
        return true;
      }
      at = after;
    }
    return false;
  }

  private unlink(ref: number): void {
    if (this.relink(ref, this.word(ref, NEXT))) this.used -= 1;
    else this.nextUsed -= 1;
  }

  private holdObject(ref: number, object: Value): void {
    const index = this.freeObjects.pop() ?? this.objects.length;
    const bytes = object.bytes;
    this.objects[index] = object;
    this.objectSizes[index] = bytes;
    this.objectBytes += bytes;
    this.setWord(ref, VALUE, index);
    this.setWord(ref, FLAGS, (this.word(ref, FLAGS) & ~(TYPE_MASK | RAW | TEXT)) | TYPE_NUMBER[object.type]);
    if (object instanceof HashValue && object.expiries !== undefined) this.noteFieldExpiries(ref);
  }

  /** Lets go of the collection, if the entry has one; its value is then an empty string. */
  private dropObject(ref: number): void {
    const flags = this.word(ref, FLAGS);
    if ((flags & TYPE_MASK) === 0) return;
    const index = this.word(ref, VALUE);
    if (this.fieldExpiries.size > 0) this.fieldExpiries.delete(this.keyString(ref));
    this.objectBytes -= this.objectSizes[index]!;
    this.objects[index] = undefined;
    this.objectSizes[index] = 0;
    this.freeObjects.push(index);
    this.setWord(ref, VALUE, 0);
    this.setWord(ref, FLAGS, flags & ~TYPE_MASK);
  }

  private word(ref: number, word: number): number {
    return this.words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 1) + word]!;
  }

  private setWord(ref: number, word: number, value: number): void {
    this.words[ref >>> SEGMENT_SHIFT]![((ref & UNIT_MASK) << 1) + word] = value;
  }
}

/** Whether a block of `capacity` bytes is large enough, and not so large that it would be a waste. */
function fits(need: number, capacity: number): boolean {
  return need <= capacity && (capacity <= 128 || need * 2 >= capacity);
}

function copyBytes(from: Uint8Array, start: number, end: number, to: Buffer, at: number): void {
  const length = end - start;
  if (length > LOOP_COPY_BYTES) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let i = 0; i < length; i += 1) to[at + i] = from[start + i]!;
}

function nextCursor(cursor: number, mask: number): number {
  return reverseBits(reverseBits(cursor | ~mask) + 1) >>> 0;
}

function reverseBits(value: number): number {
  let v = value | 0;
  v = ((v >>> 1) & 0x5555_5555) | ((v & 0x5555_5555) << 1);
  v = ((v >>> 2) & 0x3333_3333) | ((v & 0x3333_3333) << 2);
  v = ((v >>> 4) & 0x0f0f_0f0f) | ((v & 0x0f0f_0f0f) << 4);
  v = ((v >>> 8) & 0x00ff_00ff) | ((v & 0x00ff_00ff) << 8);
  return (v >>> 16) | (v << 16);
}
