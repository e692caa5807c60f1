import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readNumkeys, readPopCount, readTimeoutMs, waitForKeys, writeAwaited } from './blocking-keys.ts';

export const zsetPopCommands: Family = {
  zpopmin: (ctx, args) => pop(ctx, args, false),
  zpopmax: (ctx, args) => pop(ctx, args, true),
  bzpopmin: (ctx, args) => blockingPop(ctx, args, false),
  bzpopmax: (ctx, args) => blockingPop(ctx, args, true),
  zmpop: (ctx, args) => popFirst(ctx, args, 1),
  bzmpop: (ctx, args) => popFirst(ctx, args, 2),
};

function pop(ctx: Context, args: Args, isMax: boolean): void {
  if (args.count > 3) throw ERRORS.syntax;
  const hasCount = args.count === 3;
  const count = hasCount ? args.int(2, ERRORS.mustBePositive) : 1;
  if (count < 0) throw ERRORS.mustBePositive;
  const zset = ctx.writeValue(args, 1, ZSetValue);
  if (zset === undefined || count === 0) return ctx.reply.arrayHeader(0);
  const taken = Math.min(count, zset.size);
  const isNested = hasCount && ctx.reply.version === 3;
  ctx.reply.arrayHeader(isNested ? taken : taken * 2);
  take(ctx, args, 1, zset, taken, isMax, isNested);
}

function blockingPop(ctx: Context, args: Args, isMax: boolean): void {
  const timeoutMs = readTimeoutMs(args, args.count - 1);
  for (let i = 1; i < args.count - 1; i++) {
    const zset = writeAwaited(ctx, args, i, ZSetValue);
    if (zset === undefined) continue;
    ctx.reply.arrayHeader(3);
    ctx.reply.bulkString(args.string(i));
    take(ctx, args, i, zset, 1, isMax, false);
    ctx.propagateAs([isMax ? 'ZPOPMAX' : 'ZPOPMIN', args.string(i)]);
    return;
  }
  if (!waitForKeys(ctx, args.strings(1, args.count - 1), timeoutMs)) ctx.reply.nilArray();
}

/** ZMPOP and BZMPOP: pops from the first sorted set that has something. `i` is where the number of keys is. */
function popFirst(ctx: Context, args: Args, i: number): void {
  const { next } = readNumkeys(args, i);
  if (next >= args.count) throw ERRORS.syntax;
  const isMax = args.is(next, 'MAX');
  if (!isMax && !args.is(next, 'MIN')) throw ERRORS.syntax;
  const count = readPopCount(args, next + 1);
  const timeoutMs = i === 1 ? undefined : readTimeoutMs(args, 1);
  for (let at = i + 1; at < next; at++) {
    const zset = writeAwaited(ctx, args, at, ZSetValue);
    if (zset === undefined) continue;
    const taken = Math.min(count, zset.size);
    ctx.reply.arrayHeader(2);
    ctx.reply.bulkString(args.string(at));
    ctx.reply.arrayHeader(taken);
    take(ctx, args, at, zset, taken, isMax, true);
    ctx.propagateAs([isMax ? 'ZPOPMAX' : 'ZPOPMIN', args.string(at), String(taken)]);
    return;
  }
  if (!waitForKeys(ctx, args.strings(i + 1, next), timeoutMs)) ctx.reply.nilArray();
}

/** Removes the `count` lowest or highest and writes them. */
function take(
  ctx: Context,
  args: Args,
  i: number,
  zset: ZSetValue,
  count: number,
  isMax: boolean,
  isNested: boolean,
): void {
  const { reply } = ctx;
  const from = isMax ? zset.size - count : 0;
  zset.forEachInRange(from, from + count, isMax, (member, score) => {
    if (isNested) reply.arrayHeader(2);
    reply.bulkString(member);
    reply.double(score);
  });
  zset.deleteRange(from, from + count);
  ctx.changed(args, i, EVENT.zset, isMax ? 'zpopmax' : 'zpopmin', count);
  ctx.deleteIfEmpty(args, i, zset);
}
