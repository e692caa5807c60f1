import { MalformedData } from '../rdb-error.ts';
import { int64Text } from './integer-text.ts';
import type { PackedReader } from './packed-reader.ts';

const HEADER_BYTES = 10;
const COUNT_UNKNOWN = 0xffff;
const BIG_PREVIOUS = 254;
const END = 255;

/** Reads a ziplist: bytes, tail, count, then `prevlen encoding data` for each element (`src/ziplist.c`). */
export class ZiplistReader implements PackedReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #left: number;
  #previousSize = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    if (end - start < HEADER_BYTES + 1) throw new MalformedData('ziplist is cut');
    if (bytes.readUInt32LE(start) !== end - start)
      throw new MalformedData('ziplist size contradicts its header');
    if (bytes[end - 1] !== END) throw new MalformedData('ziplist without an end marker');
    const count = bytes.readUInt16LE(start + 8);
    this.#bytes = bytes;
    this.#at = start + HEADER_BYTES;
    this.#end = end - 1;
    this.#left = count === COUNT_UNKNOWN ? Number.POSITIVE_INFINITY : count;
    if (!this.hasNext && this.#left !== Number.POSITIVE_INFINITY && this.#left > 0) this.#refuseCount();
  }

  get hasNext(): boolean {
    return this.#at < this.#end;
  }

  next(): string {
    const start = this.#at;
    const at = this.#skipPreviousLength(start);
    this.#require(at + 1);
    const first = this.#bytes[at] as number;
    const text = first < 0xc0 ? this.#readText(at, first) : this.#readInteger(at, first);
    this.#previousSize = this.#at - start;
    this.#left--;
    if (this.#left < 0 || (this.#left > 0 && this.#left !== Number.POSITIVE_INFINITY && !this.hasNext)) {
      this.#refuseCount();
    }
    return text;
  }

  #skipPreviousLength(at: number): number {
    if (at >= this.#end) throw new MalformedData('ziplist ends early');
    const first = this.#bytes[at] as number;
    const isBig = first === BIG_PREVIOUS;
    if (first === END) throw new MalformedData('ziplist ends early');
    if (isBig) this.#require(at + 5);
    const size = isBig ? this.#bytes.readUInt32LE(at + 1) : first;
    if (size !== this.#previousSize) throw new MalformedData('ziplist back length contradicts the element');
    return at + (isBig ? 5 : 1);
  }

  #readText(at: number, first: number): string {
    let start = at + 1;
    let length = first & 63;
    if (first >= 0x80) {
      this.#require(at + 5);
      start = at + 5;
      length = this.#bytes.readUInt32BE(at + 1);
    } else if (first >= 0x40) {
      this.#require(at + 2);
      start = at + 2;
      length = (length << 8) | (this.#bytes[at + 1] as number);
    }
    this.#require(start + length);
    this.#at = start + length;
    return this.#bytes.latin1Slice(start, start + length);
  }

  #readInteger(at: number, first: number): string {
    if (first >= 0xf1 && first <= 0xfd) {
      this.#at = at + 1;
      return String((first & 15) - 1);
    }
    const width = INTEGER_WIDTH.get(first);
    if (width === undefined) throw new MalformedData(`ziplist with an unknown encoding ${first}`);
    this.#require(at + 1 + width);
    this.#at = at + 1 + width;
    return width === 8 ? int64Text(this.#bytes, at + 1) : String(this.#bytes.readIntLE(at + 1, width));
  }

  #require(stop: number): void {
    if (stop > this.#end) throw new MalformedData('ziplist element beyond its end');
  }

  #refuseCount(): never {
    throw new MalformedData('ziplist count contradicts its elements');
  }
}

/** Encoding byte → bytes of the little-endian integer that follows. */
const INTEGER_WIDTH: ReadonlyMap<number, number> = new Map([
  [0xc0, 2],
  [0xd0, 4],
  [0xe0, 8],
  [0xf0, 3],
  [0xfe, 1],
]);
