const LEAF_MAX = 64;
const INNER_MAX = 32;

/** A run of elements in order, linked to its neighbours. */
class Leaf {
  scores: number[] = [];
  members: string[] = [];
  previous: Leaf | undefined;
  next: Leaf | undefined;
}

/** Children in order with the number of elements below each; a key bounds its child's elements from below. */
class Inner {
  children: Node[] = [];
  counts: number[] = [];
  scores: number[] = [];
  members: string[] = [];
}

type Node = Leaf | Inner;

/** Whether an element lies before some bound; must be true for a prefix of the order and false for the rest. */
export type IsBefore = (score: number, member: string) => boolean;

/**
 * Elements ordered by score, then by the bytes of their member: a counted B+-tree, so that rank → element and
 * bound → rank are O(log n) and a range is walked along linked leaves.
 *
 * Every range of ZRANGE and its kin is a range of ranks here: two calls of `countBefore` turn scores or members into
 * ranks.
 */
export class ScoreTree {
  private root: Node = new Leaf();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds an element that is not there yet. */
  insert(score: number, member: string): void {
    const sibling = this.insertInto(this.root, score, member);
    this.count++;
    if (sibling === undefined) return;
    const grown = new Inner();
    const left = this.root;
    const leftCount = countOf(left);
    grown.children.push(left, sibling);
    grown.counts.push(leftCount, this.count - leftCount);
    const [leftScore, leftMember] = lowestOf(left);
    const [rightScore, rightMember] = lowestOf(sibling);
    grown.scores.push(leftScore, rightScore);
    grown.members.push(leftMember, rightMember);
    this.root = grown;
  }

  /** Removes an element that is there. */
  remove(score: number, member: string): void {
    this.removeFrom(this.root, score, member);
    this.count--;
    while (this.root instanceof Inner && this.root.children.length === 1) this.root = this.root.children[0]!;
  }

  /** How many elements lie before a bound. */
  countBefore(isBefore: IsBefore): number {
    let node = this.root;
    let before = 0;
    while (node instanceof Inner) {
      let low = 1;
      let high = node.children.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (isBefore(node.scores[middle]!, node.members[middle]!)) low = middle + 1;
        else high = middle;
      }
      for (let i = 0; i < low - 1; i++) before += node.counts[i]!;
      node = node.children[low - 1]!;
    }
    let low = 0;
    let high = node.members.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(node.scores[middle]!, node.members[middle]!)) low = middle + 1;
      else high = middle;
    }
    return before + low;
  }

  /** Rank of an element that is there, 0 the lowest. */
  rankOf(score: number, member: string): number {
    return this.countBefore((s, m) => s < score || (s === score && m < member));
  }

  /**
   * Visits the elements with ranks from `from` up to but not including `to`, both within the tree, upwards or, when
   * `isReverse`, from the highest rank down.
   */
  forEachInRange(
    from: number,
    to: number,
    isReverse: boolean,
    visit: (member: string, score: number) => void,
  ): void {
    if (from >= to) return;
    let left = to - from;
    let leaf: Leaf | undefined = this.seek(isReverse ? to - 1 : from);
    let index = this.seekIndex;
    for (; leaf !== undefined && left > 0; leaf = isReverse ? leaf.previous : leaf.next) {
      const { members, scores } = leaf;
      if (index < 0) index = isReverse ? members.length - 1 : 0;
      if (isReverse) for (; index >= 0 && left > 0; index--, left--) visit(members[index]!, scores[index]!);
      else for (; index < members.length && left > 0; index++, left--) visit(members[index]!, scores[index]!);
      index = -1;
    }
  }

  /** Upwards; may be paused for as long as nothing changes the tree. */
  *[Symbol.iterator](): Generator<readonly [string, number], void, undefined> {
    let node = this.root;
    while (node instanceof Inner) node = node.children[0]!;
    for (let leaf: Leaf | undefined = node; leaf !== undefined; leaf = leaf.next) {
      for (let i = 0; i < leaf.members.length; i++) yield [leaf.members[i]!, leaf.scores[i]!];
    }
  }

  /** An independent copy, built level by level in O(n). */
  clone(): ScoreTree {
    const copy = new ScoreTree();
    copy.count = this.count;
    let last: Leaf | undefined;
    const cloneNode = (node: Node): Node => {
      if (node instanceof Leaf) {
        const leaf = new Leaf();
        leaf.scores = node.scores.slice();
        leaf.members = node.members.slice();
        leaf.previous = last;
        if (last !== undefined) last.next = leaf;
        last = leaf;
        return leaf;
      }
      const inner = new Inner();
      inner.children = node.children.map(cloneNode);
      inner.counts = node.counts.slice();
      inner.scores = node.scores.slice();
      inner.members = node.members.slice();
      return inner;
    };
    copy.root = cloneNode(this.root);
    return copy;
  }

  /** Index within the leaf that `seek` returned last. */
  private seekIndex = 0;

  private seek(rank: number): Leaf {
    let node = this.root;
    let left = rank;
    while (node instanceof Inner) {
      let i = 0;
      for (; left >= node.counts[i]!; i++) left -= node.counts[i]!;
      node = node.children[i]!;
    }
    this.seekIndex = left;
    return node;
  }

  /** Inserts below `node`; returns the new right half when `node` had to be split. */
  private insertInto(node: Node, score: number, member: string): Node | undefined {
    if (node instanceof Leaf) {
      const position = searchLeaf(node, score, member);
      if (position === node.members.length) {
        node.scores.push(score);
        node.members.push(member);
      } else {
        node.scores.splice(position, 0, score);
        node.members.splice(position, 0, member);
      }
      return node.members.length > LEAF_MAX ? splitLeaf(node, position) : undefined;
    }
    const child = childFor(node, score, member);
    const sibling = this.insertInto(node.children[child]!, score, member);
    node.counts[child]!++;
    if (sibling === undefined) return undefined;
    const moved = countOf(sibling);
    const [lowScore, lowMember] = lowestOf(sibling);
    node.counts[child]! -= moved;
    node.children.splice(child + 1, 0, sibling);
    node.counts.splice(child + 1, 0, moved);
    node.scores.splice(child + 1, 0, lowScore);
    node.members.splice(child + 1, 0, lowMember);
    return node.children.length > INNER_MAX ? splitInner(node, child + 1) : undefined;
  }

  private removeFrom(node: Node, score: number, member: string): void {
    if (node instanceof Leaf) {
      const position = searchLeaf(node, score, member);
      node.scores.splice(position, 1);
      node.members.splice(position, 1);
      return;
    }
    const child = childFor(node, score, member);
    this.removeFrom(node.children[child]!, score, member);
    node.counts[child]!--;
    mergeAround(node, child);
  }
}

function searchLeaf(leaf: Leaf, score: number, member: string): number {
  const { scores, members } = leaf;
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = scores[middle]!;
    if (other < score || (other === score && members[middle]! < member)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The last child whose key is not above the element; the first takes all that is lower. */
function childFor(node: Inner, score: number, member: string): number {
  const { scores, members } = node;
  let low = 1;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = scores[middle]!;
    if (other < score || (other === score && members[middle]! <= member)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Splits in the middle, or at the end when elements arrive in order, so that such a tree stays dense. */
function splitLeaf(leaf: Leaf, inserted: number): Leaf {
  const at =
    inserted === leaf.members.length - 1 && leaf.next === undefined ? inserted : leaf.members.length >> 1;
  const right = new Leaf();
  right.scores = leaf.scores.splice(at);
  right.members = leaf.members.splice(at);
  right.previous = leaf;
  right.next = leaf.next;
  if (leaf.next !== undefined) leaf.next.previous = right;
  leaf.next = right;
  return right;
}

function splitInner(node: Inner, inserted: number): Inner {
  const at = inserted === node.children.length - 1 ? inserted : node.children.length >> 1;
  const right = new Inner();
  right.children = node.children.splice(at);
  right.counts = node.counts.splice(at);
  right.scores = node.scores.splice(at);
  right.members = node.members.splice(at);
  return right;
}

/** Joins a child that became small with a neighbour when both fit well into one node. */
function mergeAround(node: Inner, child: number): void {
  const width = widthOf(node.children[child]!);
  const max = node.children[child] instanceof Leaf ? LEAF_MAX : INNER_MAX;
  if (width > max >> 2) return;
  const leftIndex = child > 0 ? child - 1 : child;
  const left = node.children[leftIndex]!;
  const right = node.children[leftIndex + 1];
  if (right === undefined || widthOf(left) + widthOf(right) > (max * 3) >> 2) return;
  if (left instanceof Leaf && right instanceof Leaf) {
    for (const score of right.scores) left.scores.push(score);
    for (const member of right.members) left.members.push(member);
    left.next = right.next;
    if (right.next !== undefined) right.next.previous = left;
  } else if (left instanceof Inner && right instanceof Inner) {
    for (let i = 0; i < right.children.length; i++) {
      left.children.push(right.children[i]!);
      left.counts.push(right.counts[i]!);
      left.scores.push(i === 0 ? node.scores[leftIndex + 1]! : right.scores[i]!);
      left.members.push(i === 0 ? node.members[leftIndex + 1]! : right.members[i]!);
    }
  }
  node.counts[leftIndex]! += node.counts[leftIndex + 1]!;
  node.children.splice(leftIndex + 1, 1);
  node.counts.splice(leftIndex + 1, 1);
  node.scores.splice(leftIndex + 1, 1);
  node.members.splice(leftIndex + 1, 1);
}

function widthOf(node: Node): number {
  return node instanceof Leaf ? node.members.length : node.children.length;
}

function countOf(node: Node): number {
  if (node instanceof Leaf) return node.members.length;
  let count = 0;
  for (const below of node.counts) count += below;
  return count;
}

function lowestOf(node: Node): readonly [number, string] {
  let lowest = node;
  while (lowest instanceof Inner) lowest = lowest.children[0]!;
  return [lowest.scores[0] ?? -Infinity, lowest.members[0] ?? ''];
}
