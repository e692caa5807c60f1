import { copyBytes, entryEnd } from './bulk-entry.ts';

/** Elements a chunk holds at most. */
const MAX_COUNT = 256;
/** Bytes a chunk of more than one element has at most. */
const MAX_BYTES = 8192;
const MIN_BYTES = 64;
/** Of how many elements at the end a chunk finds the places at a time. */
const TAIL = 32;

/**
 * Elements of a list side by side in the form of `bulk-entry.ts`: bytes `[start, end)` of a buffer with room at either
 * end. Places (`at`) are good until the chunk is given something or loses something in its middle.
 *
 * Entries are only read forwards. What is taken from the end is found by the places of the last few, noted by one
 * walk and kept until they are used up.
 */
export class ListChunk {
  bytes: Buffer;
  start = 0;
  end = 0;
  count = 0;
  /** Held by the clone of a list, too: then nobody may change it. */
  isShared = false;
  private tail: number[] | undefined;

  /** With room for an entry of `size` bytes, and for `atLeast` bytes unless the entry is large. */
  constructor(size: number, atLeast = MIN_BYTES) {
    this.bytes = Buffer.allocUnsafeSlow(
      size * 2 > MAX_BYTES ? size : Math.max(size, Math.min(atLeast, MAX_BYTES)),
    );
  }

  /** Whether an entry of `size` bytes belongs here rather than into another chunk. */
  hasRoomFor(size: number): boolean {
    return this.count < MAX_COUNT && this.end - this.start + size <= MAX_BYTES;
  }

  /** Makes a place for an entry of `size` bytes after the last, to be written by the caller. */
  openBack(size: number): number {
    if (this.end + size > this.bytes.length) this.makeRoom(size, false);
    const at = this.end;
    this.end += size;
    this.count++;
    this.tail?.push(at);
    return at;
  }

  /** `openBack` before the first. */
  openFront(size: number): number {
    if (this.start < size) this.makeRoom(size, true);
    this.start -= size;
    this.count++;
    return this.start;
  }

  /** `openBack` before the entry at `at`. */
  open(at: number, size: number): number {
    const offset = at - this.start;
    if (this.end + size > this.bytes.length) this.makeRoom(size, false);
    const place = this.start + offset;
    this.bytes.copyWithin(place + size, place, this.end);
    this.end += size;
    this.count++;
    this.tail = undefined;
    return place;
  }

  /** Removes the entry at `at` of `size` bytes. */
  close(at: number, size: number): void {
    this.bytes.copyWithin(at, at + size, this.end);
    this.end -= size;
    this.count--;
    this.tail = undefined;
  }

  /** Removes the first entry, of `size` bytes. */
  closeFront(size: number): void {
    this.start += size;
    this.count--;
    if (this.tail !== undefined && this.tail.length > this.count) this.tail = undefined;
  }

  /** Removes the last entry. */
  closeBack(): void {
    this.end = this.lastAt();
    this.tail!.pop();
    this.count--;
  }

  /** Where the last entry is. */
  lastAt(): number {
    const { tail } = this;
    return tail !== undefined && tail.length > 0 ? tail[tail.length - 1]! : this.findTail();
  }

  /** Where the entry `index` entries after the first, or after the one at `from`, is; the end counts as one. */
  place(index: number, from = this.start): number {
    let at = from;
    for (let i = 0; i < index; i++) at = entryEnd(this.bytes, at);
    return at;
  }

  /** Where all entries are, in order. */
  places(): number[] {
    const places: number[] = [];
    for (let at = this.start; at < this.end; at = entryEnd(this.bytes, at)) places.push(at);
    return places;
  }

  /** Moves the entries from `at` on, the first of which has the number `index`, into a new chunk. */
  split(at: number, index: number): ListChunk {
    const upper = new ListChunk(this.end - at);
    upper.end = this.end - at;
    upper.count = this.count - index;
    copyBytes(this.bytes, at, this.end, upper.bytes, 0);
    this.end = at;
    this.count = index;
    this.tail = undefined;
    return upper;
  }

  /** Gives memory back when little of it is used. */
  shrink(): void {
    const used = this.end - this.start;
    if (this.bytes.length >= 4 * MIN_BYTES && used * 4 < this.bytes.length)
      this.move(Math.max(MIN_BYTES, used * 2), 0);
  }

  clone(): ListChunk {
    const { start, end } = this;
    const copy = new ListChunk(end - start);
    copy.end = end - start;
    copy.count = this.count;
    copyBytes(this.bytes, start, end, copy.bytes, 0);
    return copy;
  }

  private makeRoom(size: number, isFront: boolean): void {
    const { length } = this.bytes;
    const need = this.end - this.start + size;
    // Room at the other end is used where that pays for the copy; a full chunk has no choice.
    const hasEnough = need * 4 <= length * 3 || (length >= MAX_BYTES && need <= length);
    const capacity = hasEnough ? length : Math.max(need, Math.min(length * 2, MAX_BYTES));
    this.move(capacity, isFront ? capacity - (this.end - this.start) : 0);
  }

  private move(capacity: number, to: number): void {
    const { bytes, start, end } = this;
    if (capacity === bytes.length) bytes.copyWithin(to, start, end);
    else {
      this.bytes = Buffer.allocUnsafeSlow(capacity);
      copyBytes(bytes, start, end, this.bytes, to);
    }
    this.start = to;
    this.end = to + end - start;
    this.tail = undefined;
  }

  private findTail(): number {
    const from = this.place(Math.max(0, this.count - TAIL));
    const tail: number[] = [];
    for (let at = from; at < this.end; at = entryEnd(this.bytes, at)) tail.push(at);
    this.tail = tail;
    return tail[tail.length - 1]!;
  }
}
