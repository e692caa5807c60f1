import { formatDouble } from './double.ts';
import { writeInteger } from './integer.ts';

const INITIAL_BYTES = 16 * 1024;
/** What a buffer grows to first; larger ones are made to measure. */
const LARGE_BYTES = 128 * 1024;
const MAX_POOLED = { initial: 64, large: 8 };
const LOOP_COPY_BYTES = 64;
/** Longer strings are written by a native call, which costs as much as so many characters. */
const LOOP_WRITE_CHARS = 64;
const CR = 13;
const LF = 10;

/** Buffers that are free to be taken. */
export class ReplyBuffers {
  readonly initial: Buffer[] = [];
  readonly large: Buffer[] = [];
}

/**
 * Writes replies into a buffer that grows, in RESP2 or RESP3 according to `version`.
 *
 * The buffer is taken from a pool at the first byte and given back after `flush`, so an idle client holds none.
 */
export class ReplyWriter {
  /** 2 or 3, as HELLO chose. */
  version: 2 | 3 = 2;
  buf: Buffer = EMPTY;
  length = 0;
  private readonly pool: ReplyBuffers;

  constructor(pool = new ReplyBuffers()) {
    this.pool = pool;
  }

  /** Whether it has outgrown the buffer that any short reply takes. */
  get isLarge(): boolean {
    return this.buf.length > INITIAL_BYTES;
  }

  /** Bytes held for these replies, beyond what any short one takes from the pool for a moment. */
  get heldBytes(): number {
    return this.isLarge ? this.buf.length : 0;
  }

  // ---- replies ----------------------------------------------------------------------------------------------------

  ok(): void {
    this.latin1('+OK\r\n');
  }

  /** `+text`; the text must not hold line breaks. */
  simple(text: string): void {
    this.latin1(`+${text}\r\n`);
  }

  /** `-text`, the text beginning with the code word; line breaks become spaces. */
  error(text: string): void {
    this.latin1(`-${text.replace(/[\r\n]+$/, '').replace(/[\r\n]/g, ' ')}\r\n`);
  }

  int(value: number | bigint): void {
    if (typeof value === 'number') this.header(0x3a, value);
    else this.latin1(`:${value}\r\n`);
  }

  bool(value: boolean): void {
    if (this.version === 3) this.latin1(value ? '#t\r\n' : '#f\r\n');
    else this.header(0x3a, value ? 1 : 0);
  }

  /** A bulk string with the bytes `buf[start, end)`. */
  bulk(buf: Uint8Array, start = 0, end: number = buf.length): void {
    const size = end - start;
    this.header(0x24, size);
    this.reserve(size + 2);
    const target = this.buf;
    let at = this.length;
    if (size <= LOOP_COPY_BYTES) {
      for (let from = start; from < end; from += 1) target[at++] = buf[from]!;
    } else {
      target.set(buf.subarray(start, end), at);
      at += size;
    }
    target[at] = CR;
    target[at + 1] = LF;
    this.length = at + 2;
  }

  /** A bulk string given as a binary string, one byte per char. */
  bulkString(text: string): void {
    const size = text.length;
    this.header(0x24, size);
    this.reserve(size + 2);
    if (size <= LOOP_WRITE_CHARS) {
      let at = this.length;
      for (let i = 0; i < size; i += 1) this.buf[at++] = text.charCodeAt(i);
      this.length = at;
    } else {
      this.length += this.buf.latin1Write(text, this.length);
    }
    this.buf[this.length] = CR;
    this.buf[this.length + 1] = LF;
    this.length += 2;
  }

  /** A bulk string of a JavaScript text, as UTF-8. */
  bulkText(text: string): void {
    this.bulk(Buffer.from(text, 'utf8'));
  }

  /** A number as a bulk string (not as a RESP3 double). */
  bulkInt(value: number | bigint): void {
    this.bulkString(String(value));
  }

  /** RESP3 double, RESP2 bulk string. */
  double(value: number): void {
    const text = formatDouble(value);
    if (this.version === 3) this.latin1(`,${text}\r\n`);
    else this.bulkString(text);
  }

  /** RESP3 big number, RESP2 bulk string. */
  bigNumber(digits: string): void {
    if (this.version === 3) this.latin1(`(${digits}\r\n`);
    else this.bulkString(digits);
  }

  /** RESP3 verbatim string of a three-letter format, RESP2 bulk string. The text is UTF-8. */
  verbatim(text: string, format = 'txt'): void {
    if (this.version === 2) {
      this.bulkText(text);
      return;
    }
    const body = Buffer.from(text, 'utf8');
    this.latin1(`=${body.length + 4}\r\n${format}:`);
    this.raw(body, 0, body.length);
    this.latin1('\r\n');
  }

  /** RESP3 `_`, RESP2 null bulk. */
  nil(): void {
    this.latin1(this.version === 3 ? '_\r\n' : '$-1\r\n');
  }

  /** RESP3 `_`, RESP2 null array. */
  nilArray(): void {
    this.latin1(this.version === 3 ? '_\r\n' : '*-1\r\n');
  }

  arrayHeader(count: number): void {
    this.header(0x2a, count);
  }

  /** RESP3 map of `pairs` pairs, RESP2 flat array. */
  mapHeader(pairs: number): void {
    if (this.version === 3) this.header(0x25, pairs);
    else this.header(0x2a, pairs * 2);
  }

  /** RESP3 set, RESP2 array. */
  setHeader(count: number): void {
    this.header(this.version === 3 ? 0x7e : 0x2a, count);
  }

  /** RESP3 push, RESP2 array (out-of-band data that RESP2 clients get too, as pub/sub messages). */
  pushHeader(count: number): void {
    this.header(this.version === 3 ? 0x3e : 0x2a, count);
  }

  /** RESP3 attribute of `pairs` pairs before a reply; nothing may be written for it in RESP2. */
  attributeHeader(pairs: number): void {
    this.header(0x7c, pairs);
  }

  /** An array of bulk strings. */
  bulkStrings(texts: readonly string[]): void {
    this.arrayHeader(texts.length);
    for (const text of texts) this.bulkString(text);
  }

  /** Several simple strings in an array, as HELP replies are. */
  lines(texts: readonly string[]): void {
    this.arrayHeader(texts.length);
    for (const text of texts) this.simple(text);
  }

  /**
   * Inserts an array (or map, set) header before everything written since `mark` (a `length` noted earlier), for
   * replies whose count is known at the end.
   */
  insertHeader(mark: number, kind: 'array' | 'map' | 'set', count: number): void {
    const end = this.length;
    if (kind === 'array') this.arrayHeader(count);
    else if (kind === 'map') this.mapHeader(count);
    else this.setHeader(count);
    const header = Buffer.from(this.buf.subarray(end, this.length));
    this.buf.copyWithin(mark + header.length, mark, end);
    this.buf.set(header, mark);
  }

  // ---- bytes ------------------------------------------------------------------------------------------------------

  /** Bytes of RESP made elsewhere. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.reserve(size);
    const target = this.buf;
    const { length } = this;
    if (size > LOOP_COPY_BYTES) target.set(bytes.subarray(start, end), length);
    else for (let i = 0; i < size; i += 1) target[length + i] = bytes[start + i]!;
    this.length = length + size;
  }

  latin1(text: string): void {
    const size = text.length;
    this.reserve(size);
    if (size > LOOP_WRITE_CHARS) {
      this.length += this.buf.latin1Write(text, this.length);
      return;
    }
    const buf = this.buf;
    let at = this.length;
    for (let i = 0; i < size; i += 1) buf[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Drops what was written after `mark`. */
  truncate(mark: number): void {
    this.length = mark;
  }

  /** A copy of what was written since `mark`. */
  bytesSince(mark: number): Buffer {
    return Buffer.from(this.buf.subarray(mark, this.length));
  }

  /** Gives the buffer back (or away: then someone else owns it) and starts empty. */
  release(isGivenAway: boolean): void {
    const { buf, pool } = this;
    if (!isGivenAway) {
      if (buf.length === INITIAL_BYTES && pool.initial.length < MAX_POOLED.initial) pool.initial.push(buf);
      else if (buf.length === LARGE_BYTES && pool.large.length < MAX_POOLED.large) pool.large.push(buf);
    }
    this.buf = EMPTY;
    this.length = 0;
  }

  private header(kind: number, value: number): void {
    this.reserve(24);
    const buf = this.buf;
    let at = this.length;
    buf[at++] = kind;
    if (value >= 0 && value < 10) buf[at++] = 0x30 + value;
    else at = writeInteger(buf, at, value);
    buf[at++] = CR;
    buf[at++] = LF;
    this.length = at;
  }

  private reserve(bytes: number): void {
    const need = this.length + bytes;
    if (need > this.buf.length) this.grow(need);
  }

  private grow(need: number): void {
    const { buf, pool, length } = this;
    if (buf.length === 0 && need <= INITIAL_BYTES) {
      this.buf = pool.initial.pop() ?? Buffer.allocUnsafeSlow(INITIAL_BYTES);
      return;
    }
    const larger =
      need <= LARGE_BYTES
        ? (pool.large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES))
        : Buffer.allocUnsafeSlow(Math.max(need, buf.length * 2));
    larger.set(buf.subarray(0, length));
    this.release(false);
    this.buf = larger;
    this.length = length;
  }
}

const EMPTY = Buffer.alloc(0);
