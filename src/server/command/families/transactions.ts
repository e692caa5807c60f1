import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Server } from '../../server.ts';
import type { Client, Queued } from '../client.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export const transactionCommands: Family = { multi, exec, discard, watch, unwatch };

function multi(ctx: Context): void {
  if (ctx.client.multi !== undefined) throw ERRORS.nestedMulti;
  ctx.server.transactions.begin(ctx.client);
  ctx.reply.ok();
}

/** Runs the queue as one unit: one MULTI/EXEC in the stream, and nobody served in between. */
function exec(ctx: Context): void {
  const { client, reply, server } = ctx;
  const { multi } = client;
  if (multi === undefined) throw ERRORS.execWithoutMulti;
  const isStale = client.isWatchBroken || hasExpiredWatch(ctx);
  server.transactions.discard(client);
  ctx.propagateNothing();
  if (multi.isBroken) throw ERRORS.execAborted;
  if (isStale) {
    reply.nilArray();
    return;
  }
  server.propagation.open();
  reply.arrayHeader(multi.queue.length);
  runQueue(server, client, multi.queue);
}

/** Runs what is queued; false when a slow script sleeps, with the rest to be run when it is done. */
function runQueue(server: Server, client: Client, queue: readonly Queued[]): boolean {
  const { executor } = server;
  for (const [index, { command, args }] of queue.entries()) {
    const refusal = server.acl?.checkQueued(client, command, args);
    if (refusal === undefined) executor.call(client, command, args);
    else client.reply.error(refusal.text);
    if (executor.isFalling) {
      executor.sleep(() => runQueue(server, client, queue.slice(index + 1)));
      return false;
    }
  }
  server.propagation.close();
  return true;
}

/** A watched key that died since counts as changed; one that was dead already does not (source: isWatchedKeyExpired). */
function hasExpiredWatch(ctx: Context): boolean {
  const { client, server } = ctx;
  for (const name of client.watched ?? []) {
    const colon = name.indexOf(':');
    const db = server.keyspace.db(Number(name.slice(0, colon)));
    const ref = db.findString(name.slice(colon + 1));
    if (ref === 0) continue;
    const expireAt = db.expireAt(ref);
    if (expireAt >= 0 && ctx.now > expireAt && !client.expiredWatches?.has(name)) return true;
  }
  return false;
}

function discard(ctx: Context): void {
  if (ctx.client.multi === undefined) throw ERRORS.discardWithoutMulti;
  ctx.server.transactions.discard(ctx.client);
  ctx.reply.ok();
}

function watch(ctx: Context, args: Args): void {
  if (ctx.client.multi !== undefined) throw ERRORS.watchInMulti;
  for (let i = 1; i < args.count; i += 1) {
    const key = args.string(i);
    ctx.server.transactions.watch(ctx.client, key);
    const ref = ctx.db.find(args.buf, args.start(i), args.end(i));
    const expireAt = ref === 0 ? -1 : ctx.db.expireAt(ref);
    if (expireAt >= 0 && ctx.now > expireAt) {
      (ctx.client.expiredWatches ??= new Set()).add(`${ctx.dbIndex}:${key}`);
    }
  }
  ctx.reply.ok();
}

function unwatch(ctx: Context): void {
  ctx.server.transactions.unwatch(ctx.client);
  ctx.reply.ok();
}
