import { isInt64 } from '../../keyspace/values/encoding.ts';
import { HashValue } from '../../keyspace/values/hash-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { addLongDoubles, classifyLongDouble } from '../long-double.ts';
import { encodingLimits } from './encoding-limits.ts';
import { drawPositions, readDrawCount } from './random-draw.ts';
import { readCursor, readScanOptions, replyScan } from './scan-options.ts';

export const hashCommands: Family = {
  hset: (ctx, args) => ctx.reply.int(setAll(ctx, args)),
  hmset: (ctx, args) => {
    setAll(ctx, args);
    ctx.reply.ok();
  },
  hsetnx,
  hget,
  hmget,
  hgetall: (ctx, args) => replyAll(ctx, args, true, true),
  hkeys: (ctx, args) => replyAll(ctx, args, true, false),
  hvals: (ctx, args) => replyAll(ctx, args, false, true),
  hlen: (ctx, args) => ctx.reply.int(ctx.readValue(args, 1, HashValue)?.size ?? 0),
  hexists: (ctx, args) => ctx.reply.int(find(ctx, ctx.readValue(args, 1, HashValue), args, 2) < 0 ? 0 : 1),
  hstrlen: (ctx, args) => {
    const hash = ctx.readValue(args, 1, HashValue);
    const position = find(ctx, hash, args, 2);
    ctx.reply.int(position < 0 ? 0 : hash!.valueAt(position).length);
  },
  hdel,
  hincrby,
  hincrbyfloat,
  hrandfield,
  hscan,
};

const NOT_AN_INTEGER = new ReplyError('ERR hash value is not an integer');
const NOT_A_FLOAT = new ReplyError('ERR hash value is not a float');
const INFINITE_INCREMENT = new ReplyError('ERR value is NaN or Infinity');

const makeHash = (): HashValue => new HashValue();

function setAll(ctx: Context, args: Args): number {
  const { count } = args;
  if (count % 2 !== 0) throw wrongArity(ctx.command.name);
  const hash = ctx.writeOrCreate(args, 1, HashValue, makeHash);
  let added = 0;
  for (let i = 2; i < count; i += 2) {
    const isNew = hash.setBytes(args.buf, args.start(i), args.end(i), args.start(i + 1), args.end(i + 1));
    if (isNew) added++;
  }
  ctx.changed(args, 1, EVENT.hash, 'hset', (count - 2) / 2);
  return added;
}

function hsetnx(ctx: Context, args: Args): void {
  const field = args.string(2);
  dropFieldOver(ctx, args, field);
  if (ctx.writeValue(args, 1, HashValue)?.has(field) === true) return ctx.reply.int(0);
  ctx.writeOrCreate(args, 1, HashValue, makeHash).set(field, args.string(3));
  ctx.reply.int(1);
  ctx.changed(args, 1, EVENT.hash, 'hset');
}

function hget(ctx: Context, args: Args): void {
  replyValue(ctx, ctx.readValue(args, 1, HashValue), args, 2);
}

function hmget(ctx: Context, args: Args): void {
  const hash = ctx.readValue(args, 1, HashValue);
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i++) replyValue(ctx, hash, args, i);
}

function replyValue(ctx: Context, hash: HashValue | undefined, args: Args, i: number): void {
  const position = find(ctx, hash, args, i);
  if (position < 0) ctx.reply.nil();
  else hash!.valueInto(position, ctx.reply);
}

/** Position of the field in argument `i`, or -1: a field past its time is not there. */
export function find(ctx: Context, hash: HashValue | undefined, args: Args, i: number): number {
  if (hash === undefined) return -1;
  const position = hash.findBytes(args.buf, args.start(i), args.end(i));
  if (position < 0 || hash.expiries === undefined) return position;
  return hash.isOver(args.string(i), ctx.server.expiry.fieldsHiddenBefore(ctx)) ? -1 : position;
}

/** The positions of the fields that are there, when some are past their time. */
function visiblePositions(ctx: Context, hash: HashValue): number[] | undefined {
  if (hash.expiries === undefined) return undefined;
  const hiddenBefore = ctx.server.expiry.fieldsHiddenBefore(ctx);
  if (!hash.hasFieldsOver(hiddenBefore)) return undefined;
  const positions: number[] = [];
  for (let i = 0; i < hash.size; i++) if (!hash.isOver(hash.fieldAt(i), hiddenBefore)) positions.push(i);
  return positions;
}

/** Before a field is changed: see `Expiry.dropFieldOver`. */
function dropFieldOver(ctx: Context, args: Args, field: string): void {
  if (ctx.db.fieldExpiries.size > 0) ctx.server.expiry.dropFieldOver(ctx, args.string(1), field);
}

function replyAll(ctx: Context, args: Args, hasFields: boolean, hasValues: boolean): void {
  const hash = ctx.readValue(args, 1, HashValue);
  const visible = hash === undefined ? undefined : visiblePositions(ctx, hash);
  const size = visible?.length ?? hash?.size ?? 0;
  if (hasFields && hasValues) ctx.reply.mapHeader(size);
  else ctx.reply.arrayHeader(size);
  for (let i = 0; i < size; i++) {
    const position = visible === undefined ? i : visible[i]!;
    if (hasFields) hash!.fieldInto(position, ctx.reply);
    if (hasValues) hash!.valueInto(position, ctx.reply);
  }
}

function hdel(ctx: Context, args: Args): void {
  const hash = ctx.writeValue(args, 1, HashValue);
  let deleted = 0;
  if (hash !== undefined)
    for (let i = 2; i < args.count && hash.size > 0; i++) if (hash.delete(args.string(i))) deleted++;
  if (hash !== undefined && deleted > 0) {
    ctx.changed(args, 1, EVENT.hash, 'hdel', deleted);
    ctx.deleteIfEmpty(args, 1, hash);
  }
  ctx.reply.int(deleted);
}

function hincrby(ctx: Context, args: Args): void {
  const increment = args.int64(3);
  const field = args.string(2);
  dropFieldOver(ctx, args, field);
  const old = ctx.writeValue(args, 1, HashValue)?.get(field) ?? '0';
  if (!isInt64(old)) throw NOT_AN_INTEGER;
  const sum = BigInt(old) + increment;
  if (BigInt.asIntN(64, sum) !== sum) throw ERRORS.overflow;
  ctx.writeOrCreate(args, 1, HashValue, makeHash).replace(field, String(sum));
  ctx.reply.int(sum);
  ctx.changed(args, 1, EVENT.hash, 'hincrby');
}

function hincrbyfloat(ctx: Context, args: Args): void {
  const increment = args.string(3);
  const kind = classifyLongDouble(increment);
  if (kind === undefined) throw ERRORS.notFloat;
  if (kind === 'infinite') throw INFINITE_INCREMENT;
  const field = args.string(2);
  dropFieldOver(ctx, args, field);
  const sum = addLongDoubles(ctx.writeValue(args, 1, HashValue)?.get(field) ?? '0', increment);
  if (sum === undefined) throw NOT_A_FLOAT;
  if (sum === 'inf') throw ERRORS.nanOrInfinity;
  const hash = ctx.writeOrCreate(args, 1, HashValue, makeHash);
  hash.replace(field, sum);
  ctx.reply.bulkString(sum);
  ctx.changed(args, 1, EVENT.hash, 'hincrbyfloat');
  const key = args.string(1);
  const expiry = hash.expiryOf(field);
  if (expiry < 0) ctx.propagateAs(['HSET', key, field, sum]);
  else {
    ctx.alsoPropagate(['HSET', key, field, sum]);
    ctx.propagateAs(expireFieldsCommand(key, expiry, [field]));
  }
}

/** How replicas and AOF are told when fields expire: all servers that have such fields know it. */
export function expireFieldsCommand(key: string, timeMs: number, fields: readonly string[]): string[] {
  return ['HPEXPIREAT', key, String(timeMs), 'FIELDS', String(fields.length), ...fields];
}

function hrandfield(ctx: Context, args: Args): void {
  const { reply } = ctx;
  if (args.count === 2) {
    const hash = ctx.readValue(args, 1, HashValue);
    const visible = hash === undefined ? undefined : visiblePositions(ctx, hash);
    const size = visible?.length ?? hash?.size ?? 0;
    if (size === 0) return reply.nil();
    const drawn = ctx.server.random(size);
    hash!.fieldInto(visible === undefined ? drawn : visible[drawn]!, reply);
    return;
  }
  const count = readDrawCount(args, 2);
  const hasValues = args.count > 3;
  if (args.count > 4 || (hasValues && !args.is(3, 'WITHVALUES'))) throw ERRORS.syntax;
  if (hasValues && Math.abs(count) > 2 ** 62) throw ERRORS.outOfRange;
  const hash = ctx.readValue(args, 1, HashValue);
  const visible = hash === undefined ? [] : visiblePositions(ctx, hash);
  const size = visible?.length ?? hash?.size ?? 0;
  const drawn = size === 0 ? [] : drawPositions(size, count, ctx.server.random);
  const positions = visible === undefined ? drawn : drawn.map((i) => visible[i]!);
  reply.arrayHeader(hasValues && reply.version === 2 ? positions.length * 2 : positions.length);
  for (const position of positions) {
    if (hasValues && reply.version === 3) reply.arrayHeader(2);
    hash!.fieldInto(position, reply);
    if (hasValues) hash!.valueInto(position, reply);
  }
}

function hscan(ctx: Context, args: Args): void {
  const cursor = readCursor(args, 2);
  const hash = ctx.readValue(args, 1, HashValue);
  if (hash === undefined) return replyScan(ctx.reply, 0, []);
  const { count, matches } = readScanOptions(args, 3);
  const found: string[] = [];
  const hiddenBefore = ctx.server.expiry.fieldsHiddenBefore(ctx);
  const visit = (field: string, value: string): void => {
    if (matches(field) && !hash.isOver(field, hiddenBefore)) found.push(field, value);
  };
  if (hash.encoding(encodingLimits(ctx)) === 'hashtable')
    replyScan(ctx.reply, hash.scan(cursor, count, visit), found);
  else {
    for (const [field, value] of hash) visit(field, value);
    replyScan(ctx.reply, 0, found);
  }
}
