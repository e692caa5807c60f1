import type { Value } from '../value.ts';
import { STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import { ORDERED_MAX, scanDown } from './name-table.ts';
import { PackedZSet } from './packed-zset.ts';
import type { IsBefore } from './score-tree.ts';
import { SmallZSet } from './small-zset.ts';

const EMPTY_BYTES = 200;
/** A score, and the reference to the member. */
const SMALL_ELEMENT_BYTES = STRING_OVERHEAD_BYTES + 16;

/**
 * A sorted set: members at positions 0…size-1, and their order by score and bytes. Scores are never NaN. Once large it
 * is packed, and stays so.
 */
export class ZSetValue implements Value {
  readonly type = 'zset';
  private small = new SmallZSet();
  private packed: PackedZSet | undefined;
  private peakSize = 0;
  private peakLength = 0;

  static of(pairs: Iterable<readonly [string, number]>): ZSetValue {
    const zset = new ZSetValue();
    for (const [member, score] of pairs) zset.set(member, score);
    return zset;
  }

  get size(): number {
    return this.form.size;
  }

  get bytes(): number {
    if (this.packed !== undefined) return EMPTY_BYTES + this.packed.bytes;
    return EMPTY_BYTES + this.small.bytes + this.small.size * SMALL_ELEMENT_BYTES;
  }

  /** What OBJECT ENCODING answers; a skiplist stays one, as in Redis. */
  encoding(limits: EncodingLimits): 'listpack' | 'skiplist' {
    const isSmall =
      this.peakSize <= limits.zsetMaxListpackEntries && this.peakLength <= limits.zsetMaxListpackValue;
    return isSmall ? 'listpack' : 'skiplist';
  }

  score(member: string): number | undefined {
    return this.scoreOf(this.form.find(member));
  }

  /** `score` of the member `buf[start, end)`. */
  scoreOfBytes(buf: Buffer, start: number, end: number): number | undefined {
    const { packed, small } = this;
    return this.scoreOf(packed?.findBytes(buf, start, end) ?? small.find(buf.latin1Slice(start, end)));
  }

  has(member: string): boolean {
    return this.form.find(member) >= 0;
  }

  /** Sets a member's score and says whether the member is new. */
  set(member: string, score: number): boolean {
    if (this.packed === undefined) return this.setSmall(member, score) === undefined;
    const bytes = Buffer.from(member, 'latin1');
    return this.setBytes(bytes, 0, bytes.length, score) === undefined;
  }

  /** Sets the score of the member `buf[start, end)` and gives the one it had, undefined when it is new. */
  setBytes(buf: Buffer, start: number, end: number, score: number): number | undefined {
    if (this.packed === undefined) return this.setSmall(buf.latin1Slice(start, end), score);
    const old = this.packed.set(buf, start, end, withoutSign(score));
    if (old === undefined) this.noteNew(end - start);
    return old;
  }

  delete(member: string): boolean {
    const position = this.form.find(member);
    if (position < 0) return false;
    this.form.removeAt(position);
    return true;
  }

  /** Rank of a member, 0 the lowest, or undefined. */
  rank(member: string): number | undefined {
    const position = this.form.find(member);
    return position < 0 ? undefined : this.form.rankOf(position);
  }

  /** How many elements lie before a bound: turns scores or members (`memberAt`) into ranks. */
  countBefore(isBefore: IsBefore): number {
    return this.form.countBefore(isBefore);
  }

  /** Visits ranks from `from` up to but not including `to`, both within the set, or the same downwards. */
  forEachInRange(
    from: number,
    to: number,
    isReverse: boolean,
    visit: (member: string, score: number) => void,
  ): void {
    const { form } = this;
    form.forEachInRange(from, to, isReverse, (position) => {
      visit(form.memberAt(position), form.scoreAt(position));
    });
  }

  /** Removes the ranks from `from` up to but not including `to` and returns how many these were. */
  deleteRange(from: number, to: number): number {
    const { form } = this;
    for (let left = to - from; left > 0; left--) form.removeAt(form.positionOf(from));
    return Math.max(0, to - from);
  }

  /** The member at a position from 0 to size-1, in no promised order: how ZRANDMEMBER draws. */
  memberAt(position: number): string {
    return this.form.memberAt(position);
  }

  scoreAt(position: number): number {
    return this.form.scoreAt(position);
  }

  /**
   * One step of ZSCAN, with the guarantees of `NameTable`; a small set is visited at once. Returns the next cursor, 0
   * at the end.
   */
  scan(cursor: number, count: number, visit: (member: string, score: number) => void): number {
    const { form } = this;
    return scanDown(form.size, cursor, this.packed === undefined ? form.size : count, (position) => {
      visit(form.memberAt(position), form.scoreAt(position));
    });
  }

  /** Member and score upwards; may be paused for as long as nothing changes the set. */
  *[Symbol.iterator](): Generator<readonly [string, number], void, undefined> {
    const { form } = this;
    for (const position of form) yield [form.memberAt(position), form.scoreAt(position)];
  }

  clone(): ZSetValue {
    const copy = new ZSetValue();
    copy.small = this.small.clone();
    copy.packed = this.packed?.clone();
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
  }

  private get form(): SmallZSet | PackedZSet {
    return this.packed ?? this.small;
  }

  private scoreOf(position: number): number | undefined {
    return position < 0 ? undefined : this.form.scoreAt(position);
  }

  private setSmall(member: string, score: number): number | undefined {
    const old = this.small.set(member, withoutSign(score));
    if (old !== undefined) return old;
    this.noteNew(member.length);
    if (this.small.size > ORDERED_MAX) this.pack();
    return undefined;
  }

  private noteNew(length: number): void {
    if (length > this.peakLength) this.peakLength = length;
    const { size } = this;
    if (size > this.peakSize) this.peakSize = size;
  }

  private pack(): void {
    const packed = new PackedZSet();
    for (const [member, score] of this) packed.set(Buffer.from(member, 'latin1'), 0, member.length, score);
    this.packed = packed;
    this.small = new SmallZSet();
  }
}

/** Redis keeps scores of small sets as integers, where -0 is 0. */
function withoutSign(score: number): number {
  return score + 0;
}
