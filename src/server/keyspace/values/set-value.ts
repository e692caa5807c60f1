import type { Value } from '../value.ts';
import { compareInt64, isInt64, STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import { NameTable } from './name-table.ts';

const EMPTY_BYTES = 140;
/** Members up to which a set of integers is kept sorted, as Redis' intsets are by default. */
const SORTED_MAX = 512;

/**
 * A set. One of integers only is a sorted array while it is small, so that its members come in Redis' order; any
 * other is a table. It turns into a table once and stays one.
 */
export class SetValue implements Value {
  readonly type = 'set';
  private integers: string[] | undefined = [];
  private integerChars = 0;
  private table: NameTable | undefined;
  private isAllIntegers = true;
  private peakSize = 0;
  private peakLength = 0;

  static of(members: Iterable<string>): SetValue {
    const set = new SetValue();
    for (const member of members) set.add(member);
    return set;
  }

  get size(): number {
    return this.members.length;
  }

  get bytes(): number {
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
    if (this.table !== undefined) return this.table.find(member) >= 0;
    return isInt64(member) && this.searchIntegers(member) >= 0;
  }

  /** Adds a member and says whether it is new. */
  add(member: string): boolean {
    if (this.isAllIntegers && !isInt64(member)) {
      this.isAllIntegers = false;
      this.becomeTable();
    }
    const isNew = this.table === undefined ? this.addInteger(member) : this.table.findOrAdd(member) < 0;
    if (!isNew) return false;
    if (member.length > this.peakLength) this.peakLength = member.length;
    const { size } = this;
    if (size > this.peakSize) this.peakSize = size;
    if (size > SORTED_MAX && this.table === undefined) this.becomeTable();
    return true;
  }

  delete(member: string): boolean {
    const position =
      this.table !== undefined ? this.table.find(member) : isInt64(member) ? this.searchIntegers(member) : -1;
    if (position < 0) return false;
    this.deleteAt(position);
    return true;
  }

  /** The member at a position from 0 to size-1: how SRANDMEMBER and SPOP draw. */
  memberAt(position: number): string {
    return this.members[position]!;
  }

  /** Removes and returns the member at `position`. */
  deleteAt(position: number): string {
    const member = this.members[position]!;
    if (this.table !== undefined) this.table.removeAt(position);
    else {
      this.integers!.splice(position, 1);
      this.integerChars -= member.length;
    }
    return member;
  }

  /** One step of SSCAN; see `NameTable.scan` for the guarantees. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (member: string) => void): number {
    const { table } = this;
    if (table !== undefined) return table.scan(cursor, count, (position) => visit(table.names[position]!));
    for (const member of this.integers!) visit(member);
    return 0;
  }

  /** The members, not to be changed: ascending while the set is a small one of integers. */
  get members(): readonly string[] {
    return this.table === undefined ? this.integers! : this.table.names;
  }

  /** May be paused for as long as nothing changes the set. */
  [Symbol.iterator](): IterableIterator<string> {
    return this.members[Symbol.iterator]();
  }

  clone(): SetValue {
    const copy = new SetValue();
    copy.integers = this.integers?.slice();
    copy.integerChars = this.integerChars;
    copy.table = this.table?.clone();
    copy.isAllIntegers = this.isAllIntegers;
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
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
    if (this.table !== undefined) return;
    const table = new NameTable();
    for (const member of this.integers!) table.findOrAdd(member);
    this.table = table;
    this.integers = undefined;
  }
}
