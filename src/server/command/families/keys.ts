import type { Db } from '../../keyspace/db.ts';
import { matchGlob } from '../../keyspace/match-glob.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readCursor } from './scan-options.ts';

export const keyCommands: Family = {
  del,
  unlink: del,
  exists,
  touch: (ctx, args) => ctx.reply.int(countKeys(ctx, args)),
  type: typeOf,
  rename: (ctx, args) => {
    rename(ctx, args, true);
    ctx.reply.ok();
  },
  renamenx: (ctx, args) => ctx.reply.int(rename(ctx, args, false) ? 1 : 0),
  copy,
  move,
  swapdb,
  randomkey,
  keys,
  scan,
  dbsize: (ctx) => ctx.reply.int(ctx.db.size),
  flushall,
  flushdb,
};

function del(ctx: Context, args: Args): void {
  let count = 0;
  for (let i = 1; i < args.count; i += 1) if (ctx.delete(args, i)) count += 1;
  ctx.reply.int(count);
}

function exists(ctx: Context, args: Args): void {
  let count = 0;
  for (let i = 1; i < args.count; i += 1) if (ctx.readUnstamped(args, i) !== 0) count += 1;
  ctx.reply.int(count);
}

function countKeys(ctx: Context, args: Args): number {
  let count = 0;
  for (let i = 1; i < args.count; i += 1) if (ctx.read(args, i) !== 0) count += 1;
  return count;
}

function typeOf(ctx: Context, args: Args): void {
  const ref = ctx.peek(args, 1);
  ctx.reply.simple(ref === 0 ? 'none' : ctx.db.typeOf(ref));
}

// ---- moving ---------------------------------------------------------------------------------------------------------

function rename(ctx: Context, args: Args, replaces: boolean): boolean {
  if (ctx.write(args, 1) === 0) throw ERRORS.noKey;
  if (args.string(1) === args.string(2)) return replaces;
  const target = ctx.write(args, 2);
  if (target !== 0) {
    if (!replaces) return false;
    ctx.db.delete(target);
  }
  ctx.db.rename(ctx.peek(args, 1), args.buf, args.start(2), args.end(2));
  ctx.notifyNew(args.string(2));
  ctx.changed(args, 1, EVENT.generic, 'rename_from');
  ctx.changed(args, 2, EVENT.generic, 'rename_to', 0);
  return true;
}

function dbIndex(ctx: Context, args: Args, i: number): number {
  const index = args.int32(i);
  if (index < 0 || index >= ctx.server.keyspace.count) throw ERRORS.dbOutOfRange;
  return index;
}

function copy(ctx: Context, args: Args): void {
  let index = ctx.dbIndex;
  let replaces = false;
  for (let i = 3; i < args.count; i += 1) {
    if (args.is(i, 'REPLACE')) replaces = true;
    else if (args.is(i, 'DB') && i + 1 < args.count) {
      i += 1;
      index = dbIndex(ctx, args, i);
    } else throw ERRORS.syntax;
  }
  if (index === ctx.dbIndex && args.string(1) === args.string(2)) throw ERRORS.sameObject;
  const source = ctx.read(args, 1);
  if (source === 0) {
    ctx.reply.int(0);
    return;
  }
  ctx.reply.int(place(ctx, args, { source, index, keyAt: 2, replaces, event: 'copy_to' }) ? 1 : 0);
}

function move(ctx: Context, args: Args): void {
  const index = dbIndex(ctx, args, 2);
  if (index === ctx.dbIndex) throw ERRORS.sameObject;
  const source = ctx.write(args, 1);
  // A collection goes where the walks over this db do not see it change.
  if (source !== 0) ctx.db.willChange(source);
  if (source === 0 || !place(ctx, args, { source, index, keyAt: 1, replaces: false, event: 'move_to' })) {
    ctx.reply.int(0);
    return;
  }
  ctx.db.delete(ctx.peek(args, 1));
  ctx.changed(args, 1, EVENT.generic, 'move_from', 0);
  ctx.reply.int(1);
}

interface Placing {
  readonly source: number;
  /** Db to put a copy into, under the name in argument `keyAt`. */
  readonly index: number;
  readonly keyAt: number;
  readonly replaces: boolean;
  readonly event: string;
}

/** Copies an entry, with its time to live, to a key of another (or the same) db; false when that key is there. */
function place(ctx: Context, args: Args, { source, index, keyAt, replaces, event }: Placing): boolean {
  const { db, dbIndex: home } = ctx;
  const isString = db.isString(source);
  const bytes = isString ? db.valueBytes(source) : undefined;
  const object = isString ? undefined : event === 'copy_to' ? db.object(source).clone() : db.object(source);
  const isRaw = isString && db.stringEncoding(source) === 'raw';
  const expireAt = db.expireAt(source);
  const start = args.start(keyAt);
  const end = args.end(keyAt);
  ctx.dbIndex = index;
  ctx.db = ctx.server.keyspace.db(index);
  const known = ctx.write(args, keyAt);
  const isFree = known === 0 || replaces;
  if (isFree) {
    if (known !== 0) ctx.db.delete(known);
    ctx.db.find(args.buf, start, end);
    const ref =
      bytes === undefined
        ? ctx.insertValue(args, keyAt, object!)
        : ctx.insertString(args, keyAt, bytes, 0, bytes.length);
    if (isRaw) ctx.db.setRaw(ref, true);
    if (expireAt >= 0) ctx.db.setExpire(ref, expireAt);
    ctx.changed(args, keyAt, EVENT.generic, event);
  }
  ctx.dbIndex = home;
  ctx.db = db;
  return isFree;
}

function swapdb(ctx: Context, args: Args): void {
  const { keyspace, transactions, blocking } = ctx.server;
  const first = args.int32(1, new ReplyError('ERR invalid first DB index'));
  const second = args.int32(2, new ReplyError('ERR invalid second DB index'));
  for (const index of [first, second]) if (index < 0 || index >= keyspace.count) throw ERRORS.dbOutOfRange;
  if (first !== second) {
    const a = keyspace.db(first);
    const b = keyspace.db(second);
    transactions.touchDb(first, b);
    transactions.touchDb(second, a);
    keyspace.swap(first, second);
    blocking.markDbReady(first);
    blocking.markDbReady(second);
    ctx.server.trackFlush();
  }
  ctx.dirty += 1;
  ctx.reply.ok();
}

// ---- finding --------------------------------------------------------------------------------------------------------

function isAlive(ctx: Context, ref: number): boolean {
  const expireAt = ctx.db.expireAt(ref);
  return expireAt < 0 || ctx.now <= expireAt;
}

/**
 * Removes a key past its time that a command came across, unless it must stay (on a replica); tells whether it is
 * gone. Such keys have nothing to do with each other: each goes to the replicas alone, not all as one transaction
 * (CMD_TOUCHES_ARBITRARY_KEYS in server.c).
 */
function removeDead(ctx: Context, key: string): boolean {
  const isGone = ctx.findKey(key) === 0;
  ctx.server.propagation.settle();
  return isGone;
}

function randomkey(ctx: Context): void {
  const { db, server } = ctx;
  for (let tries = 0; tries < 100; tries += 1) {
    const ref = db.randomEntry(server.random);
    if (ref === 0) break;
    const key = db.keyString(ref);
    if (isAlive(ctx, ref) || !removeDead(ctx, key) || tries === 99) {
      ctx.reply.bulkString(key);
      return;
    }
  }
  ctx.reply.nil();
}

function keys(ctx: Context, args: Args): void {
  const { db, reply } = ctx;
  const pattern = args.string(1);
  const takesAll = pattern === '*';
  const mark = reply.length;
  let count = 0;
  db.forEach((ref) => {
    if (db.expires.count > 0 && !isAlive(ctx, ref)) return;
    if (!takesAll && !matchGlob(pattern, db.keyString(ref))) return;
    db.locateKey(ref);
    reply.bulk(db.at, db.from, db.to);
    count += 1;
  });
  reply.insertHeader(mark, 'array', count);
}

function scan(ctx: Context, args: Args): void {
  const start = readCursor(args, 1);
  let count = 10;
  let pattern: string | undefined;
  let type: string | undefined;
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 >= args.count) throw ERRORS.syntax;
    if (args.is(i, 'COUNT')) {
      count = args.int(i + 1);
      if (count < 1) throw ERRORS.syntax;
    } else if (args.is(i, 'MATCH')) pattern = args.string(i + 1);
    else if (args.is(i, 'TYPE')) type = args.string(i + 1).toLowerCase();
    else throw ERRORS.syntax;
  }
  const { db, reply } = ctx;
  const refs: number[] = [];
  let cursor = start;
  let buckets = count * 10;
  do {
    cursor = db.scan(cursor, (ref) => refs.push(ref));
    buckets -= 1;
  } while (cursor !== 0 && buckets > 0 && refs.length < count);
  const found: string[] = [];
  const expired: string[] = [];
  for (const ref of refs) {
    const key = db.keyString(ref);
    if (pattern !== undefined && pattern !== '*' && !matchGlob(pattern, key)) continue;
    if (!isAlive(ctx, ref)) expired.push(key);
    else if (type === undefined || db.typeOf(ref) === type) found.push(key);
  }
  // What a scan meets past its time is removed, as by any other command.
  for (const key of expired) removeDead(ctx, key);
  reply.arrayHeader(2);
  reply.bulkString(String(cursor));
  reply.bulkStrings(found);
}

// ---- emptying -------------------------------------------------------------------------------------------------------

function flushall(ctx: Context, args: Args): void {
  checkFlushMode(args);
  for (const [index] of ctx.server.keyspace.filled()) flushDb(ctx, index);
  ctx.server.trackFlush();
  if (ctx.server.persistence?.allFlushed() === true) ctx.dirty = 0;
  // Propagated even when nothing was there: replicas may hold what this master never had.
  ctx.forcePropagation();
  ctx.reply.ok();
}

function flushdb(ctx: Context, args: Args): void {
  checkFlushMode(args);
  flushDb(ctx, ctx.dbIndex);
  ctx.server.trackFlush();
  ctx.forcePropagation();
  ctx.reply.ok();
}

function checkFlushMode(args: Args): void {
  if (args.count > 2 || (args.count === 2 && !args.is(1, 'SYNC') && !args.is(1, 'ASYNC')))
    throw ERRORS.syntax;
}

function flushDb(ctx: Context, index: number): void {
  const { keyspace, transactions, blocking } = ctx.server;
  const db: Db = keyspace.db(index);
  transactions.touchDb(index);
  ctx.dirty += db.size;
  keyspace.flush(index);
  blocking.markDbReady(index);
}
