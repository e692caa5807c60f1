import { Deque } from './deque.ts';
import type { StreamId, U64 } from './stream-id.ts';

/** Entries in ascending order of id. */
class Chunk<T> {
  ms: U64[] = [];
  seq: U64[] = [];
  items: T[] = [];
  /** Entries ever put into it, with those deleted since: what fills a stream's node. */
  filled = 0;
  /** What the owner counts as the size of the chunk, beside the number of entries. */
  filledBytes = 0;
}

/** When a chunk takes no more entries at its end. */
export interface ChunkLimits {
  readonly entries: number;
  readonly bytes: number;
}

const DEFAULT_LIMITS: ChunkLimits = { entries: 128, bytes: Infinity };

/**
 * An ordered map from stream id to item, in chunks: appending is O(1), finding O(log n), removing O(log n) and one
 * chunk's move. Serves a stream's entries, and the entries pending in a group or at a consumer.
 */
export class IdMap<T> {
  private readonly chunks = new Deque<Chunk<T>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get chunkCount(): number {
    return this.chunks.length;
  }

  /** Adds an entry after all others. `bytes` is what it counts for in the chunk's limit. */
  append(id: StreamId, item: T, limits: ChunkLimits = DEFAULT_LIMITS, bytes = 0): void {
    const { chunks } = this;
    let last = chunks.length === 0 ? undefined : chunks.at(chunks.length - 1);
    if (last === undefined || isFull(last, limits, bytes)) {
      last = new Chunk();
      chunks.pushBack(last);
    }
    last.ms.push(id.ms);
    last.seq.push(id.seq);
    last.items.push(item);
    last.filled++;
    last.filledBytes += bytes;
    this.count++;
  }

  get({ ms, seq }: StreamId): T | undefined {
    if (!this.seek(ms, seq)) return undefined;
    return this.chunks.at(this.atChunk).items[this.atIndex];
  }

  /** Sets the item of an id, wherever that belongs. */
  set(id: StreamId, item: T): void {
    if (this.seek(id.ms, id.seq)) {
      this.chunks.at(this.atChunk).items[this.atIndex] = item;
      return;
    }
    if (this.atChunk >= this.chunks.length) return this.append(id, item);
    const chunk = this.chunks.at(this.atChunk);
    chunk.ms.splice(this.atIndex, 0, id.ms);
    chunk.seq.splice(this.atIndex, 0, id.seq);
    chunk.items.splice(this.atIndex, 0, item);
    chunk.filled++;
    this.count++;
    if (chunk.items.length > DEFAULT_LIMITS.entries * 2) this.split(this.atChunk);
  }

  /** Removes an id and returns its item, or undefined. */
  delete(id: StreamId): T | undefined {
    if (!this.seek(id.ms, id.seq)) return undefined;
    const chunk = this.chunks.at(this.atChunk);
    const item = chunk.items[this.atIndex];
    chunk.ms.splice(this.atIndex, 1);
    chunk.seq.splice(this.atIndex, 1);
    chunk.items.splice(this.atIndex, 1);
    if (chunk.items.length === 0) this.chunks.remove(this.atChunk);
    this.count--;
    return item;
  }

  /** Removes and returns the first `count` items. */
  deleteFirst(count: number): T[] {
    const removed: T[] = [];
    while (removed.length < count && this.chunks.length > 0) {
      const chunk = this.chunks.at(0);
      const wanted = Math.min(count - removed.length, chunk.items.length);
      for (const item of chunk.items.splice(0, wanted)) removed.push(item);
      chunk.ms.splice(0, wanted);
      chunk.seq.splice(0, wanted);
      if (chunk.items.length === 0) this.chunks.popFront();
    }
    this.count -= removed.length;
    return removed;
  }

  /** Number of entries of each chunk, oldest first. */
  *chunkSizes(): Generator<number, void, undefined> {
    for (let i = 0; i < this.chunks.length; i++) yield this.chunks.at(i).items.length;
  }

  get firstId(): StreamId | undefined {
    if (this.count === 0) return undefined;
    const { ms, seq } = this.chunks.at(0);
    return { ms: ms[0]!, seq: seq[0]! };
  }

  get lastId(): StreamId | undefined {
    if (this.count === 0) return undefined;
    const { ms, seq } = this.chunks.at(this.chunks.length - 1);
    return { ms: ms.at(-1)!, seq: seq.at(-1)! };
  }

  /** How many entries have an id below `id`. */
  countBelow(id: StreamId): number {
    this.seek(id.ms, id.seq);
    let below = this.atIndex;
    for (let i = 0; i < this.atChunk; i++) below += this.chunks.at(i).items.length;
    return below;
  }

  /**
   * Visits the entries with `from` ≤ id ≤ `to` in order, or downwards when `isReverse`, until `visit` returns false.
   * The map must not change meanwhile.
   */
  forEachInRange(
    from: StreamId,
    to: StreamId,
    isReverse: boolean,
    visit: (id: StreamId, item: T) => boolean | void,
  ): void {
    const { chunks } = this;
    if (this.count === 0 || isBelow(to.ms, to.seq, from)) return;
    if (isReverse) {
      const isFound = this.seek(to.ms, to.seq);
      let chunkIndex = this.atChunk;
      let index = isFound ? this.atIndex : this.atIndex - 1;
      while (chunkIndex >= 0) {
        if (chunkIndex < chunks.length) {
          const { ms, seq, items } = chunks.at(chunkIndex);
          for (; index >= 0; index--) {
            if (isBelow(ms[index]!, seq[index]!, from)) return;
            if (visit({ ms: ms[index]!, seq: seq[index]! }, items[index]!) === false) return;
          }
        }
        chunkIndex--;
        if (chunkIndex >= 0) index = chunks.at(chunkIndex).items.length - 1;
      }
      return;
    }
    this.seek(from.ms, from.seq);
    let index = this.atIndex;
    for (let chunkIndex = this.atChunk; chunkIndex < chunks.length; chunkIndex++) {
      const { ms, seq, items } = chunks.at(chunkIndex);
      for (; index < items.length; index++) {
        if (ms[index]! > to.ms || (ms[index] === to.ms && seq[index]! > to.seq)) return;
        if (visit({ ms: ms[index]!, seq: seq[index]! }, items[index]!) === false) return;
      }
      index = 0;
    }
  }

  /** In order; may be paused for as long as nothing changes the map. */
  *[Symbol.iterator](): Generator<readonly [StreamId, T], void, undefined> {
    for (let i = 0; i < this.chunks.length; i++) {
      const { ms, seq, items } = this.chunks.at(i);
      for (let j = 0; j < items.length; j++) yield [{ ms: ms[j]!, seq: seq[j]! }, items[j]!];
    }
  }

  clone(cloneItem: (item: T) => T): IdMap<T> {
    const copy = new IdMap<T>();
    for (let i = 0; i < this.chunks.length; i++) {
      const chunk = this.chunks.at(i);
      const twin = new Chunk<T>();
      twin.ms = chunk.ms.slice();
      twin.seq = chunk.seq.slice();
      twin.items = chunk.items.map(cloneItem);
      twin.filled = chunk.filled;
      twin.filledBytes = chunk.filledBytes;
      copy.chunks.pushBack(twin);
    }
    copy.count = this.count;
    return copy;
  }

  /** Where `seek` found the id, or the place it would have. */
  private atChunk = 0;
  private atIndex = 0;

  private seek(ms: U64, seq: U64): boolean {
    const { chunks } = this;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = chunks.at(middle);
      const end = chunk.items.length - 1;
      if (chunk.ms[end]! < ms || (chunk.ms[end] === ms && chunk.seq[end]! < seq)) low = middle + 1;
      else high = middle;
    }
    this.atChunk = low;
    this.atIndex = 0;
    if (low >= chunks.length) return false;
    const chunk = chunks.at(low);
    let from = 0;
    let to = chunk.items.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (chunk.ms[middle]! < ms || (chunk.ms[middle] === ms && chunk.seq[middle]! < seq)) from = middle + 1;
      else to = middle;
    }
    this.atIndex = from;
    return chunk.ms[from] === ms && chunk.seq[from] === seq;
  }

  private split(chunkIndex: number): void {
    const chunk = this.chunks.at(chunkIndex);
    const half = chunk.items.length >> 1;
    const upper = new Chunk<T>();
    upper.ms = chunk.ms.splice(half);
    upper.seq = chunk.seq.splice(half);
    upper.items = chunk.items.splice(half);
    upper.filled = upper.items.length;
    chunk.filled = half;
    this.chunks.insert(chunkIndex + 1, upper);
  }
}

function isFull<T>(chunk: Chunk<T>, limits: ChunkLimits, bytes: number): boolean {
  return chunk.filled >= limits.entries || chunk.filledBytes + bytes > limits.bytes;
}

function isBelow(ms: U64, seq: U64, id: StreamId): boolean {
  return ms < id.ms || (ms === id.ms && seq < id.seq);
}
