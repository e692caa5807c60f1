import { MalformedData } from '../rdb-error.ts';
import { int64Text } from './integer-text.ts';
import type { PackedReader } from './packed-reader.ts';

const HEADER_BYTES = 6;
const COUNT_UNKNOWN = 0xffff;
const END = 255;

/** Bytes that the back length of an element of `size` bytes takes; the odd bounds are those of `lpEncodeBacklen`. */
export function backLengthBytes(size: number): number {
  return size <= 127 ? 1 : size < 16_383 ? 2 : size < 2_097_151 ? 3 : size < 268_435_455 ? 4 : 5;
}

/** Reads a listpack: total bytes, count, then `encoding data backlen` for each element (`src/listpack.c`). */
export class ListpackReader implements PackedReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #left: number;

  constructor(bytes: Buffer, start: number, end: number) {
    if (end - start < HEADER_BYTES + 1) throw new MalformedData('listpack is cut');
    if (bytes.readUInt32LE(start) !== end - start)
      throw new MalformedData('listpack size contradicts its header');
    if (bytes[end - 1] !== END) throw new MalformedData('listpack without an end marker');
    const count = bytes.readUInt16LE(start + 4);
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
    const bytes = this.#bytes;
    const at = this.#at;
    if (at >= this.#end) throw new MalformedData('listpack ends early');
    const first = bytes[at] as number;
    let text: string;
    let size: number;
    if (first < 0x80) {
      size = 1;
      text = String(first);
    } else if (first < 0xc0) {
      size = 1 + (first & 63);
      text = this.#text(at + 1, at + size);
    } else if (first < 0xe0) {
      size = 2;
      text = String((((first & 31) << 27) >> 19) | this.#byte(at + 1));
    } else if (first < 0xf0) {
      size = 2 + (((first & 15) << 8) | this.#byte(at + 1));
      text = this.#text(at + 2, at + size);
    } else if (first === 0xf0) {
      this.#require(at + 5);
      size = 5 + bytes.readUInt32LE(at + 1);
      text = this.#text(at + 5, at + size);
    } else if (first <= 0xf3) {
      size = first - 0xf1 + 3;
      this.#require(at + size);
      text = String(bytes.readIntLE(at + 1, size - 1));
    } else if (first === 0xf4) {
      size = 9;
      this.#require(at + size);
      text = int64Text(bytes, at + 1);
    } else {
      throw new MalformedData(`listpack with an unknown encoding ${first}`);
    }
    this.#at = this.#checkBackLength(at + size, size);
    this.#left--;
    if (this.#left < 0 || (this.#left > 0 && this.#left !== Number.POSITIVE_INFINITY && !this.hasNext)) {
      this.#refuseCount();
    }
    return text;
  }

  /** The next element as an integer; for the counters inside streams, which are small. */
  nextInteger(): number {
    const value = Number(this.next());
    if (!Number.isSafeInteger(value)) throw new MalformedData('listpack element is not an integer');
    return value;
  }

  #refuseCount(): never {
    throw new MalformedData('listpack count contradicts its elements');
  }

  #byte(at: number): number {
    this.#require(at + 1);
    return this.#bytes[at] as number;
  }

  #text(start: number, stop: number): string {
    this.#require(stop);
    return this.#bytes.latin1Slice(start, stop);
  }

  #require(stop: number): void {
    if (stop > this.#end) throw new MalformedData('listpack element beyond its end');
  }

  /** The element's size follows it, seven bits a byte, the most significant first, all but the first with the top bit. */
  #checkBackLength(at: number, size: number): number {
    const width = backLengthBytes(size);
    this.#require(at + width);
    let value = 0;
    for (let i = 0; i < width; i++) {
      const byte = this.#bytes[at + i] as number;
      if ((byte & 128) === 0 && i > 0) throw new MalformedData('listpack back length is malformed');
      value = value * 128 + (byte & 127);
    }
    if (value !== size) throw new MalformedData('listpack back length contradicts the element');
    return at + width;
  }
}
