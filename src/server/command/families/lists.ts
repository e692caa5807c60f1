import { ListValue } from '../../keyspace/values/list-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { indexRange } from './index-range.ts';

export const listCommands: Family = {
  lpush: (ctx, args) => push(ctx, args, true),
  rpush: (ctx, args) => push(ctx, args, false),
  lpushx: (ctx, args) => pushIfThere(ctx, args, true),
  rpushx: (ctx, args) => pushIfThere(ctx, args, false),
  lpop: (ctx, args) => pop(ctx, args, true),
  rpop: (ctx, args) => pop(ctx, args, false),
  llen: (ctx, args) => ctx.reply.int(ctx.readValue(args, 1, ListValue)?.size ?? 0),
  lindex,
  lset,
  lrange,
  ltrim,
  lrem,
  linsert,
  lpos,
};

const POSITIVE_COUNT = new ReplyError('ERR value is out of range, must be positive');
const ZERO_RANK = new ReplyError(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start " +
    'from the end of the list',
);
const LOWEST_RANK = new ReplyError(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);
const NEGATIVE_COUNT = new ReplyError("ERR COUNT can't be negative");
const NEGATIVE_MAXLEN = new ReplyError("ERR MAXLEN can't be negative");

const makeList = (): ListValue => new ListValue();

function push(ctx: Context, args: Args, isFront: boolean): void {
  const list = ctx.writeOrCreate(args, 1, ListValue, makeList);
  pushAll(ctx, args, list, isFront);
}

function pushIfThere(ctx: Context, args: Args, isFront: boolean): void {
  const list = ctx.writeValue(args, 1, ListValue);
  if (list === undefined) ctx.reply.int(0);
  else pushAll(ctx, args, list, isFront);
}

function pushAll(ctx: Context, args: Args, list: ListValue, isFront: boolean): void {
  const { count } = args;
  if (isFront) for (let i = 2; i < count; i++) list.pushFrontBytes(args.buf, args.start(i), args.end(i));
  else for (let i = 2; i < count; i++) list.pushBackBytes(args.buf, args.start(i), args.end(i));
  ctx.reply.int(list.size);
  ctx.changed(args, 1, EVENT.list, isFront ? 'lpush' : 'rpush', count - 2);
}

function pop(ctx: Context, args: Args, isFront: boolean): void {
  if (args.count > 3) throw wrongArity(ctx.command.name);
  const hasCount = args.count === 3;
  const count = hasCount ? args.int(2, POSITIVE_COUNT) : 1;
  if (count < 0) throw POSITIVE_COUNT;
  const list = ctx.writeValue(args, 1, ListValue);
  if (list === undefined) {
    if (hasCount) ctx.reply.nilArray();
    else ctx.reply.nil();
    return;
  }
  const taken = Math.min(count, list.size);
  if (hasCount) ctx.reply.arrayHeader(taken);
  if (taken === 0) return;
  popInto(ctx, list, isFront, taken);
  ctx.changed(args, 1, EVENT.list, isFront ? 'lpop' : 'rpop', hasCount ? count : 1);
  ctx.deleteIfEmpty(args, 1, list);
}

/** Pops `count` elements, of which there must be so many, into the reply. */
export function popInto({ reply }: Context, list: ListValue, isFront: boolean, count: number): void {
  if (isFront) for (let i = 0; i < count; i++) list.popFrontInto(reply);
  else for (let i = 0; i < count; i++) list.popBackInto(reply);
}

function lindex(ctx: Context, args: Args): void {
  const list = ctx.readValue(args, 1, ListValue);
  if (list === undefined) return ctx.reply.nil();
  const element = list.at(args.int(2));
  if (element === undefined) ctx.reply.nil();
  else ctx.reply.bulkString(element);
}

function lset(ctx: Context, args: Args): void {
  const list = ctx.writeValue(args, 1, ListValue);
  if (list === undefined) throw ERRORS.noKey;
  if (!list.set(args.int(2), args.string(3))) throw ERRORS.indexOutOfRange;
  ctx.reply.ok();
  ctx.changed(args, 1, EVENT.list, 'lset');
}

function lrange(ctx: Context, args: Args): void {
  const start = args.int(2);
  const stop = args.int(3);
  const list = ctx.readValue(args, 1, ListValue);
  const { reply } = ctx;
  if (list === undefined) return reply.arrayHeader(0);
  const { from, to } = indexRange(start, stop, list.size);
  reply.arrayHeader(to - from);
  list.copyRange(from, to, reply);
}

function ltrim(ctx: Context, args: Args): void {
  const start = args.int(2);
  const stop = args.int(3);
  const list = ctx.writeValue(args, 1, ListValue);
  ctx.reply.ok();
  if (list === undefined) return;
  const { size } = list;
  const { from, to } = indexRange(start, stop, size);
  list.trim(from, to);
  ctx.changed(args, 1, EVENT.list, 'ltrim', size - list.size);
  ctx.deleteIfEmpty(args, 1, list);
}

function lrem(ctx: Context, args: Args): void {
  const count = args.int(2);
  const list = ctx.writeValue(args, 1, ListValue);
  if (list === undefined) return ctx.reply.int(0);
  const removed = list.removeEqual(args.string(3), count === 0 ? Infinity : Math.abs(count), count < 0);
  if (removed > 0) {
    ctx.changed(args, 1, EVENT.list, 'lrem', removed);
    ctx.deleteIfEmpty(args, 1, list);
  }
  ctx.reply.int(removed);
}

function linsert(ctx: Context, args: Args): void {
  const isAfter = args.is(2, 'AFTER');
  if (!isAfter && !args.is(2, 'BEFORE')) throw ERRORS.syntax;
  const list = ctx.writeValue(args, 1, ListValue);
  if (list === undefined) return ctx.reply.int(0);
  const [position] = positionsOf(list, args.string(3), 1, 1, 0);
  if (position === undefined) return ctx.reply.int(-1);
  list.insert(isAfter ? position + 1 : position, args.string(4));
  ctx.reply.int(list.size);
  ctx.changed(args, 1, EVENT.list, 'linsert');
}

function lpos(ctx: Context, args: Args): void {
  let rank = 1;
  let count = -1;
  let maxLength = 0;
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 >= args.count) throw ERRORS.syntax;
    if (args.is(i, 'RANK')) {
      if (args.int64(i + 1) === -(2n ** 63n)) throw LOWEST_RANK;
      rank = args.int(i + 1);
      if (rank === 0) throw ZERO_RANK;
    } else if (args.is(i, 'COUNT')) {
      count = args.int(i + 1, NEGATIVE_COUNT);
      if (count < 0) throw NEGATIVE_COUNT;
    } else if (args.is(i, 'MAXLEN')) {
      maxLength = args.int(i + 1, NEGATIVE_MAXLEN);
      if (maxLength < 0) throw NEGATIVE_MAXLEN;
    } else throw ERRORS.syntax;
  }
  const list = ctx.readValue(args, 1, ListValue);
  const found = list === undefined ? [] : positionsOf(list, args.string(2), rank, count, maxLength);
  if (count >= 0) {
    ctx.reply.arrayHeader(found.length);
    for (const position of found) ctx.reply.int(position);
  } else if (found[0] === undefined) ctx.reply.nil();
  else ctx.reply.int(found[0]);
}

/** Positions of matches from the `rank`-th on: one when `count` is -1, all when 0; `maxLength` 0 looks at all. */
function positionsOf(
  list: ListValue,
  element: string,
  rank: number,
  count: number,
  maxLength: number,
): number[] {
  const found: number[] = [];
  const wanted = count < 0 ? 1 : count === 0 ? Infinity : count;
  const lookAt = maxLength === 0 ? Infinity : maxLength;
  let toSkip = Math.abs(rank) - 1;
  list.forEachEqual(element, rank < 0, lookAt, (position) => {
    if (toSkip-- <= 0) found.push(position);
    return found.length < wanted;
  });
  return found;
}
