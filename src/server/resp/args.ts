import { parseDouble } from './double.ts';
import { ERRORS } from './errors.ts';
import { parseInt64, parseInteger } from './integer.ts';
import type { ReplyError } from './reply-error.ts';

/**
 * The arguments of one command: byte ranges in a buffer that belongs to someone else. Index 0 is the command's name.
 *
 * The buffer is reused as soon as the handler returns; whoever keeps an argument keeps a copy (`bytes`, `string`) or
 * all of them (`copy`).
 */
export class Args {
  count = 0;
  buf: Buffer;
  /** Start of argument i at 2i, end at 2i + 1. */
  offsets: Int32Array;
  /** The request as it came, `buf[rawStart, rawEnd)`, when it is RESP (inline commands are not: rawEnd is 0). */
  rawStart = 0;
  rawEnd = 0;

  constructor(buf: Buffer = EMPTY, capacity = 16) {
    this.buf = buf;
    this.offsets = new Int32Array(capacity * 2);
  }

  /** Arguments made here: binary strings or bytes. They have a raw form, so they can be propagated as they are. */
  static of(values: readonly (string | Uint8Array)[]): Args {
    const parts: (string | Uint8Array)[] = [`*${values.length}\r\n`];
    let length = `*${values.length}\r\n`.length;
    const args = new Args(EMPTY, values.length);
    for (const value of values) {
      const header = `$${value.length}\r\n`;
      parts.push(header, value);
      args.push(length + header.length, length + header.length + value.length);
      length += header.length + value.length + 2;
    }
    const buf = Buffer.allocUnsafe(length);
    let at = 0;
    for (const [index, part] of parts.entries()) {
      if (typeof part === 'string') at += buf.latin1Write(part, at);
      else {
        buf.set(part, at);
        at += part.length;
      }
      if (index !== 0 && index % 2 === 0) at += buf.latin1Write('\r\n', at);
    }
    args.buf = buf;
    args.rawEnd = length;
    return args;
  }

  /** Appends a range; for parsers. */
  push(start: number, end: number): void {
    const at = this.count * 2;
    if (at + 2 > this.offsets.length) {
      const larger = new Int32Array(Math.max(32, this.offsets.length * 2));
      larger.set(this.offsets);
      this.offsets = larger;
    }
    this.offsets[at] = start;
    this.offsets[at + 1] = end;
    this.count += 1;
  }

  /** Bytes of all arguments together. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.count; i += 1) size += this.end(i) - this.start(i);
    return size;
  }

  start(i: number): number {
    return this.offsets[2 * i]!;
  }

  end(i: number): number {
    return this.offsets[2 * i + 1]!;
  }

  length(i: number): number {
    return this.offsets[2 * i + 1]! - this.offsets[2 * i]!;
  }

  /** Argument as a binary (latin1) string. */
  string(i: number): string {
    return this.buf.latin1Slice(this.offsets[2 * i], this.offsets[2 * i + 1]);
  }

  /** Argument as a copy of its bytes. */
  bytes(i: number): Buffer {
    return Buffer.from(this.buf.subarray(this.offsets[2 * i], this.offsets[2 * i + 1]));
  }

  /** Argument as a view, good until the handler returns. */
  view(i: number): Buffer {
    return this.buf.subarray(this.offsets[2 * i], this.offsets[2 * i + 1]);
  }

  /** Arguments from `from` on as binary strings. */
  strings(from = 0, to = this.count): string[] {
    const result: string[] = [];
    for (let i = from; i < to; i += 1) result.push(this.string(i));
    return result;
  }

  /** Whether the argument is `word` (given in upper case ASCII letters), in any case. */
  is(i: number, word: string): boolean {
    const start = this.offsets[2 * i]!;
    if (this.offsets[2 * i + 1]! - start !== word.length) return false;
    for (let at = 0; at < word.length; at += 1) {
      let byte = this.buf[start + at]!;
      if (byte >= 0x61 && byte <= 0x7a) byte -= 32;
      if (byte !== word.charCodeAt(at)) return false;
    }
    return true;
  }

  /** Argument in upper case, to switch over options. */
  upper(i: number): string {
    return this.string(i).toUpperCase();
  }

  /** A 64-bit integer, rounded beyond 2^53; throws `error` otherwise. */
  int(i: number, error: ReplyError = ERRORS.notInteger): number {
    const value = parseInteger(this.buf, this.offsets[2 * i]!, this.offsets[2 * i + 1]!);
    if (Number.isNaN(value)) throw error;
    return value;
  }

  /** An integer of 32 bits; throws `error`, when there is one, for all else (source: getIntFromObjectOrReply). */
  int32(i: number, error?: ReplyError): number {
    const value = this.int(i, error);
    if ((value | 0) !== value) throw error ?? ERRORS.beyondInt32;
    return value;
  }

  /** An integer of `min..max`; throws `error` otherwise. */
  intBetween(i: number, min: number, max: number, error: ReplyError = ERRORS.outOfRange): number {
    const value = this.int(i);
    if (value < min || value > max) throw error;
    return value;
  }

  /** A 64-bit integer, exact. */
  int64(i: number, error: ReplyError = ERRORS.notInteger): bigint {
    const value = parseInt64(this.buf, this.offsets[2 * i]!, this.offsets[2 * i + 1]!);
    if (value === undefined) throw error;
    return value;
  }

  /** A double, infinities included; throws `error` otherwise. */
  double(i: number, error: ReplyError = ERRORS.notFloat): number {
    // Most are integers, which need no string and no pattern.
    const integer = parseInteger(this.buf, this.offsets[2 * i]!, this.offsets[2 * i + 1]!);
    if (!Number.isNaN(integer)) return integer;
    const value = parseDouble(this.string(i));
    if (value === undefined) throw error;
    return value;
  }

  /** A copy that stays valid, raw form included. */
  copy(): Args {
    if (this.rawEnd === 0) return Args.of(this.strings());
    const copy = new Args(Buffer.from(this.buf.subarray(this.rawStart, this.rawEnd)), this.count);
    copy.count = this.count;
    copy.rawEnd = copy.buf.length;
    for (let at = 0; at < this.count * 2; at += 1) copy.offsets[at] = this.offsets[at]! - this.rawStart;
    return copy;
  }

  /** The request in RESP: the very bytes that came, or an encoding of an inline command. */
  encoded(): Buffer {
    if (this.rawEnd === 0) return Args.of(this.strings()).buf;
    return this.buf.subarray(this.rawStart, this.rawEnd);
  }
}

const EMPTY = Buffer.alloc(0);
