import type { Value } from '../value.ts';
import { compareInt64, isInt64, STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import type { TextSink } from './hash-value.ts';
import { NameTable, ORDERED_MAX, scanDown } from './name-table.ts';
import { PackedTable } from './packed-table.ts';

const EMPTY_BYTES = 140;
/** Members up to which a set of integers is kept sorted, as Redis' intsets are by default. */
const SORTED_MAX = 512;

/**
 * A set. One of integers only is a sorted array while it is small, so that its members come in Redis' order; any
 * other small one is a table. It turns into a table once, is packed once it is large, and stays so.
 */
export class SetValue implements Value {
  readonly type = 'set';
  private integers: string[] | undefined = [];
  private integerChars = 0;
  private table: NameTable | undefined;
  private packed: PackedTable | undefined;
  private isAllIntegers = true;
  private peakSize = 0;
  private peakLength = 0;

  static of(members: Iterable<string>): SetValue {
    const set = new SetValue();
    for (const member of members) set.add(member);
    return set;
  }

  get size(): number {
    if (this.packed !== undefined) return this.packed.size;
    return this.table === undefined ? this.integers!.length : this.table.size;
  }

  get bytes(): number {
    if (this.packed !== undefined) return EMPTY_BYTES + this.packed.bytes;
    const held = this.table === undefined ? this.integerChars : this.table.bytes;
    return EMPTY_BYTES + held + this.size * STRING_OVERHEAD_BYTES;
  }

  /** What OBJECT ENCODING answers, as Redis 7.2: a set never goes back to a more compact form. */
  encoding(limits: EncodingLimits): 'intset' | 'listpack' | 'hashtable' {
    if (this.isAllIntegers && this.peakSize <= limits.setMaxIntsetEntries) return 'intset';
    const isSmall =
      this.peakSize <= limits.setMaxListpackEntries && this.peakLength <= limits.setMaxListpackValue;
    return isSmall ? 'listpack' : 'hashtable';
  }

  has(member: string): boolean {
    return this.find(member) >= 0;
  }

  /** Whether `buf[start, end)` is a member. */
  hasBytes(buf: Buffer, start: number, end: number): boolean {
    if (this.packed !== undefined) return this.packed.find(buf, start, end) >= 0;
    return this.has(buf.latin1Slice(start, end));
  }

  /** Adds a member and says whether it is new. */
  add(member: string): boolean {
    if (this.isAllIntegers && !isInt64(member)) {
      this.isAllIntegers = false;
      this.becomeTable();
    }
    if (!this.append(member)) return false;
    this.noteNew(member.length);
    if (this.packed === undefined && this.size > (this.table === undefined ? SORTED_MAX : ORDERED_MAX))
      this.pack();
    return true;
  }

  /** `add` of the bytes `buf[start, end)`. */
  addBytes(buf: Buffer, start: number, end: number): boolean {
    if (this.packed === undefined || this.isAllIntegers) return this.add(buf.latin1Slice(start, end));
    if (!this.packed.set(buf, start, end, buf, end, end)) return false;
    this.noteNew(end - start);
    return true;
  }

  delete(member: string): boolean {
    const position = this.find(member);
    if (position < 0) return false;
    this.removeAt(position);
    return true;
  }

  /** The member at a position from 0 to size-1: how SRANDMEMBER and SPOP draw. */
  memberAt(position: number): string {
    if (this.packed !== undefined) return this.packed.nameAt(position);
    return this.table === undefined ? this.integers![position]! : this.table.names[position]!;
  }

  /** `memberAt`, into a reply. */
  memberInto(position: number, sink: TextSink): void {
    const { packed } = this;
    if (packed === undefined) return sink.bulkString(this.memberAt(position));
    packed.locateName(position);
    sink.bulk(packed.at, packed.from, packed.to);
  }

  /** Removes the member at `position`. */
  removeAt(position: number): void {
    if (this.packed !== undefined) this.packed.removeAt(position);
    else if (this.table !== undefined) this.table.removeAt(position);
    else this.integerChars -= this.integers!.splice(position, 1)[0]!.length;
  }

  /** `removeAt`, returning the member. */
  deleteAt(position: number): string {
    const member = this.memberAt(position);
    this.removeAt(position);
    return member;
  }

  /** One step of SSCAN; see `NameTable` for the guarantees. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (member: string) => void): number {
    if (this.integers === undefined)
      return scanDown(this.size, cursor, count, (position) => visit(this.memberAt(position)));
    for (const member of this.integers) visit(member);
    return 0;
  }

  /** The members, not to be changed: ascending while the set is a small one of integers. */
  get members(): readonly string[] {
    const { packed } = this;
    if (packed !== undefined) return Array.from({ length: packed.size }, (_, i) => packed.nameAt(i));
    return this.table === undefined ? this.integers! : this.table.names;
  }

  /** May be paused for as long as nothing changes the set. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    const { size } = this;
    for (let i = 0; i < size; i++) yield this.memberAt(i);
  }

  clone(): SetValue {
    const copy = new SetValue();
    copy.integers = this.integers?.slice();
    copy.integerChars = this.integerChars;
    copy.table = this.table?.clone();
    copy.packed = this.packed?.clone();
    copy.isAllIntegers = this.isAllIntegers;
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
  }

  private find(member: string): number {
    if (this.packed !== undefined) return this.packed.findText(member);
    if (this.table !== undefined) return this.table.find(member);
    return isInt64(member) ? this.searchIntegers(member) : -1;
  }

  private append(member: string): boolean {
    if (this.packed !== undefined) return this.packed.setText(member, '');
    return this.table === undefined ? this.addInteger(member) : this.table.findOrAdd(member) < 0;
  }

  private noteNew(length: number): void {
    if (length > this.peakLength) this.peakLength = length;
    const { size } = this;
    if (size > this.peakSize) this.peakSize = size;
  }

  private addInteger(member: string): boolean {
    const position = this.searchIntegers(member);
    if (position >= 0) return false;
    this.integers!.splice(~position, 0, member);
    this.integerChars += member.length;
    return true;
  }

  /** Position of a member among the sorted integers, or ~position where it would go. */
  private searchIntegers(member: string): number {
    const integers = this.integers!;
    let low = 0;
    let high = integers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compareInt64(integers[middle]!, member);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return ~low;
  }

  private becomeTable(): void {
    if (this.integers === undefined) return;
    const table = new NameTable();
    for (const member of this.integers) table.findOrAdd(member);
    this.table = table;
    this.integers = undefined;
  }

  private pack(): void {
    const packed = new PackedTable();
    for (const member of this) packed.setText(member, '');
    this.packed = packed;
    this.table = undefined;
    this.integers = undefined;
  }
}
