import { MalformedData } from '../rdb-error.ts';
import type { PackedReader } from './packed-reader.ts';

const COUNT_UNKNOWN = 0xffff;
const END = 255;

/** Where a format keeps its count, and where its elements begin, in bytes from its start. */
interface Layout {
  readonly headerBytes: number;
  readonly countAt: number;
}

/**
 * What listpack and ziplist have in common: total bytes first, a count of 16 bits that says nothing when there are
 * too many elements, and an end marker. Whatever contradicts itself is refused as MalformedData.
 */
export abstract class PackedList implements PackedReader {
  protected readonly bytes: Buffer;
  /** Where the end marker is. */
  protected readonly end: number;
  /** Where the next element begins. */
  protected at: number;
  readonly #kind: string;
  /** Elements to come, Infinity when that is unknown. */
  #left: number;

  protected constructor(kind: string, bytes: Buffer, start: number, end: number, layout: Layout) {
    if (end - start < layout.headerBytes + 1) throw new MalformedData(`${kind} is cut`);
    if (bytes.readUInt32LE(start) !== end - start)
      throw new MalformedData(`${kind} size contradicts its header`);
    if (bytes[end - 1] !== END) throw new MalformedData(`${kind} without an end marker`);
    const count = bytes.readUInt16LE(start + layout.countAt);
    this.bytes = bytes;
    this.at = start + layout.headerBytes;
    this.end = end - 1;
    this.#kind = kind;
    this.#left = count === COUNT_UNKNOWN ? Infinity : count;
    this.#checkCount();
  }

  get hasNext(): boolean {
    return this.at < this.end;
  }

  abstract next(): string;

  /** An element was read, and `at` is behind it. */
  protected countElement(): void {
    this.#left -= 1;
    this.#checkCount();
  }

  /** Bytes up to `stop` must be there. */
  protected require(stop: number): void {
    if (stop > this.end) throw new MalformedData(`${this.#kind} element beyond its end`);
  }

  #checkCount(): void {
    const left = this.#left;
    if (left < 0 || (left > 0 && left !== Infinity && !this.hasNext))
      throw new MalformedData(`${this.#kind} count contradicts its elements`);
  }
}
