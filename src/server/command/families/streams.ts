import {
  compareIds,
  formatId,
  isSameId,
  MAX_ID,
  MIN_ID,
  nextId,
  type StreamId,
} from '../../keyspace/values/stream-id.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readEnd, readId, readStart, replyEntry, type WantedId } from './stream-ids.ts';
import { exactTrim, nodeLimits, readTrimOptions } from './stream-trim.ts';

export const streamCommands: Family = {
  xadd,
  xlen: (ctx, args) => ctx.reply.int(ctx.readValue(args, 1, StreamValue)?.size ?? 0),
  xrange: (ctx, args) => range(ctx, args, false),
  xrevrange: (ctx, args) => range(ctx, args, true),
  xdel,
  xtrim,
  xsetid,
};

const ZERO_ID = new ReplyError('ERR The ID specified in XADD must be greater than 0-0');
const SMALL_ID = new ReplyError(
  'ERR The ID specified in XADD is equal or smaller than the target stream top item',
);
const EXHAUSTED = new ReplyError(
  'ERR The stream has exhausted the last possible ID, unable to add more items',
);
const NEGATIVE_ADDED = new ReplyError('ERR entries_added must be positive');
const BELOW_GIVEN_DELETED = new ReplyError(
  'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
);
const BELOW_DELETED = new ReplyError(
  'ERR The ID specified in XSETID is smaller than current max_deleted_entry_id',
);
const BELOW_TOP = new ReplyError('ERR The ID specified in XSETID is smaller than the target stream top item');
const FEW_ADDED = new ReplyError(
  'ERR The entries_added specified in XSETID is smaller than the target stream length',
);

export const makeStream = (): StreamValue => new StreamValue();

function xadd(ctx: Context, args: Args): void {
  const { trim, isKeptMissing, next, wanted } = readTrimOptions(ctx, args, true);
  const pairs = args.count - next - 1;
  if (pairs < 2 || pairs % 2 !== 0) throw wrongArity(ctx.command.name);
  if (wanted !== undefined && !wanted.isSeqOpen && isSameId(wanted.id, MIN_ID)) throw ZERO_ID;
  const known = ctx.writeValue(args, 1, StreamValue);
  if (known === undefined && isKeptMissing) return ctx.reply.nil();
  const lastId = known?.lastId ?? MIN_ID;
  if (isSameId(lastId, MAX_ID)) throw EXHAUSTED;
  const id = chooseId(wanted, lastId, ctx.now);
  if (id === undefined || compareIds(id, lastId) <= 0) throw SMALL_ID;
  const stream = known ?? ctx.writeOrCreate(args, 1, StreamValue, makeStream);
  stream.append(id, args.strings(next + 1), nodeLimits(ctx));
  const text = formatId(id);
  ctx.reply.bulkString(text);
  ctx.changed(args, 1, EVENT.stream, 'xadd');
  if (trim !== undefined && stream.trim(trim) > 0) ctx.notify(EVENT.stream, 'xtrim', args.string(1));
  const isRewritten = wanted === undefined || wanted.isSeqOpen || trim?.isApproximate === true;
  if (!isRewritten || !ctx.server.propagation.isActive) return;
  const options =
    trim === undefined ? [] : trim.isApproximate ? exactTrim(trim, stream) : args.strings(2, next);
  ctx.propagateAs(['XADD', args.string(1), ...options, text, ...args.strings(next + 1)]);
}

function chooseId(wanted: WantedId | undefined, lastId: StreamId, nowMs: number): StreamId | undefined {
  if (wanted === undefined) return nowMs > lastId.ms ? { ms: nowMs, seq: 0 } : nextId(lastId);
  if (!wanted.isSeqOpen || wanted.id.ms !== lastId.ms) return wanted.id;
  const next = nextId(lastId);
  return next?.ms === lastId.ms ? next : undefined;
}

function range(ctx: Context, args: Args, isReverse: boolean): void {
  const from = readStart(args, isReverse ? 3 : 2);
  const to = readEnd(args, isReverse ? 2 : 3);
  let count = Infinity;
  for (let i = 4; i < args.count; i += 2) {
    if (!args.is(i, 'COUNT') || i + 1 >= args.count) throw ERRORS.syntax;
    count = Math.max(0, args.int(i + 1));
  }
  const stream = ctx.readValue(args, 1, StreamValue);
  const { reply } = ctx;
  if (stream === undefined) return reply.arrayHeader(0);
  if (count === 0) return reply.nilArray();
  const mark = reply.length;
  let found = 0;
  stream.forEachInRange(from, to, isReverse, (id, fields) => {
    replyEntry(reply, id, fields);
    return ++found < count;
  });
  reply.insertHeader(mark, 'array', found);
}

function xdel(ctx: Context, args: Args): void {
  const stream = ctx.writeValue(args, 1, StreamValue);
  if (stream === undefined) return ctx.reply.int(0);
  const ids: StreamId[] = [];
  for (let i = 2; i < args.count; i++) ids.push(readId(args, i));
  let deleted = 0;
  for (const id of ids) if (stream.delete(id)) deleted++;
  if (deleted > 0) ctx.changed(args, 1, EVENT.stream, 'xdel', deleted);
  ctx.reply.int(deleted);
}

function xtrim(ctx: Context, args: Args): void {
  const { trim } = readTrimOptions(ctx, args, false);
  const stream = ctx.writeValue(args, 1, StreamValue);
  if (stream === undefined || trim === undefined) return ctx.reply.int(0);
  const trimmed = stream.trim(trim);
  if (trimmed > 0) {
    ctx.changed(args, 1, EVENT.stream, 'xtrim', trimmed);
    if (trim.isApproximate) ctx.propagateAs(['XTRIM', args.string(1), ...exactTrim(trim, stream)]);
  }
  ctx.reply.int(trimmed);
}

function xsetid(ctx: Context, args: Args): void {
  const id = readId(args, 2);
  let entriesAdded: number | undefined;
  let maxDeletedId: StreamId = MIN_ID;
  for (let i = 3; i < args.count; i += 2) {
    const hasMore = i + 1 < args.count;
    if (hasMore && args.is(i, 'ENTRIESADDED')) {
      entriesAdded = args.int(i + 1);
      if (entriesAdded < 0) throw NEGATIVE_ADDED;
    } else if (hasMore && args.is(i, 'MAXDELETEDID')) {
      maxDeletedId = readId(args, i + 1);
      if (compareIds(id, maxDeletedId) < 0) throw BELOW_GIVEN_DELETED;
    } else throw ERRORS.syntax;
  }
  const stream = ctx.writeValue(args, 1, StreamValue);
  if (stream === undefined) throw ERRORS.noKey;
  if (compareIds(id, stream.maxDeletedId) < 0) throw BELOW_DELETED;
  const top = stream.lastEntryId;
  if (top !== undefined) {
    if (compareIds(id, top) < 0) throw BELOW_TOP;
    if (entriesAdded !== undefined && stream.size > entriesAdded) throw FEW_ADDED;
  }
  stream.lastId = id;
  if (entriesAdded !== undefined) stream.entriesAdded = entriesAdded;
  if (!isSameId(maxDeletedId, MIN_ID)) stream.maxDeletedId = maxDeletedId;
  ctx.reply.ok();
  ctx.changed(args, 1, EVENT.stream, 'xsetid');
}
