import { SetValue } from '../../keyspace/values/set-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { removalVerb } from '../removal-verb.ts';
import { encodingLimits } from './encoding-limits.ts';
import { drawPositions, readDrawCount } from './random-draw.ts';
import { readCursor, readScanOptions, replyScan } from './scan-options.ts';

export const setCommands: Family = {
  sadd,
  srem,
  smove,
  scard: (ctx, args) => ctx.reply.int(ctx.readValue(args, 1, SetValue)?.size ?? 0),
  sismember: (ctx, args) => {
    const has = ctx.readValue(args, 1, SetValue)?.hasBytes(args.buf, args.start(2), args.end(2)) ?? false;
    ctx.reply.int(has ? 1 : 0);
  },
  smismember,
  smembers,
  spop,
  srandmember,
  sscan,
};

const makeSet = (): SetValue => new SetValue();

function sadd(ctx: Context, args: Args): void {
  const set = ctx.writeOrCreate(args, 1, SetValue, makeSet);
  let added = 0;
  for (let i = 2; i < args.count; i++) if (set.addBytes(args.buf, args.start(i), args.end(i))) added++;
  if (added > 0) ctx.changed(args, 1, EVENT.set, 'sadd', added);
  ctx.reply.int(added);
}

function srem(ctx: Context, args: Args): void {
  const set = ctx.writeValue(args, 1, SetValue);
  let removed = 0;
  if (set !== undefined)
    for (let i = 2; i < args.count && set.size > 0; i++) if (set.delete(args.string(i))) removed++;
  if (set !== undefined && removed > 0) {
    ctx.changed(args, 1, EVENT.set, 'srem', removed);
    ctx.deleteIfEmpty(args, 1, set);
  }
  ctx.reply.int(removed);
}

function smove(ctx: Context, args: Args): void {
  const source = ctx.writeValue(args, 1, SetValue);
  if (source === undefined) return ctx.reply.int(0);
  const target = ctx.writeValue(args, 2, SetValue);
  const member = args.string(3);
  if (source === target) return ctx.reply.int(source.has(member) ? 1 : 0);
  if (!source.delete(member)) return ctx.reply.int(0);
  ctx.changed(args, 1, EVENT.set, 'srem');
  ctx.deleteIfEmpty(args, 1, source);
  const isNew = (target ?? ctx.writeOrCreate(args, 2, SetValue, makeSet)).add(member);
  if (isNew) ctx.changed(args, 2, EVENT.set, 'sadd');
  ctx.reply.int(1);
}

function smismember(ctx: Context, args: Args): void {
  const set = ctx.readValue(args, 1, SetValue);
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i++)
    ctx.reply.int(set?.hasBytes(args.buf, args.start(i), args.end(i)) === true ? 1 : 0);
}

function smembers(ctx: Context, args: Args): void {
  const set = ctx.readValue(args, 1, SetValue);
  const size = set?.size ?? 0;
  ctx.reply.setHeader(size);
  for (let i = 0; i < size; i++) set!.memberInto(i, ctx.reply);
}

function spop(ctx: Context, args: Args): void {
  if (args.count > 3) throw ERRORS.syntax;
  if (args.count === 3) return popMany(ctx, args);
  const set = ctx.writeValue(args, 1, SetValue);
  if (set === undefined) return ctx.reply.nil();
  const position = ctx.server.random(set.size);
  set.memberInto(position, ctx.reply);
  if (ctx.server.propagation.isActive) ctx.propagateAs(['SREM', args.string(1), set.memberAt(position)]);
  set.removeAt(position);
  ctx.changed(args, 1, EVENT.set, 'spop');
  ctx.deleteIfEmpty(args, 1, set);
}

/** Most members that one SREM of the stream takes away (t_set.c `spopWithCountCommand`). */
const MAX_PROPAGATED = 1024;

/** SPOP with a count; the stream gets SREMs for what went, or a DEL when all of it did. */
function popMany(ctx: Context, args: Args): void {
  const count = args.int(2, ERRORS.mustBePositive);
  if (count < 0) throw ERRORS.mustBePositive;
  const set = ctx.writeValue(args, 1, SetValue);
  if (set === undefined || count === 0) return ctx.reply.setHeader(0);
  const popped: string[] = [];
  if (count >= set.size) {
    // From the end, where nothing has to move.
    while (set.size > 0) popped.push(set.deleteAt(set.size - 1));
    popped.reverse();
  } else while (popped.length < count) popped.push(set.deleteAt(ctx.server.random(set.size)));
  ctx.reply.setHeader(popped.length);
  for (const member of popped) ctx.reply.bulkString(member);
  ctx.changed(args, 1, EVENT.set, 'spop', popped.length);
  if (ctx.deleteIfEmpty(args, 1, set)) {
    ctx.propagateAs([removalVerb(ctx.server, 'lazyfree-lazy-server-del'), args.string(1)]);
    return;
  }
  let from = 0;
  for (; popped.length - from > MAX_PROPAGATED; from += MAX_PROPAGATED)
    ctx.alsoPropagate(['SREM', args.string(1), ...popped.slice(from, from + MAX_PROPAGATED)]);
  ctx.propagateAs(['SREM', args.string(1), ...popped.slice(from)]);
}

function srandmember(ctx: Context, args: Args): void {
  if (args.count > 3) throw ERRORS.syntax;
  if (args.count === 2) {
    const set = ctx.readValue(args, 1, SetValue);
    if (set === undefined) ctx.reply.nil();
    else set.memberInto(ctx.server.random(set.size), ctx.reply);
    return;
  }
  const count = readDrawCount(args, 2);
  const set = ctx.readValue(args, 1, SetValue);
  const positions = set === undefined ? [] : drawPositions(set.size, count, ctx.server.random);
  ctx.reply.arrayHeader(positions.length);
  for (const position of positions) set!.memberInto(position, ctx.reply);
}

function sscan(ctx: Context, args: Args): void {
  const cursor = readCursor(args, 2);
  const set = ctx.readValue(args, 1, SetValue);
  if (set === undefined) return replyScan(ctx.reply, 0, []);
  const { count, matches } = readScanOptions(args, 3);
  if (set.encoding(encodingLimits(ctx)) !== 'hashtable')
    return replyScan(ctx.reply, 0, set.members.filter(matches));
  const found: string[] = [];
  const next = set.scan(cursor, count, (member) => {
    if (matches(member)) found.push(member);
  });
  replyScan(ctx.reply, next, found);
}
