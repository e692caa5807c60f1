import { MalformedData } from '../rdb-error.ts';
import { int64Text } from './integer-text.ts';
import { PackedList } from './packed-list.ts';

const LAYOUT = { headerBytes: 10, countAt: 8 };
const BIG_PREVIOUS = 254;
const END = 255;

/** Reads a ziplist: bytes, tail, count, then `prevlen encoding data` for each element (`src/ziplist.c`). */
export class ZiplistReader extends PackedList {
  #previousSize = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    super('ziplist', bytes, start, end, LAYOUT);
  }

  next(): string {
    const start = this.at;
    const at = this.#skipPreviousLength(start);
    this.require(at + 1);
    const first = this.bytes[at] as number;
    const text = first < 0xc0 ? this.#readText(at, first) : this.#readInteger(at, first);
    this.#previousSize = this.at - start;
    this.countElement();
    return text;
  }

  #skipPreviousLength(at: number): number {
    if (at >= this.end) throw new MalformedData('ziplist ends early');
    const first = this.bytes[at] as number;
    const isBig = first === BIG_PREVIOUS;
    if (first === END) throw new MalformedData('ziplist ends early');
    if (isBig) this.require(at + 5);
    const size = isBig ? this.bytes.readUInt32LE(at + 1) : first;
    if (size !== this.#previousSize) throw new MalformedData('ziplist back length contradicts the element');
    return at + (isBig ? 5 : 1);
  }

  #readText(at: number, first: number): string {
    let start = at + 1;
    let length = first & 63;
    if (first >= 0x80) {
      this.require(at + 5);
      start = at + 5;
      length = this.bytes.readUInt32BE(at + 1);
    } else if (first >= 0x40) {
      this.require(at + 2);
      start = at + 2;
      length = (length << 8) | (this.bytes[at + 1] as number);
    }
    this.require(start + length);
    this.at = start + length;
    return this.bytes.latin1Slice(start, start + length);
  }

  #readInteger(at: number, first: number): string {
    if (first >= 0xf1 && first <= 0xfd) {
      this.at = at + 1;
      return String((first & 15) - 1);
    }
    const width = INTEGER_WIDTH.get(first);
    if (width === undefined) throw new MalformedData(`ziplist with an unknown encoding ${first}`);
    this.require(at + 1 + width);
    this.at = at + 1 + width;
    return width === 8 ? int64Text(this.bytes, at + 1) : String(this.bytes.readIntLE(at + 1, width));
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
