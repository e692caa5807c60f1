import type { Value } from '../value.ts';
import { STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';
import { NameTable, removeFromColumn } from './name-table.ts';
import { ScoreTree, type IsBefore } from './score-tree.ts';

const EMPTY_BYTES = 300;
/** Score twice, reference and links in the tree. */
const ELEMENT_BYTES = STRING_OVERHEAD_BYTES + 32;

/** A sorted set: member → score in a table, and the order in a counted tree. Scores are never NaN. */
export class ZSetValue implements Value {
  readonly type = 'zset';
  private table = new NameTable();
  private scores: number[] = [];
  private tree = new ScoreTree();
  private peakSize = 0;
  private peakLength = 0;

  static of(pairs: Iterable<readonly [string, number]>): ZSetValue {
    const zset = new ZSetValue();
    for (const [member, score] of pairs) zset.set(member, score);
    return zset;
  }

  get size(): number {
    return this.scores.length;
  }

  get bytes(): number {
    return EMPTY_BYTES + this.table.bytes + this.size * ELEMENT_BYTES;
  }

  /** What OBJECT ENCODING answers; a skiplist stays one, as in Redis. */
  encoding(limits: EncodingLimits): 'listpack' | 'skiplist' {
    const isSmall =
      this.peakSize <= limits.zsetMaxListpackEntries && this.peakLength <= limits.zsetMaxListpackValue;
    return isSmall ? 'listpack' : 'skiplist';
  }

  score(member: string): number | undefined {
    const position = this.table.find(member);
    return position < 0 ? undefined : this.scores[position];
  }

  has(member: string): boolean {
    return this.table.find(member) >= 0;
  }

  /** Sets a member's score and says whether the member is new. */
  set(member: string, givenScore: number): boolean {
    // Redis keeps scores of small sets as integers, where -0 is 0.
    const score = givenScore + 0;
    const found = this.table.findOrAdd(member);
    if (found >= 0) {
      const old = this.scores[found]!;
      if (old !== score) {
        this.tree.remove(old, member);
        this.tree.insert(score, this.table.names[found]!);
        this.scores[found] = score;
      }
      return false;
    }
    this.scores.push(score);
    this.tree.insert(score, member);
    if (member.length > this.peakLength) this.peakLength = member.length;
    if (this.scores.length > this.peakSize) this.peakSize = this.scores.length;
    return true;
  }

  delete(member: string): boolean {
    const position = this.table.find(member);
    if (position < 0) return false;
    this.tree.remove(this.scores[position]!, member);
    removeFromColumn(this.scores, position);
    this.table.removeAt(position);
    return true;
  }

  /** Rank of a member, 0 the lowest, or undefined. */
  rank(member: string): number | undefined {
    const position = this.table.find(member);
    return position < 0 ? undefined : this.tree.rankOf(this.scores[position]!, member);
  }

  /** How many elements lie before a bound: turns scores or members into ranks. */
  countBefore(isBefore: IsBefore): number {
    return this.tree.countBefore(isBefore);
  }

  /** Visits ranks from `from` up to but not including `to`, both within the set, or the same downwards. */
  forEachInRange(
    from: number,
    to: number,
    isReverse: boolean,
    visit: (member: string, score: number) => void,
  ): void {
    this.tree.forEachInRange(from, to, isReverse, visit);
  }

  /** Removes the ranks from `from` up to but not including `to` and returns how many these were. */
  deleteRange(from: number, to: number): number {
    const members: string[] = [];
    this.tree.forEachInRange(from, to, false, (member) => {
      members.push(member);
    });
    for (const member of members) this.delete(member);
    return members.length;
  }

  /** The member at a position from 0 to size-1, in no promised order: how ZRANDMEMBER draws. */
  memberAt(position: number): string {
    return this.table.names[position]!;
  }

  scoreAt(position: number): number {
    return this.scores[position]!;
  }

  /** One step of ZSCAN; see `NameTable.scan` for the guarantees. Returns the next cursor, 0 at the end. */
  scan(cursor: number, count: number, visit: (member: string, score: number) => void): number {
    return this.table.scan(cursor, count, (position) => {
      visit(this.table.names[position]!, this.scores[position]!);
    });
  }

  /** Member and score upwards; may be paused for as long as nothing changes the set. */
  [Symbol.iterator](): Generator<readonly [string, number], void, undefined> {
    return this.tree[Symbol.iterator]();
  }

  clone(): ZSetValue {
    const copy = new ZSetValue();
    copy.table = this.table.clone();
    copy.scores = this.scores.slice();
    copy.tree = this.tree.clone();
    copy.peakSize = this.peakSize;
    copy.peakLength = this.peakLength;
    return copy;
  }
}
