import { Crc64 } from './crc64.ts';
import { lzfCompress } from './lzf.ts';
import { OLDEST_VALKEY_VERSION, RDB_OPCODE, RDB_TYPE } from './rdb-format.ts';
import type { CollectionType } from './rdb-sink.ts';

const DEFAULT_CHUNK_BYTES = 64 * 1024;
const SMALL_COPY_BYTES = 48;
/** The checksum is taken of so much at a time, so that a slice of a save does not end with that of a whole piece. */
const CHECKSUM_BYTES = 2048;
const MAX_FIXED_BYTES = 32;
const NO_EXPIRY = -1;
/** Forms of a string that is not written as it is: in the place of a length's first byte. */
const ENCODED = { int8: 0xc0, int16: 0xc1, int32: 0xc2, lzf: 0xc3 };
const MAX_INTEGER_DIGITS = 11;
/** Shorter ones can't get shorter. */
const MIN_COMPRESSED_BYTES = 21;
/** Longer ones are written as they are: nothing forks here, and packing a megabyte takes some ten milliseconds. */
const MAX_COMPRESSED_BYTES = 64 * 1024;
const SCRATCH = Buffer.allocUnsafeSlow(MAX_COMPRESSED_BYTES);
const PACKED = Buffer.allocUnsafeSlow(MAX_COMPRESSED_BYTES);

/**
 * Version in the header. 9 is loaded by Redis 6.0 to 8 and Valkey 7.2 to 9; 10 (Redis ≥ 7.0) adds functions and a
 * stream's counters, 11 (≥ 7.2) the active time of consumers, 12 (≥ 7.4) hash fields with a time to live, for which
 * Valkey (≥ 9) has 80 and loads no 12.
 */
export type WriterVersion = 9 | 10 | 11 | 12 | 80;

export interface RdbWriterOptions {
  readonly version?: WriterVersion;
  /** Write a checksum instead of zeroes; true by default, config rdbchecksum. */
  readonly checksum?: boolean;
  /** Pack strings that get shorter by it; false by default, config rdbcompression. */
  readonly compresses?: boolean;
  /** Size of the pieces handed out; 64 KiB by default. */
  readonly chunkBytes?: number;
}

export interface KeyRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Type bytes of the plain forms, which every reader knows. Streams have a method of their own. */
const PLAIN_TYPE: Readonly<Record<Exclude<CollectionType, 'stream'>, number>> = {
  list: RDB_TYPE.list,
  set: RDB_TYPE.set,
  zset: RDB_TYPE.zset,
  hash: RDB_TYPE.hash,
};

/**
 * Takes a piece of the file, which is the receiver's until it calls `giveBack`, or for good if it never does. Pieces
 * given back are written again: memory outside V8's heap for each of them would call for a whole collection of
 * garbage several times a save, and clients wait for those.
 */
export type EmitPiece = (piece: Buffer, giveBack: () => void) => void;

/**
 * Writes an RDB of plain types, which no reader refuses.
 *
 * It neither waits nor buffers more than one piece: who calls it watches what happens to the pieces.
 */
export class RdbWriter {
  readonly version: WriterVersion;
  readonly #emit: EmitPiece;
  readonly #chunkBytes: number;
  readonly #compresses: boolean;
  readonly #crc: Crc64 | undefined;
  readonly #spare: Buffer[] = [];
  #buffer: Buffer;
  #at = 0;
  /** Where the bytes of the buffer begin that the checksum has not seen. */
  #checkedTo = 0;
  #emittedBytes = 0;
  #earliestMs = 0;

  constructor(emit: EmitPiece, options: RdbWriterOptions = {}) {
    this.version = options.version ?? 9;
    this.#emit = emit;
    this.#chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
    this.#compresses = options.compresses ?? false;
    this.#crc = (options.checksum ?? true) ? new Crc64() : undefined;
    this.#buffer = Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  /** Bytes written so far, handed out or not. */
  get bytesWritten(): number {
    return this.#emittedBytes + this.#at;
  }

  header(): void {
    const { version } = this;
    const isValkey = version >= OLDEST_VALKEY_VERSION;
    this.#latin1(isValkey ? `VALKEY0${version}` : `REDIS${String(version).padStart(4, '0')}`);
  }

  aux(name: string, value: string): void {
    this.byte(RDB_OPCODE.aux);
    this.text(name);
    this.text(value);
  }

  /** May come as often as the database changes. */
  selectDb(index: number): void {
    this.byte(RDB_OPCODE.selectDb);
    this.length(index);
  }

  /** Hints for the reader's tables. */
  resizeDb(keys: number, expires: number): void {
    this.byte(RDB_OPCODE.resizeDb);
    this.length(keys);
    this.length(expires);
  }

  /** Only for version 10 and later. */
  functionLibrary(code: string): void {
    this.byte(RDB_OPCODE.function2);
    this.text(code);
  }

  /** A whole string key, the hot path of a sync. `expireAtMs` is -1 for none. */
  string(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expireAtMs: number,
  ): void {
    this.keyHeader(RDB_TYPE.string, expireAtMs);
    this.range(key, keyStart, keyEnd);
    this.range(value, valueStart, valueEnd);
  }

  /** A collection's head; exactly `count` elements have to follow. `key` is left out in DUMP payloads. */
  begin(
    type: Exclude<CollectionType, 'stream'>,
    count: number,
    key: KeyRange | undefined,
    expireAtMs: number,
  ): void {
    this.keyHeader(PLAIN_TYPE[type], expireAtMs);
    if (key !== undefined) this.range(key.bytes, key.start, key.end);
    this.length(count);
  }

  /**
   * The head of a hash with fields that expire, the earliest at `earliestMs`; `count` calls of `expiringField` have to
   * follow. Only for version 12 and later.
   */
  beginExpiring(count: number, earliestMs: number, key: KeyRange | undefined, expireAtMs: number): void {
    const isValkey = this.version >= OLDEST_VALKEY_VERSION;
    this.#earliestMs = earliestMs;
    this.keyHeader(isValkey ? RDB_TYPE.hashFieldExpiryValkey : RDB_TYPE.hashFieldExpiry, expireAtMs);
    if (key !== undefined) this.range(key.bytes, key.start, key.end);
    if (!isValkey) this.int64(earliestMs);
    this.length(count);
  }

  /** `expireAtMs` is Unix time, -1 for none. */
  expiringField(field: string, value: string, expireAtMs: number): void {
    const isValkey = this.version >= OLDEST_VALKEY_VERSION;
    if (!isValkey) this.length(expireAtMs < 0 ? 0 : expireAtMs - this.#earliestMs + 1);
    this.text(field);
    this.text(value);
    if (isValkey) this.int64(expireAtMs);
  }

  /** One element of a list or set, and each half of a hash's pair. */
  text(text: string): void {
    const { length } = text;
    if (length <= MAX_INTEGER_DIGITS && mayBeInteger(text.charCodeAt(0)) && this.#integer(text)) return;
    if (length >= MIN_COMPRESSED_BYTES && length <= MAX_COMPRESSED_BYTES && this.#compresses) {
      SCRATCH.latin1Write(text, 0, length);
      if (this.#compressed(SCRATCH, 0, length)) return;
    }
    this.length(length);
    this.#latin1(text);
  }

  member(member: string, score: number): void {
    this.text(member);
    this.#reserve(8);
    this.#at = this.#buffer.writeDoubleLE(score, this.#at);
  }

  keyHeader(type: number, expireAtMs: number): void {
    if (this.#at - this.#checkedTo >= CHECKSUM_BYTES) this.#checksum();
    if (expireAtMs !== NO_EXPIRY) {
      this.byte(RDB_OPCODE.expireTimeMs);
      this.int64(expireAtMs);
    }
    this.byte(type);
  }

  /** A string in the shortest form (rdbSaveRawString in rdb.c). */
  range(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= MAX_INTEGER_DIGITS) {
      if (mayBeInteger(bytes[start]) && this.#integer(latin1(bytes, start, end))) return;
    } else if (length >= MIN_COMPRESSED_BYTES && this.#compresses && length <= MAX_COMPRESSED_BYTES) {
      if (this.#compressed(bytes, start, end)) return;
    }
    this.length(length);
    this.raw(bytes, start, end);
  }

  #compressed(bytes: Uint8Array, start: number, end: number): boolean {
    const size = lzfCompress(bytes, start, end, PACKED, end - start - 4);
    if (size === 0) return false;
    this.byte(ENCODED.lzf);
    this.length(size);
    this.length(end - start);
    this.raw(PACKED, 0, size);
    return true;
  }

  /** A number of up to 32 bits, if the text is one and nothing else. */
  #integer(text: string): boolean {
    const value = Number(text) | 0;
    if (String(value) !== text) return false;
    this.#reserve(MAX_FIXED_BYTES);
    const buffer = this.#buffer;
    if (value >= -0x80 && value < 0x80) {
      buffer[this.#at++] = ENCODED.int8;
      this.#at = buffer.writeInt8(value, this.#at);
    } else if (value >= -0x8000 && value < 0x8000) {
      buffer[this.#at++] = ENCODED.int16;
      this.#at = buffer.writeInt16LE(value, this.#at);
    } else {
      buffer[this.#at++] = ENCODED.int32;
      this.#at = buffer.writeInt32LE(value, this.#at);
    }
    return true;
  }

  raw(bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    if (end - start <= SMALL_COPY_BYTES && this.#at + SMALL_COPY_BYTES <= this.#chunkBytes) {
      const buffer = this.#buffer;
      let at = this.#at;
      while (from < end) buffer[at++] = bytes[from++] as number;
      this.#at = at;
      return;
    }
    while (from < end) {
      this.#reserve(1);
      const to = Math.min(end, from + this.#chunkBytes - this.#at);
      this.#buffer.set(bytes.subarray(from, to), this.#at);
      this.#at += to - from;
      from = to;
    }
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  int64(value: number): void {
    this.#reserve(8);
    this.#buffer.writeInt32LE(value | 0, this.#at);
    this.#buffer.writeInt32LE(Math.floor(value / 0x100000000), this.#at + 4);
    this.#at += 8;
  }

  length(length: number): void {
    this.#reserve(MAX_FIXED_BYTES);
    const buffer = this.#buffer;
    if (length < 64) {
      buffer[this.#at++] = length;
    } else if (length < 16_384) {
      buffer[this.#at++] = 0x40 | (length >>> 8);
      buffer[this.#at++] = length & 255;
    } else if (length < 0x100000000) {
      buffer[this.#at++] = 0x80;
      this.#at = buffer.writeUInt32BE(length, this.#at);
    } else {
      this.length64(Math.floor(length / 0x100000000), length >>> 0);
    }
  }

  /** A number of 64 unsigned bits, given as halves. */
  length64(high: number, low: number): void {
    if (high === 0) {
      this.length(low);
      return;
    }
    this.#reserve(MAX_FIXED_BYTES);
    this.#buffer[this.#at++] = 0x81;
    this.#at = this.#buffer.writeUInt32BE(high, this.#at);
    this.#at = this.#buffer.writeUInt32BE(low, this.#at);
  }

  /** Ends the file and hands out the rest. */
  end(): void {
    this.byte(RDB_OPCODE.eof);
    this.flush();
    const trailer = Buffer.alloc(8);
    this.#crc?.writeTo(trailer, 0);
    this.#emittedBytes += trailer.length;
    this.#emit(trailer, keep);
  }

  /** Hands out what is there. */
  flush(): void {
    if (this.#at === 0) return;
    const written = this.#buffer;
    const piece = written.subarray(0, this.#at);
    this.#checksum();
    this.#checkedTo = 0;
    this.#emittedBytes += this.#at;
    this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
    this.#at = 0;
    this.#emit(piece, () => this.#spare.push(written));
  }

  #checksum(): void {
    this.#crc?.update(this.#buffer, this.#checkedTo, this.#at);
    this.#checkedTo = this.#at;
  }

  #latin1(text: string): void {
    const length = text.length;
    if (this.#at + length <= this.#chunkBytes) {
      this.#at += this.#buffer.latin1Write(text, this.#at, length);
      return;
    }
    for (let from = 0; from < length;) {
      this.#reserve(1);
      const to = Math.min(length, from + this.#chunkBytes - this.#at);
      this.#at += this.#buffer.latin1Write(text.slice(from, to), this.#at);
      from = to;
    }
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#chunkBytes) this.flush();
  }
}

/** The end of the file is not written again. */
function keep(): void {}

function mayBeInteger(first: number | undefined): boolean {
  return first !== undefined && ((first >= 0x30 && first <= 0x39) || first === 0x2d);
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at] as number);
  return text;
}
