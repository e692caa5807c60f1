import { HashValue } from '../../keyspace/values/hash-value.ts';
import type { Args } from '../../resp/args.ts';
import { wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { invalidExpire } from '../expire-time.ts';
import { expireFieldsCommand, find } from './hashes.ts';

/**
 * Hash fields with a time to live: what Redis 7.4 and 8 and Valkey 9 have beyond 7.2 (t_hash.c of Redis 8.0). What they
 * do is told to replicas and AOF in commands that all of those know: HSET, HDEL, HPERSIST and HPEXPIREAT.
 */
export const hashExpiryCommands: Family = {
  hexpire: (ctx, args) => expire(ctx, args, 'EX'),
  hpexpire: (ctx, args) => expire(ctx, args, 'PX'),
  hexpireat: (ctx, args) => expire(ctx, args, 'EXAT'),
  hpexpireat: (ctx, args) => expire(ctx, args, 'PXAT'),
  httl: (ctx, args) => replyTimes(ctx, args, (time) => Math.floor((time - ctx.now + 999) / 1000)),
  hpttl: (ctx, args) => replyTimes(ctx, args, (time) => time - ctx.now),
  hexpiretime: (ctx, args) => replyTimes(ctx, args, (time) => Math.floor((time + 999) / 1000)),
  hpexpiretime: (ctx, args) => replyTimes(ctx, args, (time) => time),
  hpersist,
  hgetex,
  hsetex,
  hgetdel,
};

const NO_FIELD = -2;
const NO_EXPIRY = -1;
const NOT_MET = 0;
const DONE = 1;
const DELETED = 2;

/** HFE_MAX_ABS_TIME_MSEC in server.h of Redis 8. */
const MAX_TIME_MS = 70_368_744_177_663n;

const NEGATIVE_TIME = new ReplyError('ERR invalid expire time, must be >= 0');
const NO_FIELDS_WORD = new ReplyError(
  'ERR Mandatory argument FIELDS is missing or not at the right position',
);
const COUNT_TOO_SMALL = new ReplyError('ERR Parameter `numFields` should be greater than 0');
const COUNT_NOT_POSITIVE = new ReplyError('ERR Number of fields must be a positive integer');
const COUNT_INVALID = new ReplyError('ERR invalid number of fields');
const COUNT_WRONG = new ReplyError('ERR The `numfields` parameter must match the number of arguments');
const NO_TIME = new ReplyError('ERR missing expire time');
const TWO_CONDITIONS = new ReplyError('ERR Only one of FXX or FNX arguments can be specified');
const TWO_TIMES = new ReplyError('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified');

type Unit = 'EX' | 'PX' | 'EXAT' | 'PXAT';
type Condition = 'NX' | 'XX' | 'GT' | 'LT';

function unitAt(args: Args, i: number): Unit | undefined {
  return (['EX', 'PX', 'EXAT', 'PXAT'] as const).find((unit) => args.is(i, unit));
}

/** The Unix time in ms that argument `i` means. A master's word is taken however far ahead it is. */
function readTime(ctx: Context, args: Args, i: number, unit: Unit): number {
  const value = args.int64(i);
  if (value < 0n) throw NEGATIVE_TIME;
  const time = unit === 'EX' || unit === 'EXAT' ? value * 1000n : value;
  const base = unit === 'EX' || unit === 'PX' ? BigInt(ctx.now) : 0n;
  if (time > MAX_TIME_MS - base && ctx.client.kind !== 'master') throw invalidExpire(ctx);
  return Number(time + base);
}

/** The fields behind `FIELDS count` at argument `i`, to the end. */
function readFields(args: Args, i: number, badCount: ReplyError): string[] {
  if (!args.is(i, 'FIELDS')) throw NO_FIELDS_WORD;
  const count = args.int(i + 1, badCount);
  if (count < 1) throw badCount;
  if (count !== args.count - i - 2) throw COUNT_WRONG;
  return args.strings(i + 2);
}

/** The hash under the key, to be changed; those of the fields that are past their time are gone from it. */
function openHash(ctx: Context, args: Args, fields: readonly string[]): HashValue | undefined {
  const hash = ctx.writeValue(args, 1, HashValue);
  if (hash?.expiries === undefined) return hash;
  for (const field of fields) ctx.server.expiry.dropFieldOver(ctx, args.string(1), field);
  return hash.size > 0 ? hash : undefined;
}

/** Whether a time is one at which a field goes at once. Replicas, and a log being loaded, leave that to their source. */
function isPast(ctx: Context, time: number): boolean {
  return time <= ctx.now && !ctx.server.isLoading && !ctx.server.isReplica;
}

function noteExpiries(ctx: Context, args: Args): void {
  const ref = ctx.db.find(args.buf, args.start(1), args.end(1));
  if (ref !== 0) ctx.db.noteFieldExpiries(ref);
}

/** What a change of times to live did, for whoever is to be told. */
class Effects {
  readonly timed: string[] = [];
  readonly deleted: string[] = [];
  readonly persisted: string[] = [];

  /** Tells replicas and AOF, after the commands of `before`. */
  propagate(ctx: Context, key: string, time: number, before: readonly (readonly string[])[] = []): void {
    const commands = [...before];
    if (this.deleted.length > 0) commands.push(['HDEL', key, ...this.deleted]);
    if (this.timed.length > 0) commands.push(expireFieldsCommand(key, time, this.timed));
    if (this.persisted.length > 0)
      commands.push(['HPERSIST', key, 'FIELDS', String(this.persisted.length), ...this.persisted]);
    propagateAll(ctx, commands);
  }

  /** Gives a field a time, or deletes it when that is past. */
  setTime(ctx: Context, hash: HashValue, field: string, time: number): typeof DONE | typeof DELETED {
    if (isPast(ctx, time)) {
      hash.delete(field);
      this.deleted.push(field);
      return DELETED;
    }
    hash.setExpiry(field, time);
    this.timed.push(field);
    return DONE;
  }
}

function propagateAll(ctx: Context, commands: readonly (readonly string[])[]): void {
  const last = commands.at(-1);
  if (last === undefined) return ctx.propagateNothing();
  for (const command of commands.slice(0, -1)) ctx.alsoPropagate(command);
  ctx.propagateAs(last);
}

function expire(ctx: Context, args: Args, unit: Unit): void {
  const time = readTime(ctx, args, 2, unit);
  const condition = (['NX', 'XX', 'GT', 'LT'] as const).find((word) => args.is(3, word));
  const fields = readFields(args, condition === undefined ? 3 : 4, COUNT_TOO_SMALL);
  const hash = openHash(ctx, args, fields);
  ctx.reply.arrayHeader(fields.length);
  const effects = new Effects();
  for (const field of fields) {
    if (hash?.has(field) !== true) ctx.reply.int(NO_FIELD);
    else if (!isMet(condition, hash.expiryOf(field), time)) ctx.reply.int(NOT_MET);
    else ctx.reply.int(effects.setTime(ctx, hash, field, time));
  }
  const changes = effects.timed.length + effects.deleted.length;
  if (hash === undefined || changes === 0) return;
  noteExpiries(ctx, args);
  effects.propagate(ctx, args.string(1), time);
  ctx.changed(args, 1, EVENT.hash, effects.deleted.length > 0 ? 'hdel' : 'hexpire', changes);
  ctx.deleteIfEmpty(args, 1, hash);
}

function isMet(condition: Condition | undefined, old: number, time: number): boolean {
  if (condition === undefined) return true;
  if (old < 0) return condition === 'NX' || condition === 'LT';
  if (condition === 'GT') return time > old;
  if (condition === 'LT') return time < old;
  return condition === 'XX';
}

function replyTimes(ctx: Context, args: Args, answer: (time: number) => number): void {
  const hash = ctx.readValue(args, 1, HashValue);
  const fields = readFields(args, 2, COUNT_NOT_POSITIVE);
  ctx.reply.arrayHeader(fields.length);
  for (const [i, field] of fields.entries()) {
    const isThere = find(ctx, hash, args, i + 4) >= 0;
    const time = isThere ? hash!.expiryOf(field) : -1;
    ctx.reply.int(time >= 0 ? answer(time) : isThere ? NO_EXPIRY : NO_FIELD);
  }
}

function hpersist(ctx: Context, args: Args): void {
  const fields = readFields(args, 2, COUNT_NOT_POSITIVE);
  const hash = openHash(ctx, args, fields);
  ctx.reply.arrayHeader(fields.length);
  let changes = 0;
  for (const field of fields) {
    if (hash?.has(field) !== true) ctx.reply.int(NO_FIELD);
    else if (!hash.persist(field)) ctx.reply.int(NO_EXPIRY);
    else {
      changes += 1;
      ctx.reply.int(DONE);
    }
  }
  if (changes === 0) return;
  noteExpiries(ctx, args);
  ctx.changed(args, 1, EVENT.hash, 'hpersist');
}

/** `HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS count field …` */
function hgetex(ctx: Context, args: Args): void {
  const unit = unitAt(args, 2);
  const persists = args.is(2, 'PERSIST');
  const time = unit === undefined ? -1 : readTime(ctx, args, 3, unit);
  const at = unit === undefined ? (persists ? 3 : 2) : 4;
  if (at + 1 >= args.count) throw wrongArity(ctx.command.name);
  const fields = readFields(args, at, COUNT_NOT_POSITIVE);
  const hash = openHash(ctx, args, fields);
  ctx.reply.arrayHeader(fields.length);
  const effects = new Effects();
  for (const [i, field] of fields.entries()) {
    const position = hash?.findBytes(args.buf, args.start(at + 2 + i), args.end(at + 2 + i)) ?? -1;
    if (position < 0) {
      ctx.reply.nil();
      continue;
    }
    hash!.valueInto(position, ctx.reply);
    if (unit !== undefined) effects.setTime(ctx, hash!, field, time);
    else if (persists && hash!.persist(field)) effects.persisted.push(field);
  }
  const { timed, deleted, persisted } = effects;
  const changes = timed.length + deleted.length + persisted.length;
  if (hash === undefined || changes === 0) return;
  noteExpiries(ctx, args);
  effects.propagate(ctx, args.string(1), time);
  const event = timed.length > 0 ? 'hexpire' : persisted.length > 0 ? 'hpersist' : 'hdel';
  ctx.changed(args, 1, EVENT.hash, event, changes);
  ctx.deleteIfEmpty(args, 1, hash);
}

interface SetOptions {
  condition: 'FNX' | 'FXX' | undefined;
  keepsTime: boolean;
  /** Unix time in ms, -1 for none. */
  time: number;
  /** Argument of the first field. */
  fieldsAt: number;
}

/** `HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS count field value …` */
function hsetex(ctx: Context, args: Args): void {
  const { condition, keepsTime, time, fieldsAt } = readSetOptions(ctx, args);
  const pairs = args.strings(fieldsAt);
  const fields = pairs.filter((_, i) => i % 2 === 0);
  let hash = openHash(ctx, args, fields);
  if (
    condition !== undefined &&
    fields.some((field) => (hash?.has(field) === true) !== (condition === 'FXX'))
  )
    return ctx.reply.int(0);
  ctx.reply.int(1);
  const key = args.string(1);
  const effects = new Effects();
  const isOver = time >= 0 && isPast(ctx, time);
  if (isOver) {
    if (hash === undefined) return;
    for (const field of fields) if (hash.delete(field)) effects.deleted.push(field);
    if (effects.deleted.length === 0) return;
    effects.propagate(ctx, key, time);
  } else {
    hash ??= ctx.writeOrCreate(args, 1, HashValue, () => new HashValue());
    const kept: string[][] = [];
    for (const [i, field] of fields.entries()) {
      const value = pairs[i * 2 + 1]!;
      if (keepsTime) {
        hash.replace(field, value);
        const old = hash.expiryOf(field);
        if (old >= 0) kept.push(expireFieldsCommand(key, old, [field]));
      } else {
        hash.set(field, value);
        if (time >= 0) effects.setTime(ctx, hash, field, time);
      }
    }
    effects.propagate(ctx, key, time, [['HSET', key, ...pairs], ...kept]);
  }
  noteExpiries(ctx, args);
  ctx.changed(args, 1, EVENT.hash, 'hset', fields.length);
  if (time >= 0) ctx.notify(EVENT.hash, isOver ? 'hdel' : 'hexpire', key);
  ctx.deleteIfEmpty(args, 1, hash);
}

function readSetOptions(ctx: Context, args: Args): SetOptions {
  const options: SetOptions = { condition: undefined, keepsTime: false, time: -1, fieldsAt: 0 };
  for (let i = 2; i < args.count; i += 1) {
    const unit = unitAt(args, i);
    const hasTime = options.keepsTime || options.time >= 0;
    if (args.is(i, 'FIELDS')) {
      if (i >= args.count - 3) throw wrongArity(ctx.command.name);
      const count = args.int(i + 1, COUNT_INVALID);
      if (count < 1) throw COUNT_INVALID;
      if (count * 2 !== args.count - i - 2) throw wrongArity(ctx.command.name);
      options.fieldsAt = i + 2;
      return options;
    }
    if (unit !== undefined) {
      if (hasTime) throw TWO_TIMES;
      i += 1;
      if (i >= args.count) throw NO_TIME;
      options.time = readTime(ctx, args, i, unit);
    } else if (args.is(i, 'KEEPTTL')) {
      if (hasTime) throw TWO_TIMES;
      options.keepsTime = true;
    } else if (args.is(i, 'FXX') || args.is(i, 'FNX')) {
      if (options.condition !== undefined) throw TWO_CONDITIONS;
      options.condition = args.is(i, 'FXX') ? 'FXX' : 'FNX';
    } else throw new ReplyError(`ERR unknown argument: ${args.string(i)}`);
  }
  throw NO_FIELDS_WORD;
}

/** `HGETDEL key FIELDS count field …` */
function hgetdel(ctx: Context, args: Args): void {
  const fields = readFields(args, 2, COUNT_NOT_POSITIVE);
  const hash = openHash(ctx, args, fields);
  ctx.reply.arrayHeader(fields.length);
  const deleted: string[] = [];
  for (const [i, field] of fields.entries()) {
    const position = hash?.findBytes(args.buf, args.start(i + 4), args.end(i + 4)) ?? -1;
    if (position < 0) {
      ctx.reply.nil();
      continue;
    }
    hash!.valueInto(position, ctx.reply);
    hash!.delete(field);
    deleted.push(field);
  }
  if (hash === undefined || deleted.length === 0) return;
  ctx.propagateAs(['HDEL', args.string(1), ...deleted]);
  ctx.changed(args, 1, EVENT.hash, 'hdel', deleted.length);
  ctx.deleteIfEmpty(args, 1, hash);
}
