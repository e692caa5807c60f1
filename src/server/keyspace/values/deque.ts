/**
 * An array that grows and shrinks at both ends in amortised O(1), and in the middle in O(n).
 *
 * The slots before `head` are spare room for pushes at the front; they hold `undefined` so that they keep nothing
 * alive.
 */
export class Deque<T> {
  private items: (T | undefined)[];
  private head = 0;

  constructor(items: T[] = []) {
    this.items = items;
  }

  get length(): number {
    return this.items.length - this.head;
  }

  /** The item at `index`, which must be within the deque: this is the hot path and checks nothing. */
  at(index: number): T {
    return this.items[this.head + index] as T;
  }

  set(index: number, item: T): void {
    this.items[this.head + index] = item;
  }

  pushBack(item: T): void {
    // An array that is pushed to gets room for more, which most never need.
    if (this.items.length === 0) this.items = [item];
    else this.items.push(item);
  }

  pushFront(item: T): void {
    if (this.head === 0) this.makeRoom();
    this.items[--this.head] = item;
  }

  popBack(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items.pop();
    if (this.items.length === this.head) this.clear();
    return item;
  }

  popFront(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.items.length === this.head) this.clear();
    else if (this.head >= 64 && this.head * 2 > this.items.length) this.dropRoom();
    return item;
  }

  insert(index: number, item: T): void {
    if (index === 0) this.pushFront(item);
    else this.items.splice(this.head + index, 0, item);
  }

  /** Removes `count` items from `index` on and returns them. */
  remove(index: number, count = 1): T[] {
    return this.items.splice(this.head + index, count) as T[];
  }

  /** A copy of the items from `from` up to but not including `to`. */
  slice(from = 0, to = this.length): T[] {
    return this.items.slice(this.head + from, this.head + to) as T[];
  }

  private clear(): void {
    this.items = [];
    this.head = 0;
  }

  private dropRoom(): void {
    this.items = this.items.slice(this.head);
    this.head = 0;
  }

  private makeRoom(): void {
    const room = Math.max(4, this.items.length);
    const grown: (T | undefined)[] = [];
    for (let i = 0; i < room; i++) grown.push(undefined);
    for (const item of this.items) grown.push(item);
    this.items = grown;
    this.head = room;
  }
}
