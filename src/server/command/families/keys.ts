import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export const keyCommands: Family = {
  del,
  unlink: del,
  exists,
  type: typeOf,
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
  for (let i = 1; i < args.count; i += 1) if (ctx.read(args, i) !== 0) count += 1;
  ctx.reply.int(count);
}

function typeOf(ctx: Context, args: Args): void {
  const ref = ctx.read(args, 1);
  ctx.reply.simple(ref === 0 ? 'none' : ctx.db.typeOf(ref));
}

function flushall(ctx: Context, args: Args): void {
  checkFlushMode(args);
  for (const [index] of ctx.server.keyspace.filled()) flushDb(ctx, index);
  // Propagated even when nothing was there: replicas may hold what this master never had.
  ctx.dirty += 1;
  ctx.reply.ok();
}

function flushdb(ctx: Context, args: Args): void {
  checkFlushMode(args);
  flushDb(ctx, ctx.dbIndex);
  ctx.dirty += 1;
  ctx.reply.ok();
}

function checkFlushMode(args: Args): void {
  if (args.count > 2 || (args.count === 2 && !args.is(1, 'SYNC') && !args.is(1, 'ASYNC')))
    throw ERRORS.syntax;
}

function flushDb(ctx: Context, index: number): void {
  const { keyspace, transactions, blocking } = ctx.server;
  const db = keyspace.db(index);
  transactions.touchDb(index, (key) => db.findString(key) !== 0);
  ctx.dirty += db.size;
  keyspace.flush(index);
  blocking.markDbReady(index);
  ctx.server.trackFlush(index);
}
