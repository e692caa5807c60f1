import type { Consumer, ConsumerGroup, PendingEntry } from '../../keyspace/values/consumer-group.ts';
import { compareIds, formatId, MAX_ID, MIN_ID, type StreamId } from '../../keyspace/values/stream-id.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { parseId, readEnd, readId, readStart, replyEntry, replyId } from './stream-ids.ts';
import { propagateClaim, propagateGroupId, type NamedGroup } from './stream-propagation.ts';

export const streamClaimCommands: Family = { xack, xpending, xclaim, xautoclaim };

const DEFAULT_CLAIM_COUNT = 100;
/** Entries looked at for each that may be claimed. */
const ATTEMPTS_FACTOR = 10;
const MAX_CLAIM_COUNT = 2 ** 59;

const BAD_CLAIM_IDLE = new ReplyError('ERR Invalid min-idle-time argument for XCLAIM');
const BAD_AUTOCLAIM_IDLE = new ReplyError('ERR Invalid min-idle-time argument for XAUTOCLAIM');
const BAD_COUNT = new ReplyError('ERR COUNT must be > 0');
const BAD_IDLE = new ReplyError('ERR Invalid IDLE option argument for XCLAIM');
const BAD_TIME = new ReplyError('ERR Invalid TIME option argument for XCLAIM');
const BAD_RETRYCOUNT = new ReplyError('ERR Invalid RETRYCOUNT option argument for XCLAIM');

function noKeyOrGroup(args: Args): ReplyError {
  return new ReplyError(
    `NOGROUP No such key '${printable(args.string(1))}' or consumer group '${printable(args.string(2))}'`,
  );
}

function xack(ctx: Context, args: Args): void {
  const group = ctx.writeValue(args, 1, StreamValue)?.groups.get(args.string(2));
  if (group === undefined) return ctx.reply.int(0);
  const ids: StreamId[] = [];
  for (let i = 3; i < args.count; i++) ids.push(readId(args, i));
  let acknowledged = 0;
  for (const id of ids) if (group.acknowledge(id)) acknowledged++;
  ctx.dirty += acknowledged;
  ctx.reply.int(acknowledged);
}

function xpending(ctx: Context, args: Args): void {
  if (args.count !== 3 && (args.count < 6 || args.count > 9)) throw ERRORS.syntax;
  if (args.count === 3) return replySummary(ctx, args);
  let at = 3;
  let minIdleMs = 0;
  if (args.is(3, 'IDLE')) {
    minIdleMs = args.int(4);
    if (args.count < 8) throw ERRORS.syntax;
    at = 5;
  }
  const count = Math.max(0, args.int(at + 2));
  const from = readStart(args, at);
  const to = readEnd(args, at + 1);
  const group = ctx.readValue(args, 1, StreamValue)?.groups.get(args.string(2));
  if (group === undefined) throw noKeyOrGroup(args);
  const pending = at + 3 < args.count ? group.consumers.get(args.string(at + 3))?.pending : group.pending;
  const { reply, now } = ctx;
  if (pending === undefined || count === 0) return reply.arrayHeader(0);
  const mark = reply.length;
  let found = 0;
  pending.forEachInRange(from, to, false, (id, entry) => {
    const idleMs = now - entry.deliveryTimeMs;
    if (minIdleMs > 0 && idleMs < minIdleMs) return true;
    reply.arrayHeader(4);
    replyId(reply, id);
    reply.bulkString(entry.consumer.name);
    reply.int(Math.max(0, idleMs));
    reply.int(entry.deliveryCount);
    return ++found < count;
  });
  reply.insertHeader(mark, 'array', found);
}

function replySummary(ctx: Context, args: Args): void {
  const { reply } = ctx;
  const group = ctx.readValue(args, 1, StreamValue)?.groups.get(args.string(2));
  if (group === undefined) throw noKeyOrGroup(args);
  reply.arrayHeader(4);
  reply.int(group.pending.size);
  const { firstId, lastId } = group.pending;
  if (firstId === undefined || lastId === undefined) {
    reply.nil();
    reply.nil();
    return reply.nilArray();
  }
  replyId(reply, firstId);
  replyId(reply, lastId);
  const busy = consumersByName(group).filter(({ pending }) => pending.size > 0);
  reply.arrayHeader(busy.length);
  for (const { name, pending } of busy) {
    reply.arrayHeader(2);
    reply.bulkString(name);
    reply.bulkInt(pending.size);
  }
}

/** Consumers in the order of the bytes of their names, as Redis' radix tree has them. */
export function consumersByName(group: ConsumerGroup): Consumer[] {
  return [...group.consumers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** How claimed entries are counted and shown. */
interface Claim {
  readonly deliveryTimeMs: number;
  readonly deliveryCount: number | undefined;
  readonly isJustId: boolean;
}

function xclaim(ctx: Context, args: Args): void {
  const stream = ctx.writeValue(args, 1, StreamValue);
  const group = stream?.groups.get(args.string(2));
  if (stream === undefined || group === undefined) throw noKeyOrGroup(args);
  const named = { key: args.string(1), name: args.string(2), group };
  const minIdleMs = Math.max(0, args.int(4, BAD_CLAIM_IDLE));
  const ids: StreamId[] = [];
  for (let i = 5; i < args.count; i++) {
    const id = parseId(args.string(i));
    if (id === undefined) break;
    ids.push(id);
  }
  const { claim, isForced, lastId } = readClaimOptions(ctx, args, 5 + ids.length);
  let isGroupIdTold = true;
  if (compareIds(lastId, group.lastId) > 0) {
    group.lastId = lastId;
    isGroupIdTold = false;
  }
  const consumer = openConsumer(ctx, named, args.string(3));
  const { reply } = ctx;
  const mark = reply.length;
  let claimed = 0;
  for (const id of ids) {
    const pending = group.pending.get(id);
    if (stream.get(id) === undefined) {
      if (pending === undefined) continue;
      propagateClaim(ctx, named, id, pending);
      group.acknowledge(id);
    } else if (pending === undefined ? isForced : ctx.now - pending.deliveryTimeMs >= minIdleMs) {
      const entry = pending ?? group.deliver(id, consumer, claim.deliveryTimeMs, 0);
      take(ctx, stream, named, consumer, id, entry, claim);
      claimed++;
    } else continue;
    isGroupIdTold = true;
    ctx.dirty++;
  }
  if (!isGroupIdTold) {
    propagateGroupId(ctx, named);
    ctx.dirty++;
  }
  reply.insertHeader(mark, 'array', claimed);
  ctx.propagateNothing();
}

function readClaimOptions(
  ctx: Context,
  args: Args,
  from: number,
): { claim: Claim; isForced: boolean; lastId: StreamId } {
  const { now } = ctx;
  let deliveryTimeMs = now;
  let deliveryCount: number | undefined;
  let isForced = false;
  let isJustId = false;
  let lastId = MIN_ID;
  for (let i = from; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (args.is(i, 'FORCE')) isForced = true;
    else if (args.is(i, 'JUSTID')) isJustId = true;
    else if (hasMore && args.is(i, 'IDLE')) deliveryTimeMs = now - args.int(++i, BAD_IDLE);
    else if (hasMore && args.is(i, 'TIME')) deliveryTimeMs = args.int(++i, BAD_TIME);
    else if (hasMore && args.is(i, 'RETRYCOUNT')) {
      const count = args.int(++i, BAD_RETRYCOUNT);
      deliveryCount = count < 0 ? undefined : count;
    } else if (hasMore && args.is(i, 'LASTID')) lastId = readId(args, ++i);
    else throw new ReplyError(`ERR Unrecognized XCLAIM option '${printable(args.string(i))}'`);
  }
  // A time that can't be is taken for now: clients compute it from clocks of their own.
  if (deliveryTimeMs < 0 || deliveryTimeMs > now) deliveryTimeMs = now;
  return { claim: { deliveryTimeMs, deliveryCount, isJustId }, isForced, lastId };
}

function openConsumer(ctx: Context, { key, group }: NamedGroup, name: string): Consumer {
  let consumer = group.consumers.get(name);
  if (consumer === undefined) {
    consumer = group.addConsumer(name, ctx.now);
    ctx.dirty++;
    ctx.notify(EVENT.stream, 'xgroup-createconsumer', key);
  }
  consumer.seenTimeMs = ctx.now;
  return consumer;
}

/** Hands a pending entry to a consumer, shows it and tells it on. */
function take(
  ctx: Context,
  stream: StreamValue,
  named: NamedGroup,
  consumer: Consumer,
  id: StreamId,
  entry: PendingEntry,
  { deliveryTimeMs, deliveryCount, isJustId }: Claim,
): void {
  named.group.reassign(id, entry, consumer);
  entry.deliveryTimeMs = deliveryTimeMs;
  if (deliveryCount !== undefined) entry.deliveryCount = deliveryCount;
  else if (!isJustId) entry.deliveryCount++;
  consumer.activeTimeMs = ctx.now;
  if (isJustId) replyId(ctx.reply, id);
  else replyEntry(ctx.reply, id, stream.get(id) ?? []);
  propagateClaim(ctx, named, id, entry);
}

function xautoclaim(ctx: Context, args: Args): void {
  const minIdleMs = Math.max(0, args.int(4, BAD_AUTOCLAIM_IDLE));
  const from = readStart(args, 5);
  let count = DEFAULT_CLAIM_COUNT;
  let isJustId = false;
  for (let i = 6; i < args.count; i++) {
    if (args.is(i, 'COUNT') && i + 1 < args.count) {
      count = args.int(++i, BAD_COUNT);
      if (count < 1 || count > MAX_CLAIM_COUNT) throw BAD_COUNT;
    } else if (args.is(i, 'JUSTID')) isJustId = true;
    else throw ERRORS.syntax;
  }
  const stream = ctx.writeValue(args, 1, StreamValue);
  const group = stream?.groups.get(args.string(2));
  if (stream === undefined || group === undefined) throw noKeyOrGroup(args);
  const named = { key: args.string(1), name: args.string(2), group };
  const consumer = openConsumer(ctx, named, args.string(3));
  const claim: Claim = { deliveryTimeMs: ctx.now, deliveryCount: undefined, isJustId };
  const { found, cursor } = lookAtPending(group, from, count, (id, entry) => {
    return stream.get(id) === undefined || ctx.now - entry.deliveryTimeMs >= minIdleMs;
  });
  const deleted: StreamId[] = [];
  const { reply } = ctx;
  reply.arrayHeader(3);
  replyId(reply, cursor);
  const mark = reply.length;
  for (const [id, entry] of found) {
    if (stream.get(id) === undefined) {
      propagateClaim(ctx, named, id, entry);
      group.acknowledge(id);
      deleted.push(id);
    } else take(ctx, stream, named, consumer, id, entry, claim);
    ctx.dirty++;
  }
  reply.insertHeader(mark, 'array', found.length - deleted.length);
  reply.bulkStrings(deleted.map(formatId));
  ctx.propagateNothing();
}

/** Up to `count` pending entries from `from` on that `isWanted`, and the id to go on with, 0-0 at the end. */
function lookAtPending(
  group: ConsumerGroup,
  from: StreamId,
  count: number,
  isWanted: (id: StreamId, entry: PendingEntry) => boolean,
): { found: (readonly [StreamId, PendingEntry])[]; cursor: StreamId } {
  const found: (readonly [StreamId, PendingEntry])[] = [];
  let attempts = count * ATTEMPTS_FACTOR;
  let cursor = MIN_ID;
  group.pending.forEachInRange(from, MAX_ID, false, (id, entry) => {
    if (attempts === 0 || found.length >= count) {
      cursor = id;
      return false;
    }
    attempts--;
    if (isWanted(id, entry)) found.push([id, entry]);
    return true;
  });
  return { found, cursor };
}
