import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family, Handler } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { indexRange } from './index-range.ts';
import { storeResult } from './store-result.ts';
import { readLexBounds, readScoreBounds, type Bounds } from './zset-bounds.ts';

type RangeBy = 'rank' | 'score' | 'lex';

export const zsetRangeCommands: Family = {
  zrange: range(undefined, undefined),
  zrevrange: range('rank', true),
  zrangebyscore: range('score', false),
  zrevrangebyscore: range('score', true),
  zrangebylex: range('lex', false),
  zrevrangebylex: range('lex', true),
  zrangestore,
  zcount: (ctx, args) => countWithin(ctx, args, readScoreBounds(args, 2, 3)),
  zlexcount: (ctx, args) => countWithin(ctx, args, readLexBounds(args, 2, 3)),
  zremrangebyrank: (ctx, args) => removeWithin(ctx, args, readRankBounds(args, 2, 3)),
  zremrangebyscore: (ctx, args) => removeWithin(ctx, args, readScoreBounds(args, 2, 3)),
  zremrangebylex: (ctx, args) => removeWithin(ctx, args, readLexBounds(args, 2, 3)),
};

const LIMIT_BY_RANK = new ReplyError(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
const SCORES_BY_LEX = new ReplyError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');

/** A range asked for: by what, in which direction, and which part of it. */
interface RangeRequest {
  readonly bounds: Bounds;
  readonly isReverse: boolean;
  readonly hasScores: boolean;
  readonly offset: number;
  /** Negative for no limit. */
  readonly limit: number;
}

function range(by: RangeBy | undefined, isReverse: boolean | undefined): Handler {
  return (ctx, args) => {
    const request = readRange(args, 1, by, isReverse, false);
    const zset = ctx.readValue(args, 1, ZSetValue);
    const { reply } = ctx;
    if (zset === undefined) return reply.arrayHeader(0);
    const { from, to } = resolve(zset, request);
    const isNested = request.hasScores && reply.version === 3;
    reply.arrayHeader(request.hasScores && !isNested ? (to - from) * 2 : to - from);
    zset.forEachInRange(from, to, request.isReverse, (member, score) => {
      if (isNested) reply.arrayHeader(2);
      reply.bulkString(member);
      if (request.hasScores) reply.double(score);
    });
  };
}

function zrangestore(ctx: Context, args: Args): void {
  const request = readRange(args, 2, undefined, undefined, true);
  const zset = ctx.readValue(args, 2, ZSetValue);
  const result = new ZSetValue();
  if (zset !== undefined) {
    const { from, to } = resolve(zset, request);
    zset.forEachInRange(from, to, request.isReverse, (member, score) => void result.set(member, score));
  }
  storeResult(ctx, args, 1, result, EVENT.zset, 'zrangestore');
}

/** Reads `key min max [options]` from argument `keyAt` on; what is given decides, what is undefined may be asked. */
function readRange(
  args: Args,
  keyAt: number,
  givenBy: RangeBy | undefined,
  givenReverse: boolean | undefined,
  isStore: boolean,
): RangeRequest {
  let by = givenBy;
  let isReverse = givenReverse;
  let hasScores = false;
  let offset = 0;
  let limit = -1;
  for (let i = keyAt + 3; i < args.count; i++) {
    if (!isStore && args.is(i, 'WITHSCORES')) hasScores = true;
    else if (args.is(i, 'LIMIT') && i + 2 < args.count) {
      offset = args.int(i + 1);
      limit = args.int(i + 2);
      i += 2;
    } else if (givenReverse === undefined && args.is(i, 'REV')) isReverse = true;
    else if (givenBy === undefined && by === undefined && args.is(i, 'BYLEX')) by = 'lex';
    else if (givenBy === undefined && by === undefined && args.is(i, 'BYSCORE')) by = 'score';
    else throw ERRORS.syntax;
  }
  by ??= 'rank';
  isReverse ??= false;
  if (by === 'rank') {
    // A limit of -1 is taken for none, and its offset with it.
    if (limit !== -1) throw LIMIT_BY_RANK;
    offset = 0;
  }
  if (hasScores && by === 'lex') throw SCORES_BY_LEX;
  const [minAt, maxAt] = isReverse && by !== 'rank' ? [keyAt + 2, keyAt + 1] : [keyAt + 1, keyAt + 2];
  const readBounds = by === 'rank' ? readRankBounds : by === 'score' ? readScoreBounds : readLexBounds;
  return { bounds: readBounds(args, minAt, maxAt, isReverse), isReverse, hasScores, offset, limit };
}

function readRankBounds(args: Args, startAt: number, stopAt: number, isReverse = false): Bounds {
  const start = args.int(startAt);
  const stop = args.int(stopAt);
  return ({ size }) => {
    const { from, to } = indexRange(start, stop, size);
    return isReverse ? { from: size - to, to: size - from } : { from, to };
  };
}

/** The ranks a request comes down to, its offset and limit applied in its direction. */
function resolve(
  zset: ZSetValue,
  { bounds, isReverse, offset, limit }: RangeRequest,
): { from: number; to: number } {
  const { from, to } = bounds(zset);
  const size = to - from;
  // A negative offset skips everything.
  const skipped = offset < 0 ? size : Math.min(offset, size);
  const taken = limit < 0 ? size - skipped : Math.min(limit, size - skipped);
  return isReverse
    ? { from: to - skipped - taken, to: to - skipped }
    : { from: from + skipped, to: from + skipped + taken };
}

function countWithin(ctx: Context, args: Args, bounds: Bounds): void {
  const zset = ctx.readValue(args, 1, ZSetValue);
  if (zset === undefined) return ctx.reply.int(0);
  const { from, to } = bounds(zset);
  ctx.reply.int(to - from);
}

function removeWithin(ctx: Context, args: Args, bounds: Bounds): void {
  const zset = ctx.writeValue(args, 1, ZSetValue);
  if (zset === undefined) return ctx.reply.int(0);
  const { from, to } = bounds(zset);
  const removed = zset.deleteRange(from, to);
  if (removed > 0) {
    ctx.changed(args, 1, EVENT.zset, ctx.command.name, removed);
    ctx.deleteIfEmpty(args, 1, zset);
  }
  ctx.reply.int(removed);
}
