import type { Value } from '../value.ts';
import {
  elementAt,
  elementLength,
  encodeText,
  entryBytes,
  entryEnd,
  isEntryAt,
  writeBytes,
  writeText,
  type BulkSink,
} from './bulk-entry.ts';
import { Deque } from './deque.ts';
import type { EncodingLimits } from './encoding.ts';
import { ListChunk } from './list-chunk.ts';

/** What a list's second chunk has room for at first. */
const SECOND_CHUNK_BYTES = 1024;
/** A list of so many chunks will fill the next one, too: it gets the size that the last one has reached. */
const MANY_CHUNKS = 4;
const LISTPACK_HEADER_BYTES = 7;
const DEFAULT_LISTPACK_MAX_BYTES = 8192;
const EMPTY_BYTES = 400;
/** What an element takes beside its bytes in a listpack: its RESP form is a little longer, and chunks have objects. */
const ENTRY_OVERHEAD_BYTES = 9;

/**
 * A list: a deque of chunks, each of which holds elements in the form of RESP bulk strings, so that a range is copied
 * into a reply chunk by chunk.
 *
 * Both ends are O(1); an index is reached by stepping over whole chunks from the nearer end and then over elements;
 * an insertion or removal in the middle moves one chunk.
 */
export class ListValue implements Value {
  readonly type = 'list';
  private readonly chunks = new Deque<ListChunk>();
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
    return EMPTY_BYTES + this.listpackBytes + this.count * ENTRY_OVERHEAD_BYTES;
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
    const { length } = element;
    const size = entryBytes(length);
    const chunk = this.chunkAtBack(size);
    const at = chunk.openBack(size);
    writeText(chunk.bytes, at, element);
    this.grew(length);
  }

  pushFront(element: string): void {
    const { length } = element;
    const size = entryBytes(length);
    const chunk = this.chunkAtFront(size);
    const at = chunk.openFront(size);
    writeText(chunk.bytes, at, element);
    this.grew(length);
  }

  /** `pushBack` of the bytes `from[start, end)`. */
  pushBackBytes(from: Uint8Array, start: number, end: number): void {
    const size = entryBytes(end - start);
    const chunk = this.chunkAtBack(size);
    const at = chunk.openBack(size);
    writeBytes(chunk.bytes, at, from, start, end);
    this.grew(end - start);
  }

  /** `pushFront` of the bytes `from[start, end)`. */
  pushFrontBytes(from: Uint8Array, start: number, end: number): void {
    const size = entryBytes(end - start);
    const chunk = this.chunkAtFront(size);
    const at = chunk.openFront(size);
    writeBytes(chunk.bytes, at, from, start, end);
    this.grew(end - start);
  }

  popBack(): string | undefined {
    if (this.count === 0) return undefined;
    const chunk = this.chunks.at(this.chunks.length - 1);
    const element = elementAt(chunk.bytes, chunk.lastAt());
    this.dropBack();
    return element;
  }

  popFront(): string | undefined {
    if (this.count === 0) return undefined;
    const chunk = this.chunks.at(0);
    const element = elementAt(chunk.bytes, chunk.start);
    this.dropFront();
    return element;
  }

  /** `popBack` of a list that is not empty, into a reply. */
  popBackInto(sink: BulkSink): void {
    const chunk = this.chunks.at(this.chunks.length - 1);
    sink.raw(chunk.bytes, chunk.lastAt(), chunk.end);
    this.dropBack();
  }

  /** `popFront` of a list that is not empty, into a reply. */
  popFrontInto(sink: BulkSink): void {
    const chunk = this.chunks.at(0);
    sink.raw(chunk.bytes, chunk.start, entryEnd(chunk.bytes, chunk.start));
    this.dropFront();
  }

  /** The element at `index` (0 the first, -1 the last), or undefined outside the list. */
  at(index: number): string | undefined {
    const position = this.positionOf(index);
    if (position < 0) return undefined;
    const chunk = this.chunks.at(this.seek(position));
    return elementAt(chunk.bytes, chunk.place(position - this.seekStart));
  }

  /** Replaces the element at `index` and says whether there was one. */
  set(index: number, element: string): boolean {
    const position = this.positionOf(index);
    if (position < 0) return false;
    const chunkIndex = this.seek(position);
    const chunk = this.chunks.at(chunkIndex);
    const at = chunk.place(position - this.seekStart);
    const oldSize = entryEnd(chunk.bytes, at) - at;
    if (entryBytes(element.length) === oldSize) {
      const own = this.owned(chunkIndex);
      writeText(own.bytes, at - chunk.start + own.start, element);
    } else {
      this.removeFrom(chunkIndex, [at], oldSize);
      this.count--;
      this.place(position, element);
      this.count++;
    }
    // As in Redis, the new element counts beside the old one for a moment.
    this.grew(element.length);
    this.shrank(elementLength(oldSize));
    return true;
  }

  /** Inserts before the element at `position`, which is from 0 to `size`. */
  insert(position: number, element: string): void {
    this.place(position, element);
    this.grew(element.length);
  }

  /** Keeps the elements from `from` up to but not including `to`. */
  trim(from: number, to: number): void {
    let front = Math.min(from, this.count);
    let back = this.count - Math.max(to, front);
    for (; front > 0; front--) this.dropFront();
    for (; back > 0; back--) this.dropBack();
  }

  /**
   * Removes elements equal to `element`: up to `limit` of them from the front, or from the back when `isFromBack`.
   * Returns how many went.
   */
  removeEqual(element: string, limit: number, isFromBack: boolean): number {
    let removed = 0;
    const { chunks } = this;
    const entry = encodeText(element);
    for (let step = 0; step < chunks.length && removed < limit;) {
      const chunkIndex = isFromBack ? chunks.length - 1 - step : step;
      const chunk = chunks.at(chunkIndex);
      const equal = chunk.places().filter((at) => isEntryAt(chunk.bytes, at, entry));
      const gone = isFromBack ? equal.slice(-(limit - removed)) : equal.slice(0, limit - removed);
      const { length } = chunks;
      if (gone.length > 0) this.removeFrom(chunkIndex, gone, entry.length);
      for (let i = 0; i < gone.length; i++) this.shrank(element.length);
      removed += gone.length;
      if (chunks.length === length) step++;
    }
    return removed;
  }

  /**
   * Calls `visit` with the positions of elements equal to `element` in order, or downwards when `isBackwards`, until
   * it returns false; looks at the first `lookAt` elements only.
   */
  forEachEqual(
    element: string,
    isBackwards: boolean,
    lookAt: number,
    visit: (position: number) => boolean,
  ): void {
    const { chunks } = this;
    const entry = encodeText(element);
    let seen = 0;
    for (let step = 0; step < chunks.length; step++) {
      const chunk = chunks.at(isBackwards ? chunks.length - 1 - step : step);
      const places = chunk.places();
      if (isBackwards) places.reverse();
      for (const at of places) {
        if (seen >= lookAt) return;
        if (isEntryAt(chunk.bytes, at, entry) && !visit(isBackwards ? this.count - 1 - seen : seen)) return;
        seen++;
      }
    }
  }

  /** Copies the elements from `from` up to but not including `to`, both within the list, into a reply. */
  copyRange(from: number, to: number, sink: BulkSink): void {
    if (from >= to) return;
    let chunkIndex = this.seek(from);
    let offset = from - this.seekStart;
    for (let left = to - from; left > 0; chunkIndex++) {
      const chunk = this.chunks.at(chunkIndex);
      const taken = Math.min(chunk.count - offset, left);
      const start = chunk.place(offset);
      const end = offset + taken === chunk.count ? chunk.end : chunk.place(taken, start);
      sink.raw(chunk.bytes, start, end);
      left -= taken;
      offset = 0;
    }
  }

  /** In order; may be paused for as long as nothing changes the list. */
  *[Symbol.iterator](): Generator<string, void, undefined> {
    for (let i = 0; i < this.chunks.length; i++) {
      const { bytes, start, end } = this.chunks.at(i);
      for (let at = start; at < end; at = entryEnd(bytes, at)) yield elementAt(bytes, at);
    }
  }

  /** Shares the chunks; whoever changes one copies it first. */
  clone(): ListValue {
    const copy = new ListValue();
    for (let i = 0; i < this.chunks.length; i++) {
      const chunk = this.chunks.at(i);
      chunk.isShared = true;
      copy.chunks.pushBack(chunk);
    }
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
      for (let { count } = chunks.at(0); start + count <= position; { count } = chunks.at(index)) {
        start += count;
        index++;
      }
      this.seekStart = start;
      return index;
    }
    let index = chunks.length - 1;
    let start = this.count - chunks.at(index).count;
    while (start > position) {
      index--;
      start -= chunks.at(index).count;
    }
    this.seekStart = start;
    return index;
  }

  /** The position that an index, negative from the end, means; -1 outside the list. */
  private positionOf(index: number): number {
    const position = index < 0 ? this.count + index : index;
    return position < this.count ? Math.max(position, -1) : -1;
  }

  private chunkAtBack(size: number): ListChunk {
    const { chunks } = this;
    const last = chunks.length === 0 ? undefined : chunks.at(chunks.length - 1);
    if (last?.hasRoomFor(size) === true) return last.isShared ? this.owned(chunks.length - 1) : last;
    const chunk = this.nextTo(last, size);
    chunks.pushBack(chunk);
    return chunk;
  }

  private chunkAtFront(size: number): ListChunk {
    const { chunks } = this;
    const first = chunks.length === 0 ? undefined : chunks.at(0);
    if (first?.hasRoomFor(size) === true) return first.isShared ? this.owned(0) : first;
    const chunk = this.nextTo(first, size);
    chunk.start = chunk.bytes.length;
    chunk.end = chunk.start;
    chunks.pushFront(chunk);
    return chunk;
  }

  private nextTo(full: ListChunk | undefined, size: number): ListChunk {
    if (full === undefined) return new ListChunk(size);
    return new ListChunk(size, this.chunks.length < MANY_CHUNKS ? SECOND_CHUNK_BYTES : full.end - full.start);
  }

  /** The chunk, to be changed. */
  private owned(chunkIndex: number): ListChunk {
    const chunk = this.chunks.at(chunkIndex);
    if (!chunk.isShared) return chunk;
    const copy = chunk.clone();
    this.chunks.set(chunkIndex, copy);
    return copy;
  }

  private dropBack(): void {
    const { chunks } = this;
    const index = chunks.length - 1;
    const last = chunks.at(index);
    const size = last.end - last.lastAt();
    if (last.count === 1) chunks.popBack();
    else {
      const chunk = this.owned(index);
      chunk.closeBack();
      if (index <= 1) chunk.shrink();
    }
    this.shrank(elementLength(size));
  }

  private dropFront(): void {
    const { chunks } = this;
    const first = chunks.at(0);
    const size = entryEnd(first.bytes, first.start) - first.start;
    if (first.count === 1) chunks.popFront();
    else {
      const chunk = this.owned(0);
      chunk.closeFront(size);
      if (chunks.length <= 2) chunk.shrink();
    }
    this.shrank(elementLength(size));
  }

  /** Removes the entries at `places`, in order and each of `size` bytes, without counting; an empty chunk goes. */
  private removeFrom(chunkIndex: number, places: readonly number[], size: number): void {
    const chunk = this.chunks.at(chunkIndex);
    if (chunk.count === places.length) {
      this.chunks.remove(chunkIndex);
      return;
    }
    const own = this.owned(chunkIndex);
    const shift = own.start - chunk.start;
    // From behind, so that the places before stay good.
    for (const at of places.toReversed()) own.close(at + shift, size);
    own.shrink();
  }

  /** Inserts without counting. */
  private place(position: number, element: string): void {
    const size = entryBytes(element.length);
    const { chunk, at } = this.open(position, size);
    writeText(chunk.bytes, at, element);
  }

  private open(position: number, size: number): { chunk: ListChunk; at: number } {
    const { chunks } = this;
    if (position === 0 || position === this.count) {
      const chunk = position === 0 ? this.chunkAtFront(size) : this.chunkAtBack(size);
      return { chunk, at: position === 0 ? chunk.openFront(size) : chunk.openBack(size) };
    }
    const chunkIndex = this.seek(position);
    const chunk = chunks.at(chunkIndex);
    const offset = position - this.seekStart;
    if (chunk.hasRoomFor(size)) {
      const own = this.owned(chunkIndex);
      return { chunk: own, at: own.open(own.place(offset), size) };
    }
    if (offset > 0) {
      const own = this.owned(chunkIndex);
      chunks.insert(chunkIndex + 1, own.split(own.place(offset), offset));
    }
    const next = offset > 0 ? chunkIndex + 1 : chunkIndex;
    if (!chunks.at(next - 1).hasRoomFor(size)) {
      const alone = new ListChunk(size);
      chunks.insert(next, alone);
      return { chunk: alone, at: alone.openBack(size) };
    }
    const before = this.owned(next - 1);
    return { chunk: before, at: before.openBack(size) };
  }

  private grew(length: number): void {
    this.count++;
    this.listpackBytes += listpackEntryBytes(length);
    if (this.listpackBytes > this.peakBytes) this.peakBytes = this.listpackBytes;
    if (this.count > this.peakCount) this.peakCount = this.count;
  }

  private shrank(length: number): void {
    this.count--;
    this.listpackBytes -= listpackEntryBytes(length);
    if (this.listpackBytes * 2 <= DEFAULT_LISTPACK_MAX_BYTES) this.peakBytes = this.listpackBytes;
    if (this.count * 2 <= this.peakCount) this.peakCount = this.count;
  }
}

/** Bytes of a string entry in a listpack: header, bytes, and the length read from behind. */
function listpackEntryBytes(length: number): number {
  if (length < 64) return length + 2;
  return length + (length < 4096 ? 4 : 8);
}
