import { formatId, MIN_ID } from '../../keyspace/values/stream-id.ts';
import {
  DEFAULT_STREAM_NODE_LIMITS,
  type StreamNodeLimits,
  type StreamTrim,
  type StreamValue,
} from '../../keyspace/values/stream-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Context } from '../context.ts';
import { readId, readWantedId, type WantedId } from './stream-ids.ts';

const TWO_STRATEGIES = new ReplyError(
  'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
);
const NO_STRATEGY = new ReplyError('ERR syntax error, XTRIM must be called with a trimming strategy');
const LIMIT_ALONE = new ReplyError(
  'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
);
const LIMIT_EXACT = new ReplyError('ERR syntax error, LIMIT cannot be used without the special ~ option');
const NEGATIVE_MAXLEN = new ReplyError('ERR The MAXLEN argument must be >= 0.');
const NEGATIVE_LIMIT = new ReplyError('ERR The LIMIT argument must be >= 0.');

const MAX_DEFAULT_LIMIT = 1_000_000;

/** The options before an entry's id (XADD), or all of XTRIM's. */
export interface TrimOptions {
  readonly trim: StreamTrim | undefined;
  readonly isKeptMissing: boolean;
  /** Of XADD; undefined for `*`. */
  readonly wanted: WantedId | undefined;
  /** Where reading stopped: at the id of XADD. */
  readonly next: number;
}

/** Reads trimming options from argument 2 on; XADD's end at the first that is none. */
export function readTrimOptions(ctx: Context, args: Args, isAdd: boolean): TrimOptions {
  let trim: StreamTrim | undefined;
  let limit: number | undefined;
  let isKeptMissing = false;
  let wanted: WantedId | undefined;
  let i = 2;
  for (; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (isAdd && args.is(i, '*')) break;
    if (hasMore && (args.is(i, 'MAXLEN') || args.is(i, 'MINID'))) {
      if (trim !== undefined) throw TWO_STRATEGIES;
      const isByLength = args.is(i, 'MAXLEN');
      const hasSign = i + 2 < args.count && (args.is(i + 1, '~') || args.is(i + 1, '='));
      const isApproximate = hasSign && args.is(i + 1, '~');
      i += hasSign ? 2 : 1;
      if (isByLength) {
        const maxLength = args.int(i);
        if (maxLength < 0) throw NEGATIVE_MAXLEN;
        trim = { by: 'maxlen', maxLength, isApproximate, limit: 0 };
      } else trim = { by: 'minid', minId: readId(args, i), isApproximate, limit: 0 };
    } else if (hasMore && args.is(i, 'LIMIT')) {
      limit = args.int(i + 1);
      if (limit < 0) throw NEGATIVE_LIMIT;
      i++;
    } else if (isAdd && args.is(i, 'NOMKSTREAM')) isKeptMissing = true;
    else if (isAdd) {
      wanted = readWantedId(args, i);
      break;
    } else throw ERRORS.syntax;
  }
  if (trim === undefined) {
    if (limit !== undefined && limit > 0) throw LIMIT_ALONE;
    if (!isAdd) throw NO_STRATEGY;
    return { trim, isKeptMissing, wanted, next: i };
  }
  // What a master sends has been checked there, and its limit has had its effect.
  if (ctx.client.isTrusted) return { trim: { ...trim, limit: 0 }, isKeptMissing, wanted, next: i };
  if (limit !== undefined && !trim.isApproximate) throw LIMIT_EXACT;
  if (!trim.isApproximate) return { trim, isKeptMissing, wanted, next: i };
  return { trim: { ...trim, limit: limit ?? defaultLimit(nodeLimits(ctx)) }, isKeptMissing, wanted, next: i };
}

/** What an approximate trim stops at when nothing is said: a hundred nodes. */
function defaultLimit({ maxEntries }: StreamNodeLimits): number {
  return maxEntries === 0 ? 10_000 : Math.min(100 * maxEntries, MAX_DEFAULT_LIMIT);
}

/** The size of a stream's nodes as the directives set it. */
export function nodeLimits({ server: { config } }: Context): StreamNodeLimits {
  const entries = config.text('stream-node-max-entries');
  const bytes = config.text('stream-node-max-bytes');
  return {
    maxEntries: entries === '' ? DEFAULT_STREAM_NODE_LIMITS.maxEntries : Number(entries),
    maxBytes: bytes === '' ? DEFAULT_STREAM_NODE_LIMITS.maxBytes : Number(bytes),
  };
}

/** The words that trim another copy of the stream to where this one now begins. */
export function exactTrim(trim: StreamTrim, stream: StreamValue): string[] {
  if (trim.by === 'maxlen') return ['MAXLEN', '=', String(stream.size)];
  return ['MINID', '=', formatId(stream.firstId ?? MIN_ID)];
}
