import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { formatDouble, formatDoubleAtFullPrecision } from '../../resp/double.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { encodingLimits } from './encoding-limits.ts';
import { drawPositions, readDrawCount } from './random-draw.ts';
import { readCursor, readScanOptions, replyScan } from './scan-options.ts';

export const sortedSetCommands: Family = {
  zadd: (ctx, args) => addScores(ctx, args, false),
  zincrby: (ctx, args) => addScores(ctx, args, true),
  zrem,
  zcard: (ctx, args) => ctx.reply.int(ctx.readValue(args, 1, ZSetValue)?.size ?? 0),
  zscore: (ctx, args) => replyScore(ctx, ctx.readValue(args, 1, ZSetValue)?.score(args.string(2))),
  zmscore,
  zrank: (ctx, args) => rank(ctx, args, false),
  zrevrank: (ctx, args) => rank(ctx, args, true),
  zrandmember,
  zscan,
};

const NX_AND_XX = new ReplyError('ERR XX and NX options at the same time are not compatible');
const GT_LT_NX = new ReplyError('ERR GT, LT, and/or NX options at the same time are not compatible');
const ONE_PAIR = new ReplyError('ERR INCR option supports a single increment-element pair');
const NOT_A_NUMBER = new ReplyError('ERR resulting score is not a number (NaN)');

const makeZSet = (): ZSetValue => new ZSetValue();

/** What ZADD was asked, and what it did. */
interface Addition {
  isIncrement: boolean;
  isOnlyNew: boolean;
  isOnlyKnown: boolean;
  isOnlyGreater: boolean;
  isOnlyLess: boolean;
  countsChanges: boolean;
}

/** ZADD, or with `isIncrement` ZINCRBY: `args` may have been made from another command's. */
export function addScores(ctx: Context, args: Args, isIncrement: boolean): void {
  const options: Addition = {
    isIncrement,
    isOnlyNew: false,
    isOnlyKnown: false,
    isOnlyGreater: false,
    isOnlyLess: false,
    countsChanges: false,
  };
  const first = readOptions(args, options);
  if (options.isIncrement) increment(ctx, args, first, options);
  else addAll(ctx, args, first, options);
}

/** Reads the options and returns where the pairs begin; these have been checked. */
function readOptions(args: Args, options: Addition): number {
  let i = 2;
  for (; i < args.count; i++) {
    const byte = args.buf[args.start(i)]!;
    // A digit or sign is no option: the common case, and it makes no string.
    if (byte < 0x40) break;
    if (args.is(i, 'NX')) options.isOnlyNew = true;
    else if (args.is(i, 'XX')) options.isOnlyKnown = true;
    else if (args.is(i, 'CH')) options.countsChanges = true;
    else if (args.is(i, 'INCR')) options.isIncrement = true;
    else if (args.is(i, 'GT')) options.isOnlyGreater = true;
    else if (args.is(i, 'LT')) options.isOnlyLess = true;
    else break;
  }
  const rest = args.count - i;
  if (rest === 0 || rest % 2 !== 0) throw ERRORS.syntax;
  const { isOnlyNew, isOnlyKnown, isOnlyGreater, isOnlyLess } = options;
  if (isOnlyNew && isOnlyKnown) throw NX_AND_XX;
  if ((isOnlyGreater && isOnlyLess) || (isOnlyNew && (isOnlyGreater || isOnlyLess))) throw GT_LT_NX;
  if (options.isIncrement && rest > 2) throw ONE_PAIR;
  return i;
}

function addAll(ctx: Context, args: Args, first: number, options: Addition): void {
  // Nothing is added unless every score is a number.
  const scores: number[] = [];
  for (let i = first; i < args.count; i += 2) scores.push(args.double(i));
  const zset = open(ctx, args, options);
  if (zset === undefined) return ctx.reply.int(0);
  let added = 0;
  let updated = 0;
  const { buf } = args;
  const isConditional =
    options.isOnlyNew || options.isOnlyKnown || options.isOnlyGreater || options.isOnlyLess;
  for (let i = 0; i < scores.length; i++) {
    const start = args.start(first + i * 2 + 1);
    const end = args.end(first + i * 2 + 1);
    const score = scores[i]!;
    if (isConditional && !isWanted(options, zset.scoreOfBytes(buf, start, end), score)) continue;
    const old = zset.setBytes(buf, start, end, score);
    if (old === undefined) added++;
    else if (old !== score) updated++;
  }
  ctx.reply.int(options.countsChanges ? added + updated : added);
  if (added + updated > 0) ctx.changed(args, 1, EVENT.zset, 'zadd', added + updated);
}

function increment(ctx: Context, args: Args, first: number, options: Addition): void {
  const by = args.double(first);
  const zset = open(ctx, args, options);
  if (zset === undefined) return ctx.reply.nil();
  const member = args.string(first + 1);
  const old = zset.score(member);
  const score = old === undefined ? by : old + by;
  if (Number.isNaN(score)) throw NOT_A_NUMBER;
  if (!isWanted(options, old, score)) return ctx.reply.nil();
  ctx.reply.double(score);
  if (old === score) return;
  zset.set(member, score);
  ctx.changed(args, 1, EVENT.zset, 'zincr');
}

/** The set to add to; undefined when it is not there and nothing new may come. */
function open(ctx: Context, args: Args, { isOnlyKnown }: Addition): ZSetValue | undefined {
  return isOnlyKnown ? ctx.writeValue(args, 1, ZSetValue) : ctx.writeOrCreate(args, 1, ZSetValue, makeZSet);
}

function isWanted(options: Addition, old: number | undefined, score: number): boolean {
  if (old === undefined) return !options.isOnlyKnown;
  if (options.isOnlyNew) return false;
  return !(options.isOnlyGreater && score <= old) && !(options.isOnlyLess && score >= old);
}

function zrem(ctx: Context, args: Args): void {
  const zset = ctx.writeValue(args, 1, ZSetValue);
  let removed = 0;
  if (zset !== undefined)
    for (let i = 2; i < args.count && zset.size > 0; i++) if (zset.delete(args.string(i))) removed++;
  if (zset !== undefined && removed > 0) {
    ctx.changed(args, 1, EVENT.zset, 'zrem', removed);
    ctx.deleteIfEmpty(args, 1, zset);
  }
  ctx.reply.int(removed);
}

function replyScore({ reply }: Context, score: number | undefined): void {
  if (score === undefined) reply.nil();
  else reply.double(score);
}

function zmscore(ctx: Context, args: Args): void {
  const zset = ctx.readValue(args, 1, ZSetValue);
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i++) replyScore(ctx, zset?.score(args.string(i)));
}

function rank(ctx: Context, args: Args, isReverse: boolean): void {
  if (args.count > 4) throw wrongArity(ctx.command.name);
  const hasScore = args.count === 4;
  if (hasScore && !args.is(3, 'WITHSCORE')) throw ERRORS.syntax;
  const member = args.string(2);
  const zset = ctx.readValue(args, 1, ZSetValue);
  const found = zset?.rank(member);
  if (zset === undefined || found === undefined) {
    if (hasScore) ctx.reply.nilArray();
    else ctx.reply.nil();
    return;
  }
  if (hasScore) ctx.reply.arrayHeader(2);
  ctx.reply.int(isReverse ? zset.size - 1 - found : found);
  if (hasScore) ctx.reply.double(zset.score(member)!);
}

function zrandmember(ctx: Context, args: Args): void {
  const { reply } = ctx;
  if (args.count === 2) {
    const zset = ctx.readValue(args, 1, ZSetValue);
    if (zset === undefined) reply.nil();
    else reply.bulkString(zset.memberAt(ctx.server.random(zset.size)));
    return;
  }
  const count = readDrawCount(args, 2);
  const hasScores = args.count > 3;
  if (args.count > 4 || (hasScores && !args.is(3, 'WITHSCORES'))) throw ERRORS.syntax;
  if (hasScores && Math.abs(count) > 2 ** 62) throw ERRORS.outOfRange;
  const zset = ctx.readValue(args, 1, ZSetValue);
  const positions = zset === undefined ? [] : drawPositions(zset.size, count, ctx.server.random);
  reply.arrayHeader(hasScores && reply.version === 2 ? positions.length * 2 : positions.length);
  for (const position of positions) {
    if (hasScores && reply.version === 3) reply.arrayHeader(2);
    reply.bulkString(zset!.memberAt(position));
    if (hasScores) reply.double(zset!.scoreAt(position));
  }
}

function zscan(ctx: Context, args: Args): void {
  const cursor = readCursor(args, 2);
  const zset = ctx.readValue(args, 1, ZSetValue);
  if (zset === undefined) return replyScan(ctx.reply, 0, []);
  const { count, matches } = readScanOptions(args, 3);
  const found: string[] = [];
  if (zset.encoding(encodingLimits(ctx)) === 'listpack') {
    for (const [member, score] of zset) if (matches(member)) found.push(member, formatDouble(score));
    return replyScan(ctx.reply, 0, found);
  }
  const next = zset.scan(cursor, count, (member, score) => {
    if (matches(member)) found.push(member, formatDoubleAtFullPrecision(score));
  });
  replyScan(ctx.reply, next, found);
}
