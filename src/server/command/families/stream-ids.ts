import {
  formatId,
  MAX_ID,
  MIN_ID,
  nextId,
  previousId,
  toU64,
  type StreamId,
  type U64,
} from '../../keyspace/values/stream-id.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

export const INVALID_ID = new ReplyError('ERR Invalid stream ID specified as stream command argument');
const BAD_START = new ReplyError('ERR invalid start ID for the interval');
const BAD_END = new ReplyError('ERR invalid end ID for the interval');

const U64_LIMIT = 1n << 64n;
/** Longer texts are no ids (source: streamGenericParseIDOrReply). */
const MAX_LENGTH = 127;

/** `ms-seq` or `ms`, in which case `seq` is `missingSeq`; undefined when it is neither. */
export function parseId(text: string, missingSeq: U64 = 0): StreamId | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const dash = text.indexOf('-');
  const ms = parsePart(dash < 0 ? text : text.slice(0, dash));
  const seq = dash < 0 ? missingSeq : parsePart(text.slice(dash + 1));
  return ms === undefined || seq === undefined ? undefined : { ms, seq };
}

/** A number as strtoull takes it, spaces and zeros before it included, but none below zero. */
function parsePart(text: string): U64 | undefined {
  if (!/^\s*\+?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value < U64_LIMIT ? toU64(value) : undefined;
}

/** The id in argument `i`. */
export function readId(args: Args, i: number): StreamId {
  const id = parseId(args.string(i));
  if (id === undefined) throw INVALID_ID;
  return id;
}

/** The start of an interval in argument `i`: `-`, `+`, an id, or `(` and an id that is left out. */
export function readStart(args: Args, i: number): StreamId {
  const text = args.string(i);
  if (!isOpen(text)) return readEdge(text, 0);
  const next = nextId(parseId(text.slice(1)) ?? invalid());
  if (next === undefined) throw BAD_START;
  return next;
}

/** The end of an interval in argument `i`; without `-seq` it takes in all of its millisecond. */
export function readEnd(args: Args, i: number): StreamId {
  const text = args.string(i);
  if (!isOpen(text)) return readEdge(text, MAX_ID.seq);
  const previous = previousId(parseId(text.slice(1), MAX_ID.seq) ?? invalid());
  if (previous === undefined) throw BAD_END;
  return previous;
}

function isOpen(text: string): boolean {
  return text.length > 1 && text.startsWith('(');
}

function readEdge(text: string, missingSeq: U64): StreamId {
  if (text === '-') return MIN_ID;
  if (text === '+') return MAX_ID;
  return parseId(text, missingSeq) ?? invalid();
}

function invalid(): never {
  throw INVALID_ID;
}

export function replyId(reply: ReplyWriter, id: StreamId): void {
  reply.bulkString(formatId(id));
}

/** An entry as XRANGE shows it. */
export function replyEntry(reply: ReplyWriter, id: StreamId, fields: readonly string[]): void {
  reply.arrayHeader(2);
  replyId(reply, id);
  reply.bulkStrings(fields);
}

/** The id asked for, `ms-*` leaving its sequence open; undefined for `*`. */
export interface WantedId {
  readonly id: StreamId;
  readonly isSeqOpen: boolean;
}

/** The id that XADD is given in argument `i`. */
export function readWantedId(args: Args, i: number): WantedId | undefined {
  const text = args.string(i);
  if (text === '*') return undefined;
  const isSeqOpen = text.endsWith('-*');
  const id = parseId(isSeqOpen ? text.slice(0, -2) : text);
  if (id === undefined || (isSeqOpen && text.indexOf('-') < text.length - 2)) throw INVALID_ID;
  return { id, isSeqOpen };
}
