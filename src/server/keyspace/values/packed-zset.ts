import { PackedTable } from './packed-table.ts';
import { ScoreTree, type IsBefore } from './score-tree.ts';

const MIN_SCORES = 256;

/** A large sorted set, in bytes outside of the collector's heap: names in a table, scores by position, and an order. */
export class PackedZSet {
  private table = new PackedTable();
  private scores = new Float64Array(MIN_SCORES);
  private tree = new ScoreTree(this.table);

  get size(): number {
    return this.table.size;
  }

  get bytes(): number {
    return this.table.bytes + this.scores.byteLength + this.tree.bytes;
  }

  find(member: string): number {
    return this.table.findText(member);
  }

  findBytes(buf: Buffer, start: number, end: number): number {
    return this.table.find(buf, start, end);
  }

  memberAt(position: number): string {
    return this.table.nameAt(position);
  }

  scoreAt(position: number): number {
    return this.scores[position]!;
  }

  /** Sets the score of the member `buf[start, end)` and gives the one it had, undefined when it is new. */
  set(buf: Uint8Array, start: number, end: number, score: number): number | undefined {
    const found = this.table.findOrAdd(buf, start, end);
    if (found < 0) {
      this.add(~found, score);
      return undefined;
    }
    const old = this.scores[found]!;
    if (old === score) return old;
    this.tree.remove(old, found);
    this.tree.insert(score, found);
    this.scores[found] = score;
    return old;
  }

  removeAt(position: number): void {
    const { table, scores, tree } = this;
    const last = table.size - 1;
    tree.remove(scores[position]!, position);
    if (position !== last) {
      tree.renumber(scores[last]!, last, position);
      scores[position] = scores[last]!;
    }
    table.removeAt(position);
    if (scores.length > MIN_SCORES && last * 4 < scores.length)
      this.scores = scores.slice(0, scores.length >> 1);
  }

  rankOf(position: number): number {
    return this.tree.rankOf(this.scores[position]!, position);
  }

  positionOf(rank: number): number {
    return this.tree.positionOf(rank);
  }

  countBefore(isBefore: IsBefore): number {
    return this.tree.countBefore(isBefore);
  }

  forEachInRange(from: number, to: number, isReverse: boolean, visit: (position: number) => void): void {
    this.tree.forEachInRange(from, to, isReverse, visit);
  }

  /** Positions in order; may be paused for as long as nothing changes the set. */
  [Symbol.iterator](): Generator<number, void, undefined> {
    return this.tree[Symbol.iterator]();
  }

  clone(): PackedZSet {
    const copy = new PackedZSet();
    copy.table = this.table.clone();
    copy.scores = this.scores.slice();
    copy.tree = this.tree.clone(copy.table);
    return copy;
  }

  private add(position: number, score: number): void {
    if (position === this.scores.length) {
      const larger = new Float64Array(position * 2);
      larger.set(this.scores);
      this.scores = larger;
    }
    this.scores[position] = score;
    this.tree.insert(score, position);
  }
}
