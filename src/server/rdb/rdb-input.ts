import { lzfDecompress } from './lzf.ts';
import { MalformedData } from './rdb-error.ts';

const EMPTY = Buffer.alloc(0);
const TWO_POW_32 = 0x100000000;

const ENCODING_INT8 = 0;
const ENCODING_INT16 = 1;
const ENCODING_INT32 = 2;
const ENCODING_LZF = 3;
const NOT_ENCODED = -1;

/**
 * The bytes of an RDB as they arrive, in pieces of any size.
 *
 * Every `read…` either consumes its item, leaves the result in the fields below and answers true, or consumes nothing
 * and answers false: then more bytes are needed. So a caller is `while (!input.readString()) yield;`.
 * No garbage is made for strings that lie in one piece as they are; nothing is ever allocated by a length that is
 * only announced.
 */
export class RdbInput {
  /** Result of `readByte`. */
  byte = 0;
  /** Result of `readLength` and `readInt64`: the value, and its exact halves. */
  value = 0;
  high = 0;
  low = 0;
  /** Result of `readDouble`. */
  double = 0;
  /** Result of `readString` and `readBytes`: a range that is valid until the next read. */
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;

  /** Offset in the file of the first byte not consumed. */
  get offset(): number {
    return this.#base + this.#at;
  }

  readonly #maxStringBytes: number;
  readonly #scratch = [Buffer.alloc(16), Buffer.alloc(16)] as const;
  #scratchIndex = 0;
  #buffer: Buffer = EMPTY;
  #at = 0;
  #base = 0;
  #encoding = NOT_ENCODED;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Bytes from `#at` on without which it makes no sense to try again. */
  #need = 0;

  constructor(maxStringBytes: number) {
    this.#maxStringBytes = maxStringBytes;
  }

  /** Takes a piece; answers whether it is worth to go on reading. The piece must not be changed afterwards. */
  push(piece: Buffer): boolean {
    const rest = this.#buffer.length - this.#at;
    if (rest === 0 && this.#waitingBytes === 0 && piece.length >= this.#need) {
      this.#replaceBuffer(piece);
      return true;
    }
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (rest + this.#waitingBytes < this.#need) return false;
    this.#replaceBuffer(Buffer.concat([this.#buffer.subarray(this.#at), ...this.#waiting]));
    this.#waiting = [];
    this.#waitingBytes = 0;
    return true;
  }

  /** Bytes taken but not consumed. */
  get unconsumedBytes(): number {
    return this.#buffer.length - this.#at + this.#waitingBytes;
  }

  /** The bytes between two positions that `position` gave since the last `push`. */
  slice(from: number, to: number): Buffer {
    return this.#buffer.subarray(from, to);
  }

  /** A mark to `rewind` to, valid until the next `push`. */
  get position(): number {
    return this.#at;
  }

  /** Un-consumes what was read since the mark, for items that only make sense as a whole. Answers false. */
  rewind(mark: number): false {
    this.#need += this.#at - mark;
    this.#at = mark;
    return false;
  }

  readByte(): boolean {
    if (this.#at >= this.#buffer.length) return this.#lack(1);
    this.byte = this.#buffer[this.#at++] as number;
    return true;
  }

  readBytes(count: number): boolean {
    if (this.#at + count > this.#buffer.length) return this.#lack(count);
    this.bytes = this.#buffer;
    this.start = this.#at;
    this.#at += count;
    this.end = this.#at;
    return true;
  }

  /** A plain length or number. */
  readLength(): boolean {
    const mark = this.#at;
    if (!this.#readLengthOrEncoding()) return false;
    if (this.#encoding === NOT_ENCODED) return true;
    this.#at = mark;
    throw new MalformedData('a string encoding where a length belongs');
  }

  /** A little-endian signed integer, as times are stored. */
  readInt64(): boolean {
    if (!this.readBytes(8)) return false;
    this.low = this.#buffer.readUInt32LE(this.start);
    this.high = this.#buffer.readInt32LE(this.start + 4);
    this.value = this.high * TWO_POW_32 + this.low;
    return true;
  }

  readDouble(): boolean {
    if (!this.readBytes(8)) return false;
    this.double = this.#buffer.readDoubleLE(this.start);
    return true;
  }

  /** A string in any of its forms: plain, integer, LZF. */
  readString(): boolean {
    const mark = this.#at;
    if (!this.#readLengthOrEncoding()) return false;
    if (this.#encoding !== NOT_ENCODED) return this.#readEncodedString(mark);
    const length = this.value;
    if (length > this.#maxStringBytes) this.#refuseSize(length);
    return this.readBytes(length) || this.rewind(mark);
  }

  /** What `readString` left, as a binary string. */
  text(): string {
    return this.bytes.latin1Slice(this.start, this.end);
  }

  #readLengthOrEncoding(): boolean {
    const buffer = this.#buffer;
    const at = this.#at;
    if (at >= buffer.length) return this.#lack(1);
    const first = buffer[at] as number;
    this.#encoding = NOT_ENCODED;
    this.high = 0;
    if (first < 0x40) {
      this.#at = at + 1;
      this.value = this.low = first;
    } else if (first < 0x80) {
      if (at + 2 > buffer.length) return this.#lack(2);
      this.#at = at + 2;
      this.value = this.low = ((first & 63) << 8) | (buffer[at + 1] as number);
    } else if (first === 0x80) {
      if (at + 5 > buffer.length) return this.#lack(5);
      this.#at = at + 5;
      this.value = this.low = buffer.readUInt32BE(at + 1);
    } else if (first === 0x81) {
      if (at + 9 > buffer.length) return this.#lack(9);
      this.#at = at + 9;
      this.high = buffer.readUInt32BE(at + 1);
      this.low = buffer.readUInt32BE(at + 5);
      this.value = this.high * TWO_POW_32 + this.low;
    } else if (first >= 0xc0) {
      this.#at = at + 1;
      this.#encoding = first & 63;
    } else {
      throw new MalformedData(`a length that starts with the unknown byte ${first}`);
    }
    return true;
  }

  #readEncodedString(mark: number): boolean {
    switch (this.#encoding) {
      case ENCODING_INT8:
        return this.readBytes(1) ? this.#integerText(1) : this.rewind(mark);
      case ENCODING_INT16:
        return this.readBytes(2) ? this.#integerText(2) : this.rewind(mark);
      case ENCODING_INT32:
        return this.readBytes(4) ? this.#integerText(4) : this.rewind(mark);
      case ENCODING_LZF:
        return this.#readLzf(mark);
      default:
        this.#at = mark;
        throw new MalformedData(`a string of the unknown encoding ${this.#encoding}`);
    }
  }

  /** Two scratch buffers in turn, so that a key and its value can both be integers. */
  #integerText(width: number): true {
    this.#scratchIndex ^= 1;
    const scratch = this.#scratch[this.#scratchIndex as 0 | 1];
    this.end = scratch.latin1Write(String(this.#buffer.readIntLE(this.start, width)), 0);
    this.start = 0;
    this.bytes = scratch;
    return true;
  }

  #readLzf(mark: number): boolean {
    if (!this.readLength()) return this.rewind(mark);
    const packed = this.value;
    if (!this.readLength()) return this.rewind(mark);
    const size = this.value;
    if (packed > this.#maxStringBytes) this.#refuseSize(packed);
    if (size > this.#maxStringBytes) this.#refuseSize(size);
    if (!this.readBytes(packed)) return this.rewind(mark);
    this.bytes = lzfDecompress(this.#buffer, this.start, this.end, size);
    this.start = 0;
    this.end = size;
    return true;
  }

  #refuseSize(size: number): never {
    throw new MalformedData(
      `a string of ${size} bytes, more than the ${this.#maxStringBytes} allowed`,
      'limit',
    );
  }

  #lack(count: number): false {
    this.#need = count;
    return false;
  }

  #replaceBuffer(buffer: Buffer): void {
    this.#base += this.#at;
    this.#buffer = buffer;
    this.#at = 0;
    this.#need = 0;
  }
}
