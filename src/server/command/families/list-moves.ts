import { ListValue } from '../../keyspace/values/list-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readNumkeys, readPopCount, readTimeoutMs, waitForKeys, writeAwaited } from './blocking-keys.ts';
import { popInto } from './lists.ts';

export const listMoveCommands: Family = {
  lmove: (ctx, args) => move(ctx, args, isLeft(args, 3), isLeft(args, 4), undefined),
  rpoplpush: (ctx, args) => move(ctx, args, false, true, undefined),
  blmove: (ctx, args) => {
    const from = isLeft(args, 3);
    const to = isLeft(args, 4);
    move(ctx, args, from, to, readTimeoutMs(args, 5));
  },
  brpoplpush: (ctx, args) => move(ctx, args, false, true, readTimeoutMs(args, 3)),
  lmpop: (ctx, args) => popFirst(ctx, args, 1),
  blmpop: (ctx, args) => popFirst(ctx, args, 2),
  blpop: (ctx, args) => blockingPop(ctx, args, true),
  brpop: (ctx, args) => blockingPop(ctx, args, false),
};

function isLeft(args: Args, i: number): boolean {
  if (args.is(i, 'LEFT')) return true;
  if (args.is(i, 'RIGHT')) return false;
  throw ERRORS.syntax;
}

/** Moves one element between ends; waits for one when there is a timeout. */
function move(
  ctx: Context,
  args: Args,
  isFromLeft: boolean,
  isToLeft: boolean,
  timeoutMs: number | undefined,
): void {
  const source = writeAwaited(ctx, args, 1, ListValue);
  if (source === undefined) {
    if (!waitForKeys(ctx, [args.string(1)], timeoutMs)) ctx.reply.nil();
    return;
  }
  const to = ctx.write(args, 2);
  if (to !== 0 && (ctx.db.isString(to) || !(ctx.db.object(to) instanceof ListValue))) throw ERRORS.wrongType;
  const element = (isFromLeft ? source.popFront() : source.popBack())!;
  const target = ctx.writeOrCreate(args, 2, ListValue, () => new ListValue());
  if (isToLeft) target.pushFront(element);
  else target.pushBack(element);
  ctx.changed(args, 2, EVENT.list, isToLeft ? 'lpush' : 'rpush');
  ctx.reply.bulkString(element);
  ctx.changed(args, 1, EVENT.list, isFromLeft ? 'lpop' : 'rpop', 0);
  ctx.deleteIfEmpty(args, 1, source);
  if (timeoutMs === undefined) return;
  if (ctx.command.name === 'brpoplpush') ctx.propagateAs(['RPOPLPUSH', args.string(1), args.string(2)]);
  else ctx.propagateAs(['LMOVE', ...args.strings(1, 5)]);
}

/** LMPOP and BLMPOP: pops from the first list that has something. `i` is where the number of keys is. */
function popFirst(ctx: Context, args: Args, i: number): void {
  const { next } = readNumkeys(args, i);
  if (next >= args.count) throw ERRORS.syntax;
  const isFront = isLeft(args, next);
  const count = readPopCount(args, next + 1);
  const timeoutMs = i === 1 ? undefined : readTimeoutMs(args, 1);
  for (let at = i + 1; at < next; at++) {
    const list = writeAwaited(ctx, args, at, ListValue);
    if (list === undefined) continue;
    const taken = Math.min(count, list.size);
    ctx.reply.arrayHeader(2);
    ctx.reply.bulkString(args.string(at));
    ctx.reply.arrayHeader(taken);
    popInto(ctx, list, isFront, taken);
    ctx.changed(args, at, EVENT.list, isFront ? 'lpop' : 'rpop', taken);
    ctx.deleteIfEmpty(args, at, list);
    ctx.propagateAs([isFront ? 'LPOP' : 'RPOP', args.string(at), String(taken)]);
    return;
  }
  if (!waitForKeys(ctx, args.strings(i + 1, next), timeoutMs)) ctx.reply.nilArray();
}

function blockingPop(ctx: Context, args: Args, isFront: boolean): void {
  const timeoutMs = readTimeoutMs(args, args.count - 1);
  for (let i = 1; i < args.count - 1; i++) {
    const list = writeAwaited(ctx, args, i, ListValue);
    if (list === undefined) continue;
    ctx.reply.arrayHeader(2);
    ctx.reply.bulkString(args.string(i));
    popInto(ctx, list, isFront, 1);
    ctx.changed(args, i, EVENT.list, isFront ? 'lpop' : 'rpop');
    ctx.deleteIfEmpty(args, i, list);
    ctx.propagateAs([isFront ? 'LPOP' : 'RPOP', args.string(i)]);
    return;
  }
  if (!waitForKeys(ctx, args.strings(1, args.count - 1), timeoutMs)) ctx.reply.nilArray();
}
