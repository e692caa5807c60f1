import type { Db } from '../../keyspace/db.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { parseInt64, parseInteger, writeInteger } from '../../resp/integer.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { expireTimeMs, type ExpireUnit } from '../expire-time.ts';
import { addLongDoubles, classifyLongDouble } from '../long-double.ts';
import { removalVerb } from '../removal-verb.ts';

export const stringCommands: Family = {
  get,
  set,
  setnx,
  setex: (ctx, args) => setWithExpire(ctx, args, 'EX'),
  psetex: (ctx, args) => setWithExpire(ctx, args, 'PX'),
  getset,
  getdel,
  getex,
  mget,
  mset,
  msetnx,
  incr: (ctx, args) => increment(ctx, args, 1),
  decr: (ctx, args) => increment(ctx, args, -1),
  incrby: (ctx, args) => increment(ctx, args, args.int64(2)),
  decrby,
  incrbyfloat,
  append,
  strlen,
  getrange,
  substr: getrange,
  setrange,
};

// ---- get and set ----------------------------------------------------------------------------------------------------

function get(ctx: Context, args: Args): void {
  replyString(ctx, ctx.readString(args, 1));
}

function replyString(ctx: Context, ref: number): void {
  if (ref === 0) {
    ctx.reply.nil();
    return;
  }
  const { db } = ctx;
  db.locateValue(ref);
  ctx.reply.bulk(db.at, db.from, db.to);
}

/** Sets the key in argument 1 to argument `valueAt` and tells of it. */
function store(ctx: Context, args: Args, keyAt: number, valueAt: number, keepTtl = false): number {
  const { buf } = args;
  const ref = ctx.write(args, keyAt);
  const stored =
    ref === 0
      ? ctx.insertString(args, keyAt, buf, args.start(valueAt), args.end(valueAt))
      : ctx.db.replaceString(ref, buf, args.start(valueAt), args.end(valueAt), keepTtl);
  ctx.changed(args, keyAt, EVENT.string, 'set');
  return stored;
}

interface SetOptions {
  condition: 'NX' | 'XX' | undefined;
  returnsOld: boolean;
  keepsTtl: boolean;
  persists: boolean;
  unit: ExpireUnit | undefined;
  timeAt: number;
}

function set(ctx: Context, args: Args): void {
  if (args.count === 3) {
    store(ctx, args, 1, 2);
    ctx.reply.ok();
    return;
  }
  const options = readSetOptions(args, 3, false, ctx.client.isTrusted);
  const time = options.unit === undefined ? 0 : expireTimeMs(ctx, args, options.timeAt, options.unit);
  if (options.returnsOld) replyString(ctx, ctx.readString(args, 1));
  if (options.condition !== undefined) {
    const isThere = ctx.write(args, 1) !== 0;
    if (isThere === (options.condition === 'NX')) {
      if (!options.returnsOld) ctx.reply.nil();
      return;
    }
  }
  const ref = store(ctx, args, 1, 2, options.keepsTtl);
  if (options.unit !== undefined) {
    ctx.db.setExpire(ref, time);
    if (ctx.server.notifyMask !== 0) ctx.notify(EVENT.generic, 'expire', args.string(1));
    // What is absolute already goes as it came.
    if (options.unit !== 'PXAT') ctx.propagateAs(['SET', args.view(1), args.view(2), 'PXAT', String(time)]);
  } else if (options.returnsOld) {
    ctx.propagateAs(args.strings().filter((word, i) => i < 3 || word.toUpperCase() !== 'GET'));
  }
  if (!options.returnsOld) ctx.reply.ok();
}

/** The options of SET and of GETEX (source: parseExtendedStringArgumentsOrReply in t_string.c). */
function readSetOptions(args: Args, from: number, isGet: boolean, isObeyed = false): SetOptions {
  const options: SetOptions = {
    condition: undefined,
    returnsOld: false,
    keepsTtl: false,
    persists: false,
    unit: undefined,
    timeAt: 0,
  };
  for (let i = from; i < args.count; i += 1) {
    const word = args.upper(i);
    const isTtlFree = options.unit === undefined && !options.keepsTtl && !options.persists;
    if ((word === 'NX' || word === 'XX') && !isGet && (options.condition ?? word) === word) {
      options.condition = word;
    } else if (word === 'GET' && !isGet) {
      options.returnsOld = true;
    } else if (word === 'KEEPTTL' && !isGet && options.unit === undefined) {
      options.keepsTtl = true;
    } else if (word === 'PERSIST' && isGet && options.unit === undefined) {
      options.persists = true;
    } else if (isUnit(word) && isTtlFree && i + 1 < args.count) {
      options.unit = word;
      options.timeAt = i + 1;
      i += 1;
    } else if (word === 'IFEQ' && isObeyed && i + 1 < args.count) {
      // Valkey since 8.1: who sends it to be obeyed has found its condition to hold.
      i += 1;
    } else {
      throw ERRORS.syntax;
    }
  }
  return options;
}

function isUnit(word: string): word is ExpireUnit {
  return word === 'EX' || word === 'PX' || word === 'EXAT' || word === 'PXAT';
}

function setnx(ctx: Context, args: Args): void {
  if (ctx.write(args, 1) !== 0) {
    ctx.reply.int(0);
    return;
  }
  store(ctx, args, 1, 2);
  ctx.reply.int(1);
}

function setWithExpire(ctx: Context, args: Args, unit: ExpireUnit): void {
  const time = expireTimeMs(ctx, args, 2, unit);
  const ref = store(ctx, args, 1, 3);
  ctx.db.setExpire(ref, time);
  if (ctx.server.notifyMask !== 0) ctx.notify(EVENT.generic, 'expire', args.string(1));
  ctx.propagateAs(['SET', args.view(1), args.view(3), 'PXAT', String(time)]);
  ctx.reply.ok();
}

function getset(ctx: Context, args: Args): void {
  replyString(ctx, ctx.readString(args, 1));
  store(ctx, args, 1, 2);
  ctx.propagateAs(['SET', args.view(1), args.view(2)]);
}

function getdel(ctx: Context, args: Args): void {
  const ref = ctx.readString(args, 1);
  replyString(ctx, ref);
  if (ref === 0) return;
  ctx.propagateAs(['DEL', args.view(1)]);
  ctx.db.delete(ref);
  ctx.changed(args, 1, EVENT.generic, 'del');
}

function getex(ctx: Context, args: Args): void {
  const options = readSetOptions(args, 2, true);
  const ref = ctx.readString(args, 1);
  if (ref === 0) {
    ctx.reply.nil();
    return;
  }
  const time = options.unit === undefined ? 0 : expireTimeMs(ctx, args, options.timeAt, options.unit);
  replyString(ctx, ref);
  const isAbsolute = options.unit === 'EXAT' || options.unit === 'PXAT';
  if (isAbsolute && time <= ctx.now && !ctx.server.isLoading && !ctx.server.isReplica) {
    ctx.propagateAs([removalVerb(ctx.server, 'lazyfree-lazy-expire'), args.view(1)]);
    ctx.db.delete(ref);
    ctx.changed(args, 1, EVENT.generic, 'del');
  } else if (options.unit !== undefined) {
    ctx.db.setExpire(ref, time);
    ctx.propagateAs(['PEXPIREAT', args.view(1), String(time)]);
    ctx.changed(args, 1, EVENT.generic, 'expire');
  } else if (options.persists && ctx.db.persist(ref)) {
    ctx.propagateAs(['PERSIST', args.view(1)]);
    ctx.changed(args, 1, EVENT.generic, 'persist');
  }
}

// ---- several keys ---------------------------------------------------------------------------------------------------

function mget(ctx: Context, args: Args): void {
  ctx.reply.arrayHeader(args.count - 1);
  for (let i = 1; i < args.count; i += 1) {
    const ref = ctx.read(args, i);
    replyString(ctx, ref !== 0 && ctx.db.isString(ref) ? ref : 0);
  }
}

function mset(ctx: Context, args: Args): void {
  checkPairs(ctx, args);
  for (let i = 1; i < args.count; i += 2) store(ctx, args, i, i + 1);
  ctx.reply.ok();
}

function msetnx(ctx: Context, args: Args): void {
  checkPairs(ctx, args);
  for (let i = 1; i < args.count; i += 2) {
    if (ctx.write(args, i) === 0) continue;
    ctx.reply.int(0);
    return;
  }
  for (let i = 1; i < args.count; i += 2) store(ctx, args, i, i + 1);
  ctx.reply.int(1);
}

function checkPairs(ctx: Context, args: Args): void {
  if (args.count % 2 === 0) throw wrongArity(ctx.command.name);
}

// ---- numbers --------------------------------------------------------------------------------------------------------

const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;
const digits = Buffer.alloc(24);

function increment(ctx: Context, args: Args, by: number | bigint): void {
  const { db } = ctx;
  const ref = ctx.writeString(args, 1);
  const value = sum(db, ref, by);
  const length =
    typeof value === 'number' ? writeInteger(digits, 0, value) : digits.latin1Write(String(value), 0);
  if (ref === 0) ctx.insertString(args, 1, digits, 0, length);
  else db.replaceString(ref, digits, 0, length, true);
  ctx.changed(args, 1, EVENT.string, 'incrby');
  ctx.reply.int(value);
}

/** What is in the entry (0 when there is none) and `by`: a number where that is exact. */
function sum(db: Db, ref: number, by: number | bigint): number | bigint {
  let old = 0;
  if (ref !== 0) {
    db.locateValue(ref);
    old = parseInteger(db.at, db.from, db.to);
    if (Number.isNaN(old)) throw ERRORS.notInteger;
  }
  const value = old + Number(by);
  if (Number.isSafeInteger(value) && Number.isSafeInteger(old) && Number.isSafeInteger(Number(by)))
    return value;
  const exact = (ref === 0 ? 0n : (parseInt64(db.at, db.from, db.to) ?? 0n)) + BigInt(by);
  if (exact > INT64_MAX || exact < INT64_MIN) throw ERRORS.overflow;
  return exact;
}

function decrby(ctx: Context, args: Args): void {
  const by = args.int64(2);
  if (by === INT64_MIN) throw ERRORS.decrementOverflow;
  increment(ctx, args, -by);
}

function incrbyfloat(ctx: Context, args: Args): void {
  const { db } = ctx;
  const ref = ctx.writeString(args, 1);
  const old = ref === 0 ? '0' : db.valueString(ref);
  if (classifyLongDouble(old) === undefined) throw ERRORS.notFloat;
  if (classifyLongDouble(args.string(2)) === undefined) throw ERRORS.notFloat;
  const text = addLongDoubles(old, args.string(2));
  if (text === undefined || text.endsWith('inf')) throw ERRORS.nanOrInfinity;
  const value = Buffer.from(text, 'latin1');
  const stored =
    ref === 0
      ? ctx.insertString(args, 1, value, 0, value.length)
      : db.replaceString(ref, value, 0, value.length, true);
  db.setText(stored);
  ctx.changed(args, 1, EVENT.string, 'incrbyfloat');
  ctx.propagateAs(['SET', args.view(1), text, 'KEEPTTL']);
  ctx.reply.bulkString(text);
}

// ---- parts of a string ----------------------------------------------------------------------------------------------

function append(ctx: Context, args: Args): void {
  const { db } = ctx;
  const ref = ctx.writeString(args, 1);
  const added = args.length(2);
  if (ref === 0) {
    ctx.insertString(args, 1, args.buf, args.start(2), args.end(2));
    ctx.changed(args, 1, EVENT.string, 'append');
    ctx.reply.int(added);
    return;
  }
  const old = db.valueLength(ref);
  checkLength(ctx, old + added);
  const moved = db.resizeString(ref, old + added);
  db.locateValue(moved);
  args.buf.copy(db.at, db.from + old, args.start(2), args.end(2));
  ctx.changed(args, 1, EVENT.string, 'append');
  ctx.reply.int(old + added);
}

function checkLength(ctx: Context, length: number): void {
  if (length > ctx.server.limits.maxBulkBytes && !ctx.client.isTrusted) throw ERRORS.stringTooLong;
}

function strlen(ctx: Context, args: Args): void {
  const ref = ctx.readString(args, 1);
  ctx.reply.int(ref === 0 ? 0 : ctx.db.valueLength(ref));
}

function getrange(ctx: Context, args: Args): void {
  let start = args.int(2);
  let end = args.int(3);
  const ref = ctx.readString(args, 1);
  const length = ref === 0 ? 0 : ctx.db.valueLength(ref);
  const isBackwards = start < 0 && end < 0 && start > end;
  start = Math.max(0, start < 0 ? length + start : start);
  end = Math.min(length - 1, Math.max(0, end < 0 ? length + end : end));
  if (isBackwards || length === 0 || start > end) {
    ctx.reply.bulkString('');
    return;
  }
  ctx.db.locateValue(ref);
  ctx.reply.bulk(ctx.db.at, ctx.db.from + start, ctx.db.from + end + 1);
}

function setrange(ctx: Context, args: Args): void {
  const offset = args.int(2);
  if (offset < 0) throw ERRORS.offsetOutOfRange;
  const { db } = ctx;
  let ref = ctx.writeString(args, 1);
  const size = args.length(3);
  const old = ref === 0 ? 0 : db.valueLength(ref);
  if (size === 0) {
    ctx.reply.int(old);
    return;
  }
  checkLength(ctx, offset + size);
  if (ref === 0) ref = ctx.insertString(args, 1, args.buf, 0, 0);
  const moved = db.resizeString(ref, Math.max(old, offset + size));
  db.locateValue(moved);
  args.buf.copy(db.at, db.from + offset, args.start(3), args.end(3));
  ctx.changed(args, 1, EVENT.string, 'setrange');
  ctx.reply.int(db.valueLength(moved));
}
