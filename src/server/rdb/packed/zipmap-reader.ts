import { MalformedData } from '../rdb-error.ts';
import type { PackedReader } from './packed-reader.ts';

const BIG_LENGTH = 254;
const END = 255;

/** Reads a zipmap, the small hash of Redis 2.4: `len key len free value …` (`src/zipmap.c`). */
export class ZipmapReader implements PackedReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #isValue = false;

  constructor(bytes: Buffer, start: number, end: number) {
    if (end - start < 2 || bytes[end - 1] !== END) throw new MalformedData('zipmap without an end marker');
    this.#bytes = bytes;
    this.#at = start + 1;
    this.#end = end - 1;
  }

  get hasNext(): boolean {
    return this.#at < this.#end;
  }

  next(): string {
    const length = this.#readLength();
    const free = this.#isValue ? (this.#bytes[this.#at++] ?? 0) : 0;
    this.#isValue = !this.#isValue;
    const start = this.#at;
    const stop = start + length;
    if (stop + free > this.#end) throw new MalformedData('zipmap entry beyond its end');
    this.#at = stop + free;
    return this.#bytes.latin1Slice(start, stop);
  }

  #readLength(): number {
    const first = this.#at < this.#end ? (this.#bytes[this.#at++] as number) : END;
    if (first < BIG_LENGTH) return first;
    if (first === END || this.#at + 4 > this.#end) throw new MalformedData('zipmap length is cut');
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }
}
