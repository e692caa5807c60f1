import type { Value } from '../value.ts';
import { STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import { NameTable, removeFromColumn } from './name-table.ts';

const EMPTY_BYTES = 160;

/** A hash: field → value, in order of insertion while it is small. */
export class HashValue implements Value {
  readonly type = 'hash';
  private table = new NameTable();
  private values: string[] = [];
  private valueChars = 0;
  private peakSize = 0;
  private peakLength = 0;

  static of(pairs: Iterable<readonly [string, string]>): HashValue {
    const hash = new HashValue();
    for (const [field, value] of pairs) hash.set(field, value);
    return hash;
  }

  get size(): number {
    return this.values.length;
  }

  get bytes(): number {
    return EMPTY_BYTES + this.table.bytes + this.valueChars + this.size * 2 * STRING_OVERHEAD_BYTES;
  }

  /** What OBJECT ENCODING answers; a hashtable stays one, as in Redis. */
  encoding(limits: EncodingLimits): 'listpack' | 'hashtable' {
    const isSmall =
      this.peakSize <= limits.hashMaxListpackEntries && this.peakLength <= limits.hashMaxListpackValue;
    return isSmall ? 'listpack' : 'hashtable';
  }

  get(field: string): string | undefined {
    const position = this.table.find(field);
    return position < 0 ? undefined : this.values[position];
  }

  has(field: string): boolean {
    return this.table.find(field) >= 0;
  }

  /** Sets a field and says whether it is new. */
  set(field: string, value: string): boolean {
    const found = this.table.findOrAdd(field);
    const longer = Math.max(field.length, value.length);
    if (longer > this.peakLength) this.peakLength = longer;
    this.valueChars += value.length;
    if (found >= 0) {
      this.valueChars -= this.values[found]!.length;
      this.values[found] = value;
      return false;
    }
    this.values.push(value);
    if (this.values.length > this.peakSize) this.peakSize = this.values.length;
    return true;
  }

  delete(field: string): boolean {
    const position = this.table.find(field);
    if (position < 0) return false;
    this.valueChars -= this.values[position]!.length;
    removeFromColumn(this.values, position);
    this.table.removeAt(position);
    return true;
  }

  /** The field at a position from 0 to size-1, in no promised order: how HRANDFIELD draws. */
  fieldAt(position: number): string {
    return this.table.names[position]!;
  }

  valueAt(position: number): string {
    return this.values[position]!;
  }

  /** One step of HSCAN; see `NameTable.scan` for the guarantees. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (field: string, value: string) => void): number {
    return this.table.scan(cursor, count, (position) => {
      visit(this.table.names[position]!, this.values[position]!);
    });
  }

  /** Field and value of each entry; may be paused for as long as nothing changes the hash. */
  *[Symbol.iterator](): Generator<readonly [string, string], void, undefined> {
    for (let i = 0; i < this.values.length; i++) yield [this.table.names[i]!, this.values[i]!];
  }

  clone(): HashValue {
    const copy = new HashValue();
    copy.table = this.table.clone();
    copy.values = this.values.slice();
    copy.valueChars = this.valueChars;
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
  }
}
