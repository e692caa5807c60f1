const LEAF_SHIFT = 6;
const LEAF_MAX = 1 << LEAF_SHIFT;
const INNER_MAX = 32;
/** Leaves side by side in one piece of memory: 6 KiB, what a set just grown large can fill. */
const SEGMENT_SHIFT = 3;
const SEGMENT_LEAVES = 1 << SEGMENT_SHIFT;
const SEGMENT_ELEMENTS = SEGMENT_LEAVES * LEAF_MAX;
const SEGMENT_BYTES = SEGMENT_ELEMENTS * 12;
const NONE = -1;

/** The names that positions stand for: `locateName` points `at`, `from` and `to` to the bytes of one. */
export interface Names {
  readonly at: Buffer;
  readonly from: number;
  readonly to: number;
  locateName(position: number): void;
}

/** Children in order with the number of elements below each; a score bounds its child's elements from below. */
class Inner {
  children: Node[] = [];
  counts: number[] = [];
  scores: number[] = [];
}

/** A leaf is known by its number. */
type Node = Inner | number;

/** Whether an element lies before some bound; must be true for a prefix of the order and false for the rest. */
export type IsBefore = (score: number, position: number) => boolean;

/**
 * The order of a large sorted set: positions of its members by score, then by the bytes of their names. A counted
 * B+-tree, so that rank → element and bound → rank are O(log n) and a range is walked along linked leaves.
 *
 * Scores and positions of the leaves lie in typed arrays, outside of the collector's sight. Names are looked at only
 * where scores are equal. Every range of ZRANGE and its kin is a range of ranks here: two calls of `countBefore` turn
 * scores or members into ranks.
 */
export class ScoreTree {
  private readonly names: Names;
  private root: Node;
  private count = 0;
  private scores: Float64Array[] = [];
  private positions: Int32Array[] = [];
  /** Elements in each leaf, and its neighbours. */
  private lengths: number[] = [];
  private next: number[] = [];
  private previous: number[] = [];
  private freed: number[] = [];
  /** The name that is looked for. */
  private name: Buffer;
  private nameFrom = 0;
  private nameTo = 0;
  /** Index within the leaf that was found last. */
  private index = 0;

  constructor(names: Names) {
    this.names = names;
    this.name = names.at;
    this.root = this.addLeaf();
  }

  get bytes(): number {
    return this.scores.length * SEGMENT_BYTES + this.lengths.length * 24;
  }

  /** Adds an element that is not there yet; its position has its name already. */
  insert(score: number, position: number): void {
    this.lookFor(position);
    const sibling = this.insertInto(this.root, score, position);
    this.count++;
    if (sibling === undefined) return;
    const left = this.root;
    const grown = new Inner();
    const moved = this.countOf(sibling);
    grown.children.push(left, sibling);
    grown.counts.push(this.count - moved, moved);
    grown.scores.push(this.lowestScore(left), this.lowestScore(sibling));
    this.root = grown;
  }

  /** Removes an element that is there; its position still has its name. */
  remove(score: number, position: number): void {
    this.lookFor(position);
    this.removeFrom(this.root, score);
    this.count--;
    while (typeof this.root !== 'number' && this.root.children.length === 1)
      this.root = this.root.children[0]!;
    if (this.lengths.length > 2 * SEGMENT_LEAVES && this.freed.length * 4 > this.lengths.length * 3)
      this.compact();
  }

  /** The element at `from`, which still has its name there, is about to be at `to`. */
  renumber(score: number, from: number, to: number): void {
    this.lookFor(from);
    const leaf = this.descend(score);
    this.positions[leaf >>> SEGMENT_SHIFT]![this.index] = to;
  }

  /** Rank of an element that is there, 0 the lowest. */
  rankOf(score: number, position: number): number {
    this.lookFor(position);
    let node = this.root;
    let before = 0;
    while (typeof node !== 'number') {
      const child = this.childFor(node, score);
      for (let i = 0; i < child; i++) before += node.counts[i]!;
      node = node.children[child]!;
    }
    return before + this.searchLeaf(node, score);
  }

  /** How many elements lie before a bound. */
  countBefore(isBefore: IsBefore): number {
    let node = this.root;
    let before = 0;
    while (typeof node !== 'number') {
      let low = 1;
      let high = node.children.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        const lowest = this.lowestLeaf(node.children[middle]!);
        if (isBefore(this.scoreIn(lowest, 0), this.positionIn(lowest, 0))) low = middle + 1;
        else high = middle;
      }
      for (let i = 0; i < low - 1; i++) before += node.counts[i]!;
      node = node.children[low - 1]!;
    }
    let low = 0;
    let high = this.lengths[node]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.scoreIn(node, middle), this.positionIn(node, middle))) low = middle + 1;
      else high = middle;
    }
    return before + low;
  }

  /** Position of the element of a rank, which must be within the tree. */
  positionOf(rank: number): number {
    const leaf = this.leafOf(rank);
    return this.positionIn(leaf, this.index);
  }

  /**
   * Visits the positions of the ranks from `from` up to but not including `to`, both within the tree, upwards or, when
   * `isReverse`, from the highest rank down.
   */
  forEachInRange(from: number, to: number, isReverse: boolean, visit: (position: number) => void): void {
    if (from >= to) return;
    let left = to - from;
    let leaf = this.leafOf(isReverse ? to - 1 : from);
    let { index } = this;
    while (left > 0) {
      visit(this.positionIn(leaf, index));
      left--;
      index += isReverse ? -1 : 1;
      if (index >= 0 && index < this.lengths[leaf]!) continue;
      leaf = isReverse ? this.previous[leaf]! : this.next[leaf]!;
      if (leaf === NONE) return;
      index = isReverse ? this.lengths[leaf]! - 1 : 0;
    }
  }

  /** Positions upwards; may be paused for as long as nothing changes the tree. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (let leaf = this.lowestLeaf(this.root); leaf !== NONE; leaf = this.next[leaf]!)
      for (let i = 0; i < this.lengths[leaf]!; i++) yield this.positionIn(leaf, i);
  }

  /** An independent copy over the same names elsewhere. */
  clone(names: Names): ScoreTree {
    const copy = new ScoreTree(names);
    const cloneNode = (node: Node): Node => {
      if (typeof node === 'number') return node;
      const inner = new Inner();
      inner.children = node.children.map(cloneNode);
      inner.counts = node.counts.slice();
      inner.scores = node.scores.slice();
      return inner;
    };
    copy.root = cloneNode(this.root);
    copy.count = this.count;
    copy.scores = this.scores.map((scores) => scores.slice());
    copy.positions = this.positions.map((positions) => positions.slice());
    copy.lengths = this.lengths.slice();
    copy.next = this.next.slice();
    copy.previous = this.previous.slice();
    copy.freed = this.freed.slice();
    return copy;
  }

  // ---- finding ----------------------------------------------------------------------------------------------------

  private lookFor(position: number): void {
    const { names } = this;
    names.locateName(position);
    this.name = names.at;
    this.nameFrom = names.from;
    this.nameTo = names.to;
  }

  /** How the name of a position compares to the one looked for. */
  private compareName(position: number): number {
    const { names, name, nameFrom, nameTo } = this;
    names.locateName(position);
    const { at, from, to } = names;
    const length = Math.min(to - from, nameTo - nameFrom);
    for (let i = 0; i < length; i++) {
      const order = at[from + i]! - name[nameFrom + i]!;
      if (order !== 0) return order;
    }
    return to - from - (nameTo - nameFrom);
  }

  /** The leaf in which the name looked for is, or would be, with that score; `index` is where. */
  private descend(score: number): number {
    let node = this.root;
    while (typeof node !== 'number') node = node.children[this.childFor(node, score)]!;
    this.index = ((node & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT) + this.searchLeaf(node, score);
    return node;
  }

  /** The last child whose elements do not all lie above the one looked for; the first takes all that is lower. */
  private childFor(node: Inner, score: number): number {
    const { scores } = node;
    let low = 1;
    let high = scores.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const bound = scores[middle]!;
      if (bound < score || (bound === score && this.isReached(node.children[middle]!, score)))
        low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Whether the lowest element below `node` does not lie above the one looked for. */
  private isReached(node: Node, score: number): boolean {
    const leaf = this.lowestLeaf(node);
    const lowest = this.scoreIn(leaf, 0);
    return lowest < score || (lowest === score && this.compareName(this.positionIn(leaf, 0)) <= 0);
  }

  private searchLeaf(leaf: number, score: number): number {
    const scores = this.scores[leaf >>> SEGMENT_SHIFT]!;
    const base = (leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT;
    let low = 0;
    let high = this.lengths[leaf]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = scores[base + middle]!;
      if (other < score || (other === score && this.compareName(this.positionIn(leaf, middle)) < 0))
        low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private leafOf(rank: number): number {
    let node = this.root;
    let left = rank;
    while (typeof node !== 'number') {
      let i = 0;
      for (; left >= node.counts[i]!; i++) left -= node.counts[i]!;
      node = node.children[i]!;
    }
    this.index = left;
    return node;
  }

  private lowestLeaf(node: Node): number {
    let lowest = node;
    while (typeof lowest !== 'number') lowest = lowest.children[0]!;
    return lowest;
  }

  private lowestScore(node: Node): number {
    return this.scoreIn(this.lowestLeaf(node), 0);
  }

  private scoreIn(leaf: number, index: number): number {
    return this.scores[leaf >>> SEGMENT_SHIFT]![((leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT) + index]!;
  }

  private positionIn(leaf: number, index: number): number {
    return this.positions[leaf >>> SEGMENT_SHIFT]![((leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT) + index]!;
  }

  private countOf(node: Node): number {
    if (typeof node === 'number') return this.lengths[node]!;
    let count = 0;
    for (const below of node.counts) count += below;
    return count;
  }

  // ---- changing ---------------------------------------------------------------------------------------------------

  /** Inserts below `node`; returns the new right half when `node` had to be split. */
  private insertInto(node: Node, score: number, position: number): Node | undefined {
    if (typeof node === 'number') return this.insertIntoLeaf(node, score, position);
    const child = this.childFor(node, score);
    const sibling = this.insertInto(node.children[child]!, score, position);
    node.counts[child]!++;
    if (sibling === undefined) return undefined;
    const moved = this.countOf(sibling);
    node.counts[child]! -= moved;
    node.children.splice(child + 1, 0, sibling);
    node.counts.splice(child + 1, 0, moved);
    node.scores.splice(child + 1, 0, this.lowestScore(sibling));
    return node.children.length > INNER_MAX ? splitInner(node, child + 1) : undefined;
  }

  private insertIntoLeaf(leaf: number, score: number, position: number): number | undefined {
    const index = this.searchLeaf(leaf, score);
    const length = this.lengths[leaf]!;
    if (length < LEAF_MAX) {
      this.put(leaf, index, score, position);
      return undefined;
    }
    // In the middle, or at the end when elements arrive in order, so that such a tree stays dense.
    const half = index === length && this.next[leaf] === NONE ? length : length >> 1;
    const right = this.addLeaf();
    this.linkAfter(leaf, right);
    this.append(right, leaf, half);
    this.lengths[leaf] = half;
    if (index > half || half === length) this.put(right, index - half, score, position);
    else this.put(leaf, index, score, position);
    return right;
  }

  private put(leaf: number, index: number, score: number, position: number): void {
    const scores = this.scores[leaf >>> SEGMENT_SHIFT]!;
    const positions = this.positions[leaf >>> SEGMENT_SHIFT]!;
    const base = (leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT;
    const first = base + index;
    for (let at = base + this.lengths[leaf]!; at > first; at--) {
      scores[at] = scores[at - 1]!;
      positions[at] = positions[at - 1]!;
    }
    scores[first] = score;
    positions[first] = position;
    this.lengths[leaf]!++;
  }

  private removeFrom(node: Node, score: number): void {
    if (typeof node === 'number') return this.removeFromLeaf(node, this.searchLeaf(node, score));
    const child = this.childFor(node, score);
    this.removeFrom(node.children[child]!, score);
    node.counts[child]!--;
    if (node.counts[child] === 0) this.drop(node, child);
    else this.mergeAround(node, child);
  }

  private removeFromLeaf(leaf: number, index: number): void {
    const scores = this.scores[leaf >>> SEGMENT_SHIFT]!;
    const positions = this.positions[leaf >>> SEGMENT_SHIFT]!;
    const base = (leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT;
    const last = base + --this.lengths[leaf]!;
    for (let at = base + index; at < last; at++) {
      scores[at] = scores[at + 1]!;
      positions[at] = positions[at + 1]!;
    }
  }

  /** Joins a child that became small with a neighbour when both fit well into one node. */
  private mergeAround(node: Inner, child: number): void {
    const width = this.widthOf(node.children[child]!);
    const max = typeof node.children[child] === 'number' ? LEAF_MAX : INNER_MAX;
    if (width > max >> 2) return;
    const leftIndex = child > 0 ? child - 1 : child;
    const left = node.children[leftIndex]!;
    const right = node.children[leftIndex + 1];
    if (right === undefined || this.widthOf(left) + this.widthOf(right) > (max * 3) >> 2) return;
    if (typeof left === 'number' && typeof right === 'number') this.append(left, right, 0);
    else if (typeof left !== 'number' && typeof right !== 'number') {
      left.children.push(...right.children);
      left.counts.push(...right.counts);
      left.scores.push(node.scores[leftIndex + 1]!, ...right.scores.slice(1));
    }
    node.counts[leftIndex]! += node.counts[leftIndex + 1]!;
    this.drop(node, leftIndex + 1);
  }

  /** Takes away a child of which nothing is left, or left elsewhere. */
  private drop(node: Inner, child: number): void {
    const gone = node.children[child]!;
    if (typeof gone === 'number') this.freeLeaf(gone);
    node.children.splice(child, 1);
    node.counts.splice(child, 1);
    node.scores.splice(child, 1);
  }

  private widthOf(node: Node): number {
    return typeof node === 'number' ? this.lengths[node]! : node.children.length;
  }

  // ---- leaves -----------------------------------------------------------------------------------------------------

  /** Appends to a leaf what another holds from `index` on. */
  private append(leaf: number, other: number, index: number): void {
    const scores = this.scores[leaf >>> SEGMENT_SHIFT]!;
    const positions = this.positions[leaf >>> SEGMENT_SHIFT]!;
    let at = ((leaf & (SEGMENT_LEAVES - 1)) << LEAF_SHIFT) + this.lengths[leaf]!;
    const end = this.lengths[other]!;
    for (let i = index; i < end; i++, at++) {
      scores[at] = this.scoreIn(other, i);
      positions[at] = this.positionIn(other, i);
    }
    this.lengths[leaf]! += end - index;
  }

  private addLeaf(): number {
    const known = this.freed.pop();
    if (known !== undefined) return known;
    const leaf = this.lengths.length;
    if (leaf >>> SEGMENT_SHIFT === this.scores.length) {
      const memory = new ArrayBuffer(SEGMENT_BYTES);
      this.scores.push(new Float64Array(memory, 0, SEGMENT_ELEMENTS));
      this.positions.push(new Int32Array(memory, SEGMENT_ELEMENTS * 8, SEGMENT_ELEMENTS));
    }
    this.lengths.push(0);
    this.next.push(NONE);
    this.previous.push(NONE);
    return leaf;
  }

  private linkAfter(leaf: number, added: number): void {
    const after = this.next[leaf]!;
    this.next[leaf] = added;
    this.previous[added] = leaf;
    this.next[added] = after;
    if (after !== NONE) this.previous[after] = added;
  }

  private freeLeaf(leaf: number): void {
    const before = this.previous[leaf]!;
    const after = this.next[leaf]!;
    if (before !== NONE) this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
    this.lengths[leaf] = 0;
    this.next[leaf] = NONE;
    this.previous[leaf] = NONE;
    this.freed.push(leaf);
  }

  /** Builds the tree anew, out of the few leaves still in use. */
  private compact(): void {
    const fresh = new ScoreTree(this.names);
    for (let leaf = this.lowestLeaf(this.root); leaf !== NONE; leaf = this.next[leaf]!)
      for (let i = 0; i < this.lengths[leaf]!; i++)
        fresh.insert(this.scoreIn(leaf, i), this.positionIn(leaf, i));
    this.root = fresh.root;
    this.scores = fresh.scores;
    this.positions = fresh.positions;
    this.lengths = fresh.lengths;
    this.next = fresh.next;
    this.previous = fresh.previous;
    this.freed = fresh.freed;
  }
}

function splitInner(node: Inner, inserted: number): Inner {
  const at = inserted === node.children.length - 1 ? inserted : node.children.length >> 1;
  const right = new Inner();
  right.children = node.children.splice(at);
  right.counts = node.counts.splice(at);
  right.scores = node.scores.splice(at);
  return right;
}
