import { MalformedData } from '../rdb-error.ts';
import { int64Text } from './integer-text.ts';
import type { PackedReader } from './packed-reader.ts';

const HEADER_BYTES = 8;

/** Reads an intset: element width, count, then sorted little-endian integers (`src/intset.c`). */
export class IntsetReader implements PackedReader {
  readonly #bytes: Buffer;
  readonly #width: number;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    if (end - start < HEADER_BYTES) throw new MalformedData('intset is cut');
    this.#bytes = bytes;
    this.#width = bytes.readUInt32LE(start);
    if (this.#width !== 2 && this.#width !== 4 && this.#width !== 8) {
      throw new MalformedData(`intset with elements of ${this.#width} bytes`);
    }
    if (HEADER_BYTES + bytes.readUInt32LE(start + 4) * this.#width !== end - start) {
      throw new MalformedData('intset count contradicts its size');
    }
    this.#at = start + HEADER_BYTES;
    this.#end = end;
  }

  get hasNext(): boolean {
    return this.#at < this.#end;
  }

  next(): string {
    const at = this.#at;
    this.#at += this.#width;
    if (this.#width === 2) return String(this.#bytes.readInt16LE(at));
    if (this.#width === 4) return String(this.#bytes.readInt32LE(at));
    return int64Text(this.#bytes, at);
  }
}
