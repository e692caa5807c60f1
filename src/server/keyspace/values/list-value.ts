import type { Value } from '../value.ts';
import { Deque } from './deque.ts';
import { STRING_OVERHEAD_BYTES, type EncodingLimits } from './encoding.ts';

type Chunk = Deque<string>;

/** Elements a chunk holds at most; one is split when it is full. */
const CHUNK_MAX = 128;
const LISTPACK_HEADER_BYTES = 7;
const DEFAULT_LISTPACK_MAX_BYTES = 8192;
const EMPTY_BYTES = 120;

/**
 * A list: a deque of chunks, each a deque of elements.
 *
 * Both ends are O(1); an index is reached by stepping over whole chunks from the nearer end; an insertion or removal
 * in the middle moves one chunk.
 */
export class ListValue implements Value {
  readonly type = 'list';
  private readonly chunks = new Deque<Chunk>();
  private count = 0;
  private listpackBytes = LISTPACK_HEADER_BYTES;
  /** The largest `listpackBytes` and `count` since the list was last small enough to be a listpack again. */
  private peakBytes = LISTPACK_HEADER_BYTES;
  private peakCount = 0;

  static of(elements: Iterable<string>): ListValue {
    const list = new ListValue();
    for (const element of elements) list.pushBack(element);
    return list;
  }

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return EMPTY_BYTES + this.listpackBytes + this.count * (STRING_OVERHEAD_BYTES - 2);
  }

  /** What OBJECT ENCODING answers: a quicklist becomes a listpack again when it fell to half the limit. */
  encoding({ listMaxListpackSize: limit }: EncodingLimits): 'listpack' | 'quicklist' {
    if (limit >= 0) {
      const maxCount = Math.max(limit, 1);
      return this.peakCount <= maxCount || this.count * 2 <= maxCount ? 'listpack' : 'quicklist';
    }
    const maxBytes = 2048 << Math.min(-limit, 5);
    return this.peakBytes <= maxBytes || this.listpackBytes * 2 <= maxBytes ? 'listpack' : 'quicklist';
  }

  pushBack(element: string): void {
    const { chunks } = this;
    const last = chunks.length === 0 ? undefined : chunks.at(chunks.length - 1);
    if (last !== undefined && last.length < CHUNK_MAX) last.pushBack(element);
    else chunks.pushBack(new Deque([element]));
    this.grew(element);
  }

  pushFront(element: string): void {
    const { chunks } = this;
    const first = chunks.length === 0 ? undefined : chunks.at(0);
    if (first !== undefined && first.length < CHUNK_MAX) first.pushFront(element);
    else chunks.pushFront(new Deque([element]));
    this.grew(element);
  }

  popBack(): string | undefined {
    const { chunks } = this;
    if (this.count === 0) return undefined;
    const last = chunks.at(chunks.length - 1);
    const element = last.popBack() as string;
    if (last.length === 0) chunks.popBack();
    this.shrank(element);
    return element;
  }

  popFront(): string | undefined {
    const { chunks } = this;
    if (this.count === 0) return undefined;
    const first = chunks.at(0);
    const element = first.popFront() as string;
    if (first.length === 0) chunks.popFront();
    this.shrank(element);
    return element;
  }

  /** The element at `index` (0 the first, -1 the last), or undefined outside the list. */
  at(index: number): string | undefined {
    const position = index < 0 ? this.count + index : index;
    if (position < 0 || position >= this.count) return undefined;
    const chunkIndex = this.seek(position);
    return this.chunks.at(chunkIndex).at(position - this.seekStart);
  }

  /** Replaces the element at `index` and says whether there was one. */
  set(index: number, element: string): boolean {
    const position = index < 0 ? this.count + index : index;
    if (position < 0 || position >= this.count) return false;
    const chunk = this.chunks.at(this.seek(position));
    const offset = position - this.seekStart;
    // As in Redis, the new element counts beside the old one for a moment.
    const old = chunk.at(offset);
    chunk.set(offset, element);
    this.grew(element);
    this.shrank(old);
    return true;
  }

  /** Inserts before the element at `position`, which is from 0 to `size`. */
  insert(position: number, element: string): void {
    if (position === 0) return this.pushFront(element);
    if (position === this.count) return this.pushBack(element);
    const chunkIndex = this.seek(position);
    let chunk = this.chunks.at(chunkIndex);
    let offset = position - this.seekStart;
    if (chunk.length >= CHUNK_MAX) {
      const half = chunk.length >> 1;
      const upper: Chunk = new Deque(chunk.remove(half, chunk.length - half));
      this.chunks.insert(chunkIndex + 1, upper);
      if (offset > half) {
        chunk = upper;
        offset -= half;
      }
    }
    chunk.insert(offset, element);
    this.grew(element);
  }

  /** Keeps the elements from `from` up to but not including `to`, dropping whole chunks where it can. */
  trim(from: number, to: number): void {
    let front = Math.min(from, this.count);
    let back = this.count - Math.max(to, front);
    for (; front > 0; front--) this.popFront();
    for (; back > 0; back--) this.popBack();
  }

  /**
   * Removes elements equal to `element`: up to `limit` of them from the front, or from the back when `isFromBack`.
   * Returns how many went.
   */
  removeEqual(element: string, limit: number, isFromBack: boolean): number {
    let removed = 0;
    const { chunks } = this;
    for (let step = 0; step < chunks.length && removed < limit;) {
      const chunkIndex = isFromBack ? chunks.length - 1 - step : step;
      const chunk = chunks.at(chunkIndex);
      for (let seen = 0; seen < chunk.length && removed < limit;) {
        const offset = isFromBack ? chunk.length - 1 - seen : seen;
        if (chunk.at(offset) === element) {
          chunk.remove(offset);
          this.shrank(element);
          removed++;
        } else seen++;
      }
      if (chunk.length === 0) chunks.remove(chunkIndex);
      else step++;
    }
    return removed;
  }

  /** Calls `visit` for the elements from `from` up to but not including `to`, both within the list, in order. */
  forEachInRange(from: number, to: number, visit: (element: string) => void): void {
    if (from >= to) return;
    let chunkIndex = this.seek(from);
    let offset = from - this.seekStart;
    for (let left = to - from; left > 0; chunkIndex++) {
      const chunk = this.chunks.at(chunkIndex);
      const end = Math.min(chunk.length, offset + left);
      left -= end - offset;
      for (; offset < end; offset++) visit(chunk.at(offset));
      offset = 0;
    }
  }

  /** The elements from `from` up to but not including `to`, both within the list. */
  range(from: number, to: number): string[] {
    const elements: string[] = [];
    this.forEachInRange(from, to, (element) => {
      elements.push(element);
    });
    return elements;
  }

  /** In order; may be paused for as long as nothing changes the list. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (let i = 0; i < this.chunks.length; i++) {
      const chunk = this.chunks.at(i);
      for (let j = 0; j < chunk.length; j++) yield chunk.at(j);
    }
  }

  /** From the last to the first; may be paused for as long as nothing changes the list. */
  *backwards(): Generator<string, void, undefined> {
    for (let i = this.chunks.length - 1; i >= 0; i--) {
      const chunk = this.chunks.at(i);
      for (let j = chunk.length - 1; j >= 0; j--) yield chunk.at(j);
    }
  }

  clone(): ListValue {
    const copy = new ListValue();
    for (let i = 0; i < this.chunks.length; i++) copy.chunks.pushBack(new Deque(this.chunks.at(i).slice()));
    copy.count = this.count;
    copy.listpackBytes = this.listpackBytes;
    copy.peakBytes = this.peakBytes;
    copy.peakCount = this.peakCount;
    return copy;
  }

  /** Position of the first element of the chunk that `seek` found last. */
  private seekStart = 0;

  private seek(position: number): number {
    const { chunks } = this;
    if (position * 2 < this.count) {
      let start = 0;
      let index = 0;
      for (let length = chunks.at(0).length; start + length <= position; length = chunks.at(index).length) {
        start += length;
        index++;
      }
      this.seekStart = start;
      return index;
    }
    let index = chunks.length - 1;
    let start = this.count - chunks.at(index).length;
    while (start > position) {
      index--;
      start -= chunks.at(index).length;
    }
    this.seekStart = start;
    return index;
  }

  private grew(element: string): void {
    this.count++;
    this.listpackBytes += listpackEntryBytes(element);
    if (this.listpackBytes > this.peakBytes) this.peakBytes = this.listpackBytes;
    if (this.count > this.peakCount) this.peakCount = this.count;
  }

  private shrank(element: string): void {
    this.count--;
    this.listpackBytes -= listpackEntryBytes(element);
    if (this.listpackBytes * 2 <= DEFAULT_LISTPACK_MAX_BYTES) this.peakBytes = this.listpackBytes;
    if (this.count * 2 <= this.peakCount) this.peakCount = this.count;
  }
}

/** Bytes of a string entry in a listpack: header, bytes, and the length read from behind. */
function listpackEntryBytes({ length }: string): number {
  if (length < 64) return length + 2;
  return length + (length < 4096 ? 4 : 8);
}
