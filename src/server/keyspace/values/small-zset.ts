import type { IsBefore } from './score-tree.ts';

/** A small sorted set: its members and their scores side by side in order, so that a position is a rank. */
export class SmallZSet {
  private members: string[] = [];
  private scores: number[] = [];
  private chars = 0;

  get size(): number {
    return this.members.length;
  }

  /** Bytes of the members' characters, without the strings' own overhead. */
  get bytes(): number {
    return this.chars;
  }

  find(member: string): number {
    return this.members.indexOf(member);
  }

  memberAt(position: number): string {
    return this.members[position]!;
  }

  scoreAt(position: number): number {
    return this.scores[position]!;
  }

  /** Sets a member's score and gives the one it had, undefined when it is new. */
  set(member: string, score: number): number | undefined {
    const found = this.find(member);
    const old = found < 0 ? undefined : this.scores[found];
    if (old === score) return old;
    if (old !== undefined) this.removeAt(found);
    const rank = this.countBefore((s, at) => s < score || (s === score && this.members[at]! < member));
    this.members.splice(rank, 0, member);
    this.scores.splice(rank, 0, score);
    this.chars += member.length;
    return old;
  }

  removeAt(position: number): void {
    this.chars -= this.members[position]!.length;
    this.members.splice(position, 1);
    this.scores.splice(position, 1);
  }

  rankOf(position: number): number {
    return position;
  }

  positionOf(rank: number): number {
    return rank;
  }

  countBefore(isBefore: IsBefore): number {
    let low = 0;
    let high = this.scores.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.scores[middle]!, middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  forEachInRange(from: number, to: number, isReverse: boolean, visit: (position: number) => void): void {
    if (isReverse) for (let at = to - 1; at >= from; at--) visit(at);
    else for (let at = from; at < to; at++) visit(at);
  }

  /** Positions in order; may be paused for as long as nothing changes the set. */
  [Symbol.iterator](): IterableIterator<number> {
    return this.members.keys();
  }

  clone(): SmallZSet {
    const copy = new SmallZSet();
    copy.members = this.members.slice();
    copy.scores = this.scores.slice();
    copy.chars = this.chars;
    return copy;
  }
}
