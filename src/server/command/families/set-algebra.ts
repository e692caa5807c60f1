import { SetValue } from '../../keyspace/values/set-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readNumkeys } from './blocking-keys.ts';
import { storeResult } from './store-result.ts';

export const setAlgebraCommands: Family = {
  sinter: (ctx, args) => replySet(ctx, intersect(readSets(ctx, args, 1, args.count), Infinity)),
  sunion: (ctx, args) => replySet(ctx, unite(readSets(ctx, args, 1, args.count)).members),
  sdiff: (ctx, args) => replySet(ctx, subtract(readSets(ctx, args, 1, args.count)).members),
  sinterstore: (ctx, args) => {
    const members = intersect(readSets(ctx, args, 2, args.count), Infinity);
    storeResult(ctx, args, 1, SetValue.of(members), EVENT.set, 'sinterstore');
  },
  sunionstore: (ctx, args) =>
    storeResult(ctx, args, 1, unite(readSets(ctx, args, 2, args.count)), EVENT.set, 'sunionstore'),
  sdiffstore: (ctx, args) =>
    storeResult(ctx, args, 1, subtract(readSets(ctx, args, 2, args.count)), EVENT.set, 'sdiffstore'),
  sintercard,
};

const TOO_MANY_KEYS = new ReplyError("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT = new ReplyError("ERR LIMIT can't be negative");

type Sets = readonly (SetValue | undefined)[];

function readSets(ctx: Context, args: Args, from: number, to: number): Sets {
  const sets: (SetValue | undefined)[] = [];
  for (let i = from; i < to; i++) sets.push(ctx.readValue(args, i, SetValue));
  return sets;
}

function replySet({ reply }: Context, members: readonly string[]): void {
  reply.setHeader(members.length);
  for (const member of members) reply.bulkString(member);
}

function sintercard(ctx: Context, args: Args): void {
  const { next } = readNumkeys(args, 1);
  if (next > args.count) throw TOO_MANY_KEYS;
  let limit = 0;
  for (let i = next; i < args.count; i += 2) {
    if (!args.is(i, 'LIMIT') || i + 1 >= args.count) throw ERRORS.syntax;
    limit = args.int(i + 1, NEGATIVE_LIMIT);
    if (limit < 0) throw NEGATIVE_LIMIT;
  }
  ctx.reply.int(intersect(readSets(ctx, args, 2, next), limit === 0 ? Infinity : limit).length);
}

/** Members common to all sets, up to `limit`; looks through the smallest. */
function intersect(sets: Sets, limit: number): string[] {
  const present = sets.filter((set) => set !== undefined);
  if (present.length < sets.length) return [];
  const [smallest, ...others] = present.toSorted((a, b) => a.size - b.size);
  const common: string[] = [];
  for (const member of smallest ?? []) {
    if (!others.every((set) => set.has(member))) continue;
    common.push(member);
    if (common.length >= limit) break;
  }
  return common;
}

function unite(sets: Sets): SetValue {
  const union = new SetValue();
  for (const set of sets) for (const member of set ?? []) union.add(member);
  return union;
}

/** The first set without the members of the others, by whichever way looks at fewer members. */
function subtract([first, ...others]: Sets): SetValue {
  if (first === undefined || others.includes(first)) return new SetValue();
  const present = others.filter((set) => set !== undefined).toSorted((a, b) => b.size - a.size);
  const probes = (first.size * (present.length + 1)) / 2;
  const removals = present.reduce((sum, set) => sum + set.size, first.size);
  if (probes <= removals)
    return SetValue.of(first.members.filter((member) => !present.some((set) => set.has(member))));
  const rest = first.clone();
  for (const set of present) for (const member of set) rest.delete(member);
  return rest;
}
