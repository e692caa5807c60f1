import { backLengthBytes } from './listpack-reader.ts';

const HEADER_BYTES = 6;
const COUNT_UNKNOWN = 0xffff;
const END = 255;
const MAX_OVERHEAD_BYTES = 16;

/** Builds one listpack. Integers are stored as integers, text as text even where it spells an integer. */
export class ListpackWriter {
  #bytes = Buffer.allocUnsafe(1024);
  #at = HEADER_BYTES;
  #count = 0;

  reset(): void {
    this.#at = HEADER_BYTES;
    this.#count = 0;
  }

  text(text: string): void {
    const length = text.length;
    this.#reserve(length + MAX_OVERHEAD_BYTES);
    const start = this.#at;
    const bytes = this.#bytes;
    if (length < 64) {
      bytes[this.#at++] = 0x80 | length;
    } else if (length < 4096) {
      bytes[this.#at++] = 0xe0 | (length >>> 8);
      bytes[this.#at++] = length & 255;
    } else {
      bytes[this.#at++] = 0xf0;
      this.#at = bytes.writeUInt32LE(length, this.#at);
    }
    bytes.latin1Write(text, this.#at, length);
    this.#at += length;
    this.#finish(start);
  }

  integer(value: number | bigint): void {
    this.#reserve(MAX_OVERHEAD_BYTES);
    const start = this.#at;
    const bytes = this.#bytes;
    if (value >= 0 && value <= 127) {
      bytes[this.#at++] = Number(value);
    } else if (value >= -0x80000000 && value <= 0x7fffffff) {
      bytes[this.#at++] = 0xf3;
      this.#at = bytes.writeInt32LE(Number(value), this.#at);
    } else {
      bytes[this.#at++] = 0xf4;
      this.#at = bytes.writeBigInt64LE(BigInt(value), this.#at);
    }
    this.#finish(start);
  }

  /** The finished listpack, valid until the next change. */
  finish(): Buffer {
    this.#reserve(1);
    this.#bytes[this.#at++] = END;
    this.#bytes.writeUInt32LE(this.#at, 0);
    this.#bytes.writeUInt16LE(Math.min(this.#count, COUNT_UNKNOWN), 4);
    return this.#bytes.subarray(0, this.#at);
  }

  #finish(start: number): void {
    const size = this.#at - start;
    const width = backLengthBytes(size);
    for (let i = width - 1; i >= 0; i--) {
      const part = Math.floor(size / 128 ** i) & 127;
      this.#bytes[this.#at++] = i === width - 1 ? part : part | 128;
    }
    this.#count++;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
