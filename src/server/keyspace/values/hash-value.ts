import { Deadlines } from '../deadlines.ts';
import type { Value } from '../value.ts';
import { STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import { NameTable, ORDERED_MAX, removeFromColumn, scanDown } from './name-table.ts';
import { PackedTable } from './packed-table.ts';

const EMPTY_BYTES = 160;
/** Latest time to live that Redis' RDB can hold (EB_EXPIRE_TIME_MAX in ebuckets.h), some 8,900 years ahead. */
const MAX_EXPIRY_MS = 2 ** 48 - 2;

/** Takes names and values, as they are kept: a reply. */
export interface TextSink {
  bulk(bytes: Uint8Array, start: number, end: number): void;
  bulkString(text: string): void;
}

/**
 * A hash: field → value, in order of insertion while it is small. Once large it is packed, and stays so.
 *
 * A field may have a time to live (Redis 7.4 and later, Valkey 9). It is kept beside, by hashes that have such; the
 * hash itself goes on holding a field that is past its time until that is deleted.
 */
export class HashValue implements Value {
  readonly type = 'hash';
  /** When which field dies; undefined in an ordinary hash. */
  expiries: Deadlines | undefined;
  private table = new NameTable();
  private values: string[] = [];
  private valueChars = 0;
  private packed: PackedTable | undefined;
  private peakSize = 0;
  private peakLength = 0;

  static of(pairs: Iterable<readonly [string, string]>): HashValue {
    const hash = new HashValue();
    for (const [field, value] of pairs) hash.set(field, value);
    return hash;
  }

  get size(): number {
    return this.packed === undefined ? this.values.length : this.packed.size;
  }

  get bytes(): number {
    const fixed = this.expiries === undefined ? EMPTY_BYTES : EMPTY_BYTES + this.expiries.bytes;
    if (this.packed !== undefined) return fixed + this.packed.bytes;
    return fixed + this.table.bytes + this.valueChars + this.size * 2 * STRING_OVERHEAD_BYTES;
  }

  /** What OBJECT ENCODING answers; a hashtable stays one, as in Redis. */
  encoding(limits: EncodingLimits): 'listpack' | 'listpackex' | 'hashtable' {
    const isSmall =
      this.peakSize <= limits.hashMaxListpackEntries && this.peakLength <= limits.hashMaxListpackValue;
    if (!isSmall) return 'hashtable';
    return this.expiries === undefined ? 'listpack' : 'listpackex';
  }

  get(field: string): string | undefined {
    const position = this.find(field);
    return position < 0 ? undefined : this.valueAt(position);
  }

  has(field: string): boolean {
    return this.find(field) >= 0;
  }

  /** Position of the field `buf[start, end)`, or -1. */
  findBytes(buf: Buffer, start: number, end: number): number {
    if (this.packed !== undefined) return this.packed.find(buf, start, end);
    return this.table.find(buf.latin1Slice(start, end));
  }

  /** Sets a field, which loses its time to live, and says whether it is new. */
  set(field: string, value: string): boolean {
    if (this.expiries !== undefined) this.persist(field);
    return this.replace(field, value);
  }

  /** `set` that leaves a time to live as it is. */
  replace(field: string, value: string): boolean {
    this.noteLength(field.length, value.length);
    if (this.packed !== undefined) return this.noteSize(this.packed.setText(field, value));
    const found = this.table.findOrAdd(field);
    this.valueChars += value.length;
    if (found >= 0) {
      this.valueChars -= this.values[found]!.length;
      this.values[found] = value;
      return false;
    }
    this.values.push(value);
    if (this.values.length > ORDERED_MAX) this.pack();
    return this.noteSize(true);
  }

  /** `set` of the field `buf[start, end)` to `buf[valueStart, valueEnd)`. */
  setBytes(buf: Buffer, start: number, end: number, valueStart: number, valueEnd: number): boolean {
    if (this.packed === undefined || this.expiries !== undefined)
      return this.set(buf.latin1Slice(start, end), buf.latin1Slice(valueStart, valueEnd));
    this.noteLength(end - start, valueEnd - valueStart);
    return this.noteSize(this.packed.set(buf, start, end, buf, valueStart, valueEnd));
  }

  delete(field: string): boolean {
    const position = this.find(field);
    if (position < 0) return false;
    if (this.expiries !== undefined) this.persist(field);
    if (this.packed !== undefined) this.packed.removeAt(position);
    else {
      this.valueChars -= this.values[position]!.length;
      removeFromColumn(this.values, position);
      this.table.removeAt(position);
    }
    return true;
  }

  /** Unix time in ms at which a field dies, -1 for never. */
  expiryOf(field: string): number {
    return this.expiries === undefined ? -1 : this.expiries.timeOf(field);
  }

  /** Gives a field that is there a time to live. */
  setExpiry(field: string, timeMs: number): void {
    this.expiries ??= new Deadlines();
    this.expiries.set(field, Math.min(timeMs, MAX_EXPIRY_MS));
  }

  /** Takes a field's time to live away; true when there was one. */
  persist(field: string): boolean {
    const { expiries } = this;
    if (expiries === undefined || !expiries.delete(field)) return false;
    if (expiries.size === 0) this.expiries = undefined;
    return true;
  }

  /** Whether some field is past its time at `nowMs`. */
  hasFieldsOver(nowMs: number): boolean {
    return this.expiries !== undefined && this.expiries.first < nowMs;
  }

  /** Up to `most` fields past their time at `nowMs`, to be deleted: they have no time to live any more. */
  fieldsOver(nowMs: number, most: number): string[] {
    const { expiries } = this;
    const fields = expiries === undefined ? [] : expiries.takeBefore(nowMs, most);
    if (expiries?.size === 0) this.expiries = undefined;
    return fields;
  }

  /** Whether a field is past its time at `nowMs`. */
  isOver(field: string, nowMs: number): boolean {
    const time = this.expiryOf(field);
    return time >= 0 && time < nowMs;
  }

  /** The field at a position from 0 to size-1, in no promised order: how HRANDFIELD draws. */
  fieldAt(position: number): string {
    return this.packed === undefined ? this.table.names[position]! : this.packed.nameAt(position);
  }

  valueAt(position: number): string {
    return this.packed === undefined ? this.values[position]! : this.packed.valueAt(position);
  }

  /** `fieldAt`, into a reply. */
  fieldInto(position: number, sink: TextSink): void {
    const { packed } = this;
    if (packed === undefined) return sink.bulkString(this.table.names[position]!);
    packed.locateName(position);
    sink.bulk(packed.at, packed.from, packed.to);
  }

  /** `valueAt`, into a reply. */
  valueInto(position: number, sink: TextSink): void {
    const { packed } = this;
    if (packed === undefined) return sink.bulkString(this.values[position]!);
    packed.locateValue(position);
    sink.bulk(packed.at, packed.from, packed.to);
  }

  /** One step of HSCAN; see `NameTable` for the guarantees. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (field: string, value: string) => void): number {
    return scanDown(this.size, cursor, count, (position) => {
      visit(this.fieldAt(position), this.valueAt(position));
    });
  }

  /** Field and value of each entry; may be paused for as long as nothing changes the hash. */
  *[Symbol.iterator](): Generator<readonly [string, string], void, undefined> {
    const { size } = this;
    for (let i = 0; i < size; i++) yield [this.fieldAt(i), this.valueAt(i)];
  }

  clone(): HashValue {
    const copy = new HashValue();
    copy.table = this.table.clone();
    copy.values = this.values.slice();
    copy.valueChars = this.valueChars;
    copy.packed = this.packed?.clone();
    copy.expiries = this.expiries?.clone();
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
  }

  private find(field: string): number {
    return this.packed === undefined ? this.table.find(field) : this.packed.findText(field);
  }

  private noteLength(fieldLength: number, valueLength: number): void {
    if (fieldLength > this.peakLength) this.peakLength = fieldLength;
    if (valueLength > this.peakLength) this.peakLength = valueLength;
  }

  private noteSize(isNew: boolean): boolean {
    if (isNew && this.size > this.peakSize) this.peakSize = this.size;
    return isNew;
  }

  private pack(): void {
    const packed = new PackedTable();
    for (const [field, value] of this) packed.setText(field, value);
    this.packed = packed;
    this.table = new NameTable();
    this.values = [];
    this.valueChars = 0;
  }
}
