import type { Args } from '../resp/args.ts';
import { BROKEN, INCOMPLETE, RequestParser } from '../resp/request-parser.ts';

const HASH = 0x23;
const STAR = 0x2a;
const LF = 0x0a;
const MAX_BULK_BYTES = 0x7fff_ffff;

/** Runs one command of the log. Answers whether the log could end behind it: not inside a transaction. */
export type RunLogged = (args: Args) => boolean;

/** The log is not RESP at this offset of its file; what `aof-load-truncated` does not excuse. */
export class LogFormatError extends Error {
  readonly offset: number;

  constructor(offset: number) {
    super(`not a command at byte ${offset}`);
    this.name = 'LogFormatError';
    this.offset = offset;
  }
}

/** Finds the commands in a log that is handed in pieces, passing over annotations (`#TS:…`). */
export class CommandLogReader {
  /** Offset in the file behind the last command at which the log could have ended. */
  validUpTo: number;
  readonly #run: RunLogged;
  readonly #parser = new RequestParser();
  #rest: Buffer = Buffer.alloc(0);
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Bytes without which it makes no sense to go on. */
  #wanted = 0;
  #isWhole = true;
  #offset: number;

  /** `offset` of the first byte in its file: behind an RDB preamble. */
  constructor(run: RunLogged, offset: number) {
    this.#run = run;
    this.#offset = offset;
    this.validUpTo = offset;
    this.#parser.maxBulkBytes = MAX_BULK_BYTES;
  }

  /** Whether the log ended inside a transaction, which then must not be carried out. */
  get isInTransaction(): boolean {
    return !this.#isWhole;
  }

  /** Whether there are bytes of a command that is not complete. */
  get isCut(): boolean {
    return this.#rest.length + this.#waitingBytes > 0;
  }

  /** Offset of the first byte not run. At the end of a whole log this is its size, and equal to `validUpTo`. */
  get offset(): number {
    return this.#offset;
  }

  /** Runs every complete command. Throws `LogFormatError`. */
  write(piece: Buffer): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes < this.#wanted) return;
    const parser = this.#parser;
    const isAlone = this.#rest.length === 0 && this.#waiting.length === 1;
    const buf = isAlone ? piece : Buffer.concat([this.#rest, ...this.#waiting]);
    this.#waiting = [];
    this.#waitingBytes = 0;
    let at = 0;
    while (at < buf.length) {
      const first = buf[at];
      if (!parser.isPartial && first !== STAR) {
        const end = first === HASH ? buf.indexOf(LF, at) : -1;
        if (first !== HASH) throw new LogFormatError(this.#offset);
        if (end < 0) break;
        at = this.#advance(at, end + 1);
        if (this.#isWhole) this.validUpTo = this.#offset;
        continue;
      }
      const after = parser.next(buf, at, buf.length);
      if (after === BROKEN) throw new LogFormatError(this.#offset);
      if (after === INCOMPLETE) break;
      if (parser.args.count > 0) this.#isWhole = this.#run(parser.args);
      at = this.#advance(at, after);
      if (this.#isWhole) this.validUpTo = this.#offset;
    }
    this.#rest = buf.subarray(at);
    this.#wanted = parser.bytesWanted(buf.length);
    if (parser.isPartial) parser.rebase(-at);
  }

  #advance(at: number, after: number): number {
    this.#offset += after - at;
    return after;
  }
}
