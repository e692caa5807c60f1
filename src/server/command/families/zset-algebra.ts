import { SetValue } from '../../keyspace/values/set-value.ts';
import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { storeResult } from './store-result.ts';

export const zsetAlgebraCommands: Family = {
  zunion: (ctx, args) => replyResult(ctx, readRequest(ctx, args, 1, 'reply'), unite),
  zinter: (ctx, args) => replyResult(ctx, readRequest(ctx, args, 1, 'reply'), intersect),
  zdiff: (ctx, args) => replyResult(ctx, readRequest(ctx, args, 1, 'diff'), subtract),
  zunionstore: (ctx, args) => {
    const result = unite(readRequest(ctx, args, 2, 'store'));
    storeResult(ctx, args, 1, result, EVENT.zset, 'zunionstore');
  },
  zinterstore: (ctx, args) => {
    const result = intersect(readRequest(ctx, args, 2, 'store'));
    storeResult(ctx, args, 1, result, EVENT.zset, 'zinterstore');
  },
  zdiffstore: (ctx, args) => {
    const result = subtract(readRequest(ctx, args, 2, 'diffstore'));
    storeResult(ctx, args, 1, result, EVENT.zset, 'zdiffstore');
  },
  zintercard: (ctx, args) => ctx.reply.int(intersect(readRequest(ctx, args, 1, 'card')).size),
};

const BAD_WEIGHT = new ReplyError('ERR weight value is not a float');
const NEGATIVE_LIMIT = new ReplyError("ERR LIMIT can't be negative");

/** Which options a command takes besides its keys. */
type Kind = 'reply' | 'store' | 'diff' | 'diffstore' | 'card';

interface Request {
  readonly sources: readonly Source[];
  readonly aggregate: (a: number, b: number) => number;
  readonly hasScores: boolean;
  /** Stop after as many members. */
  readonly limit: number;
}

/** A sorted set, or a set, whose members count 1. */
interface Source {
  readonly value: ZSetValue | SetValue | undefined;
  weight: number;
}

function sum(a: number, b: number): number {
  const total = a + b;
  // Infinities that cancel out count as nothing.
  return Number.isNaN(total) ? 0 : total;
}

function readRequest(ctx: Context, args: Args, numkeysAt: number, kind: Kind): Request {
  const count = args.int(numkeysAt);
  if (count < 1) {
    throw new ReplyError(`ERR at least 1 input key is needed for '${ctx.command.name}' command`);
  }
  const first = numkeysAt + 1;
  if (count > args.count - first) throw ERRORS.syntax;
  const sources: Source[] = [];
  for (let i = first; i < first + count; i++) sources.push({ value: readSource(ctx, args, i), weight: 1 });
  const isWeighted = kind === 'reply' || kind === 'store';
  let aggregate: Request['aggregate'] = sum;
  let hasScores = false;
  let limit = 0;
  for (let i = first + count; i < args.count;) {
    if (isWeighted && args.is(i, 'WEIGHTS') && args.count - i > count) {
      for (const [n, source] of sources.entries()) source.weight = args.double(i + 1 + n, BAD_WEIGHT);
      i += 1 + count;
    } else if (isWeighted && args.is(i, 'AGGREGATE') && i + 1 < args.count) {
      if (args.is(i + 1, 'SUM')) aggregate = sum;
      else if (args.is(i + 1, 'MIN')) aggregate = Math.min;
      else if (args.is(i + 1, 'MAX')) aggregate = Math.max;
      else throw ERRORS.syntax;
      i += 2;
    } else if ((kind === 'reply' || kind === 'diff') && args.is(i, 'WITHSCORES')) {
      hasScores = true;
      i++;
    } else if (kind === 'card' && args.is(i, 'LIMIT') && i + 1 < args.count) {
      limit = args.int(i + 1, NEGATIVE_LIMIT);
      if (limit < 0) throw NEGATIVE_LIMIT;
      i += 2;
    } else throw ERRORS.syntax;
  }
  return { sources, aggregate, hasScores, limit: limit === 0 ? Infinity : limit };
}

function readSource(ctx: Context, args: Args, i: number): ZSetValue | SetValue | undefined {
  const ref = ctx.read(args, i);
  if (ref === 0) return undefined;
  if (!ctx.db.isString(ref)) {
    const value = ctx.db.object(ref);
    if (value instanceof ZSetValue || value instanceof SetValue) return value;
  }
  throw ERRORS.wrongType;
}

function replyResult(ctx: Context, request: Request, compute: (request: Request) => ZSetValue): void {
  const { reply } = ctx;
  const result = compute(request);
  const isNested = request.hasScores && reply.version === 3;
  reply.arrayHeader(request.hasScores && !isNested ? result.size * 2 : result.size);
  result.forEachInRange(0, result.size, false, (member, score) => {
    if (isNested) reply.arrayHeader(2);
    reply.bulkString(member);
    if (request.hasScores) reply.double(score);
  });
}

/** Members with their scores. */
function* entriesOf({ value }: Source): Generator<readonly [string, number]> {
  if (value instanceof ZSetValue) yield* value;
  else for (const member of value ?? []) yield [member, 1];
}

function scoreIn({ value }: Source, member: string): number | undefined {
  if (value instanceof ZSetValue) return value.score(member);
  return value?.has(member) === true ? 1 : undefined;
}

function weigh(score: number, { weight }: Source): number {
  const weighed = score * weight;
  return Number.isNaN(weighed) ? 0 : weighed;
}

function unite({ sources, aggregate }: Request): ZSetValue {
  const scores = new Map<string, number>();
  for (const source of bySize(sources)) {
    for (const [member, score] of entriesOf(source)) {
      const known = scores.get(member);
      const weighed = weigh(score, source);
      scores.set(member, known === undefined ? weighed : aggregate(known, weighed));
    }
  }
  return ZSetValue.of(scores);
}

function intersect({ sources, aggregate, limit }: Request): ZSetValue {
  const result = new ZSetValue();
  const [smallest, ...others] = bySize(sources);
  if (smallest === undefined) return result;
  for (const [member, own] of entriesOf(smallest)) {
    let score: number | undefined = weigh(own, smallest);
    for (const other of others) {
      const found = scoreIn(other, member);
      if (found === undefined) {
        score = undefined;
        break;
      }
      score = aggregate(score, found * other.weight);
    }
    if (score === undefined) continue;
    result.set(member, score);
    if (result.size >= limit) break;
  }
  return result;
}

function subtract({ sources: [first, ...others] }: Request): ZSetValue {
  const result = new ZSetValue();
  if (first === undefined) return result;
  for (const [member, score] of entriesOf(first))
    if (others.every((other) => scoreIn(other, member) === undefined)) result.set(member, score);
  return result;
}

function bySize(sources: readonly Source[]): Source[] {
  return sources.toSorted((a, b) => (a.value?.size ?? 0) - (b.value?.size ?? 0));
}
