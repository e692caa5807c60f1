import { MalformedData } from '../rdb-error.ts';
import { int64Text } from './integer-text.ts';
import { PackedList } from './packed-list.ts';

const LAYOUT = { headerBytes: 6, countAt: 4 };

/** Bytes that the back length of an element of `size` bytes takes; the odd bounds are those of `lpEncodeBacklen`. */
export function backLengthBytes(size: number): number {
  return size <= 127 ? 1 : size < 16_383 ? 2 : size < 2_097_151 ? 3 : size < 268_435_455 ? 4 : 5;
}

/** Reads a listpack: total bytes, count, then `encoding data backlen` for each element (`src/listpack.c`). */
export class ListpackReader extends PackedList {
  constructor(bytes: Buffer, start: number, end: number) {
    super('listpack', bytes, start, end, LAYOUT);
  }

  next(): string {
    const bytes = this.bytes;
    const at = this.at;
    if (at >= this.end) throw new MalformedData('listpack ends early');
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
      this.require(at + 5);
      size = 5 + bytes.readUInt32LE(at + 1);
      text = this.#text(at + 5, at + size);
    } else if (first <= 0xf3) {
      size = first - 0xf1 + 3;
      this.require(at + size);
      text = String(bytes.readIntLE(at + 1, size - 1));
    } else if (first === 0xf4) {
      size = 9;
      this.require(at + size);
      text = int64Text(bytes, at + 1);
    } else {
      throw new MalformedData(`listpack with an unknown encoding ${first}`);
    }
    this.at = this.#checkBackLength(at + size, size);
    this.countElement();
    return text;
  }

  /** The next element as an integer; for the counters inside streams, which are small. */
  nextInteger(): number {
    const value = Number(this.next());
    if (!Number.isSafeInteger(value)) throw new MalformedData('listpack element is not an integer');
    return value;
  }

  #byte(at: number): number {
    this.require(at + 1);
    return this.bytes[at] as number;
  }

  #text(start: number, stop: number): string {
    this.require(stop);
    return this.bytes.latin1Slice(start, stop);
  }

  /** The element's size follows it, seven bits a byte, the most significant first, all but the first with the top bit. */
  #checkBackLength(at: number, size: number): number {
    const width = backLengthBytes(size);
    this.require(at + width);
    let value = 0;
    for (let i = 0; i < width; i++) {
      const byte = this.bytes[at + i] as number;
      if ((byte & 128) === 0 && i > 0) throw new MalformedData('listpack back length is malformed');
      value = value * 128 + (byte & 127);
    }
    if (value !== size) throw new MalformedData('listpack back length contradicts the element');
    return at + width;
  }
}
