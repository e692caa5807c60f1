import { Args } from './args.ts';
import { parseInteger } from './integer.ts';

const INLINE_MAX_BYTES = 64 * 1024;
const MULTIBULK_MAX = 0x7fff_ffff;
const UNAUTHENTICATED_MULTIBULK_MAX = 10;
const UNAUTHENTICATED_BULK_MAX_BYTES = 16_384;
const CR = 13;
const LF = 10;
const STAR = 0x2a;
const DOLLAR = 0x24;
/** Requests that `readAhead` reads at once. */
export const MAX_AHEAD = 16;
/** A request with more arguments is the last one read ahead, and the room made for it is not kept. */
const MAX_AHEAD_ARGS = 64;

/** What `next` gives when the request is not complete, or breaks the protocol (see `error`). */
export const INCOMPLETE = 0;
export const BROKEN = -1;

/**
 * Incremental parser of requests, RESP arrays and inline commands (source: processMultibulkBuffer and
 * processInlineBuffer in networking.c, whose limits and error texts these are).
 *
 * It keeps where it stopped, so that a request arriving in many pieces is read once. It owns no bytes: the caller
 * hands in the same bytes again, longer, and tells with `rebase` when they moved.
 */
export class RequestParser {
  /** The request that `next` reads, or has read last. */
  args = new Args();
  /** What `readAhead` has read, and where each ends. */
  readonly ahead: Args[] = [this.args];
  readonly ends = new Int32Array(MAX_AHEAD);
  /** What `next` gave last: INCOMPLETE or BROKEN mean that nothing follows what was read ahead. */
  outcome = INCOMPLETE;
  /** After BROKEN: what to tell the client, without `ERR Protocol error: `. */
  error = '';
  maxBulkBytes = 512 * 1024 * 1024;
  isAuthenticated = true;
  private remaining = -1;
  private bulkLength = -1;
  private at = 0;
  /** Where in `ahead` the last one read is. */
  private slot = 0;

  /** Whether a request has begun and is not complete. */
  get isPartial(): boolean {
    return this.remaining >= 0;
  }

  /** Up to where a request that is not complete has been read. */
  get position(): number {
    return this.at;
  }

  /** Bytes the current bulk still asks for, so that the caller can make room at once; 0 when unknown. */
  bytesWanted(end: number): number {
    return this.bulkLength < 0 ? 0 : Math.max(0, this.at + this.bulkLength + 2 - end);
  }

  /** The bytes handed in next are the same, shifted by `delta`. */
  rebase(delta: number): void {
    this.at += delta;
    const offsets = this.args.offsets;
    for (let i = this.args.count * 2 - 1; i >= 0; i -= 1) offsets[i] = offsets[i]! + delta;
    this.args.rawStart += delta;
  }

  /** Forgets a request in progress. */
  reset(): void {
    this.remaining = -1;
    this.bulkLength = -1;
  }

  /**
   * Reads up to MAX_AHEAD requests from `buf[start, end)` into `ahead` and gives their number. Whoever does not take
   * all of them must `reset`, and hand in the others again.
   */
  readAhead(buf: Buffer, start: number, end: number): number {
    const { ahead, ends } = this;
    if (this.slot > 0) this.tidyAhead();
    // As long as nobody has logged in, a request may change what the next one may be.
    const limit = this.isAuthenticated ? MAX_AHEAD : 1;
    let count = 0;
    let at = start;
    do {
      this.slot = count;
      this.args = ahead[count] ??= new Args();
      at = this.next(buf, at, end);
      this.outcome = at;
      if (at <= 0) break;
      ends[count] = at;
      count += 1;
    } while (count < limit && at < end && this.args.count <= MAX_AHEAD_ARGS);
    return count;
  }

  /** Puts a request that is half read where the next one is read. */
  private tidyAhead(): void {
    const { ahead, slot } = this;
    const last = ahead[slot]!;
    const other = this.isPartial ? ahead[0]! : last;
    ahead[slot] = other.offsets.length > 2 * MAX_AHEAD_ARGS ? new Args() : other;
    if (this.isPartial) ahead[0] = last;
  }

  /**
   * Reads one request from `buf[start, end)` into `args` and gives the position after it, INCOMPLETE or BROKEN. An
   * empty request (`*0`, an empty line) leaves `args.count` 0.
   */
  next(buf: Buffer, start: number, end: number): number {
    const args = this.args;
    args.buf = buf;
    let at = this.at;
    if (this.remaining < 0) {
      if (start >= end) return INCOMPLETE;
      args.count = 0;
      args.rawStart = start;
      args.rawEnd = 0;
      if (buf[start] !== STAR) return this.inline(buf, start, end);
      const first = buf[start + 1]! - 0x30;
      if (start + 3 < end && first > 0 && first <= 9 && buf[start + 2] === CR) {
        this.remaining = first;
        at = start + 4;
      } else {
        const line = indexOf(buf, CR, start, end);
        if (line < 0 || line + 1 >= end) {
          return line < 0 && end - start > INLINE_MAX_BYTES
            ? this.broken('too big mbulk count string')
            : INCOMPLETE;
        }
        const count = parseInteger(buf, start + 1, line);
        if (!(count <= MULTIBULK_MAX)) return this.broken('invalid multibulk length');
        if (count > UNAUTHENTICATED_MULTIBULK_MAX && !this.isAuthenticated) {
          return this.broken('unauthenticated multibulk length');
        }
        if (count <= 0) return line + 2;
        this.remaining = count;
        at = line + 2;
      }
      this.bulkLength = -1;
    }
    while (this.remaining > 0) {
      if (this.bulkLength < 0) {
        this.at = at;
        const first = at + 3 < end ? buf[at + 1]! - 0x30 : -1;
        if (first >= 0 && first <= 9 && buf[at + 2] === CR && buf[at] === DOLLAR) {
          this.bulkLength = first;
          at += 4;
        } else {
          const body = this.bulkHeader(buf, at, end);
          if (body <= 0) return body;
          at = body;
        }
      }
      const bulkEnd = at + this.bulkLength;
      if (bulkEnd + 2 > end) {
        this.at = at;
        return INCOMPLETE;
      }
      args.push(at, bulkEnd);
      at = bulkEnd + 2;
      this.bulkLength = -1;
      this.remaining -= 1;
    }
    this.remaining = -1;
    args.rawEnd = at;
    return at;
  }

  private bulkHeader(buf: Buffer, at: number, end: number): number {
    const line = indexOf(buf, CR, at, end);
    if (line < 0) {
      return end - at > INLINE_MAX_BYTES ? this.broken('too big bulk count string') : INCOMPLETE;
    }
    if (line + 1 >= end) return INCOMPLETE;
    if (buf[at] !== DOLLAR) {
      const found = buf[at]!;
      return this.broken(
        `expected '$', got '${found === CR || found === LF ? ' ' : String.fromCharCode(found)}'`,
      );
    }
    const length = parseInteger(buf, at + 1, line);
    if (!(length >= 0 && length <= this.maxBulkBytes)) return this.broken('invalid bulk length');
    if (length > UNAUTHENTICATED_BULK_MAX_BYTES && !this.isAuthenticated) {
      return this.broken('unauthenticated bulk length');
    }
    this.bulkLength = length;
    return line + 2;
  }

  private inline(buf: Buffer, start: number, end: number): number {
    const line = indexOf(buf, LF, start, end);
    if (line < 0) return end - start > INLINE_MAX_BYTES ? this.broken('too big inline request') : INCOMPLETE;
    const words = splitInline(buf.latin1Slice(start, line > start && buf[line - 1] === CR ? line - 1 : line));
    if (words === undefined) return this.broken('unbalanced quotes in request');
    const args = this.args;
    args.buf = Buffer.from(words.join(''), 'latin1');
    let at = 0;
    for (const word of words) {
      args.push(at, at + word.length);
      at += word.length;
    }
    return line + 1;
  }

  private broken(error: string): number {
    this.error = error;
    this.reset();
    return BROKEN;
  }
}

function indexOf(buf: Uint8Array, byte: number, start: number, end: number): number {
  for (let at = start; at < end; at += 1) if (buf[at] === byte) return at;
  return -1;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\u0007' };
const SPACE = /[\s\0]/;

/**
 * The words of a line, quoted as in redis-cli (source: sdssplitargs in sds.c): double quotes with escapes, single
 * quotes with `\'`; undefined when a quote is not closed or something sticks to a closing one.
 */
export function splitInline(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line[at]!)) at += 1;
    if (at >= line.length) return words;
    let word = '';
    while (at < line.length && !SPACE.test(line[at]!)) {
      const quote = line[at]!;
      if (quote !== '"' && quote !== "'") {
        word += quote;
        at += 1;
        continue;
      }
      at += 1;
      for (; line[at] !== quote; at += 1) {
        if (at >= line.length) return undefined;
        if (line[at] !== '\\' || at + 1 >= line.length) word += line[at]!;
        else if (quote === "'") {
          if (line[at + 1] === "'") at += 1;
          word += line[at]!;
        } else {
          const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4));
          word +=
            hex === null
              ? (ESCAPES[line[at + 1]!] ?? line[at + 1]!)
              : String.fromCharCode(parseInt(hex[1]!, 16));
          at += hex === null ? 1 : 3;
        }
      }
      at += 1;
      if (at < line.length && !SPACE.test(line[at]!)) return undefined;
      break;
    }
    words.push(word);
  }
}
