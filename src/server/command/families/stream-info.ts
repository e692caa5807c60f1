import type { ConsumerGroup, PendingEntry } from '../../keyspace/values/consumer-group.ts';
import type { IdMap } from '../../keyspace/values/id-map.ts';
import { MAX_ID, MIN_ID, type StreamId } from '../../keyspace/values/stream-id.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { consumersByName } from './stream-claims.ts';
import { noGroup, subcommandSyntax } from './stream-groups.ts';
import { replyEntry, replyId } from './stream-ids.ts';

export const streamInfoCommands: Family = {
  'xinfo|stream': streamInfo,
  'xinfo|groups': groups,
  'xinfo|consumers': consumers,
  'xinfo|help': (ctx) => ctx.reply.lines(HELP),
};

const HELP = [
  'XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
  'HELP',
  '    Print this help.',
];

const DEFAULT_FULL_COUNT = 10;

function open(ctx: Context, args: Args): StreamValue {
  const stream = ctx.readValue(args, 2, StreamValue);
  if (stream === undefined) throw ERRORS.noKey;
  return stream;
}

function streamInfo(ctx: Context, args: Args): void {
  const stream = open(ctx, args);
  const isFull = args.count > 3;
  let count = DEFAULT_FULL_COUNT;
  if (isFull) {
    if ((args.count !== 4 && args.count !== 6) || !args.is(3, 'FULL')) throw subcommandSyntax(args);
    if (args.count === 6) {
      if (!args.is(4, 'COUNT')) throw subcommandSyntax(args);
      count = args.int(5);
      if (count < 0) count = DEFAULT_FULL_COUNT;
    }
  }
  const { reply } = ctx;
  reply.mapHeader(isFull ? 9 : 10);
  field(reply, 'length').int(stream.size);
  // One node of the radix tree a key, and its root.
  field(reply, 'radix-tree-keys').int(stream.nodeCount);
  field(reply, 'radix-tree-nodes').int(stream.nodeCount + 1);
  replyId(field(reply, 'last-generated-id'), stream.lastId);
  replyId(field(reply, 'max-deleted-entry-id'), stream.maxDeletedId);
  field(reply, 'entries-added').int(stream.entriesAdded);
  replyId(field(reply, 'recorded-first-entry-id'), stream.firstId ?? MIN_ID);
  if (isFull) replyFull(reply, stream, count === 0 ? Infinity : count);
  else {
    field(reply, 'groups').int(stream.groups.size);
    replyEdge(field(reply, 'first-entry'), stream, false);
    replyEdge(field(reply, 'last-entry'), stream, true);
  }
}

function field(reply: ReplyWriter, name: string): ReplyWriter {
  reply.bulkString(name);
  return reply;
}

function replyEdge(reply: ReplyWriter, stream: StreamValue, isLast: boolean): void {
  if (stream.size === 0) return reply.nil();
  stream.forEachInRange(MIN_ID, MAX_ID, isLast, (id, fields) => {
    replyEntry(reply, id, fields);
    return false;
  });
}

function replyFull(reply: ReplyWriter, stream: StreamValue, count: number): void {
  field(reply, 'entries').arrayHeader(Math.min(count, stream.size));
  let shown = 0;
  stream.forEachInRange(MIN_ID, MAX_ID, false, (id, fields) => {
    replyEntry(reply, id, fields);
    return ++shown < count;
  });
  field(reply, 'groups').arrayHeader(stream.groups.size);
  for (const [name, group] of groupsByName(stream)) {
    reply.mapHeader(7);
    field(reply, 'name').bulkString(name);
    replyProgress(reply, stream, group);
    field(reply, 'pel-count').int(group.pending.size);
    replyPending(field(reply, 'pending'), group.pending, count, true);
    field(reply, 'consumers').arrayHeader(group.consumers.size);
    for (const consumer of consumersByName(group)) {
      reply.mapHeader(5);
      field(reply, 'name').bulkString(consumer.name);
      field(reply, 'seen-time').int(consumer.seenTimeMs);
      field(reply, 'active-time').int(consumer.activeTimeMs);
      field(reply, 'pel-count').int(consumer.pending.size);
      replyPending(field(reply, 'pending'), consumer.pending, count, false);
    }
  }
}

function replyPending(
  reply: ReplyWriter,
  pending: IdMap<PendingEntry>,
  count: number,
  hasConsumer: boolean,
): void {
  reply.arrayHeader(Math.min(count, pending.size));
  let shown = 0;
  pending.forEachInRange(MIN_ID, MAX_ID, false, (id: StreamId, entry) => {
    reply.arrayHeader(hasConsumer ? 4 : 3);
    replyId(reply, id);
    if (hasConsumer) reply.bulkString(entry.consumer.name);
    reply.int(entry.deliveryTimeMs);
    reply.int(entry.deliveryCount);
    return ++shown < count;
  });
}

/** Where a group is in its stream, and how much is left to read. */
function replyProgress(reply: ReplyWriter, stream: StreamValue, group: ConsumerGroup): void {
  replyId(field(reply, 'last-delivered-id'), group.lastId);
  if (group.entriesRead === -1) field(reply, 'entries-read').nil();
  else field(reply, 'entries-read').int(group.entriesRead);
  const lag = stream.lagOf(group);
  if (lag === undefined) field(reply, 'lag').nil();
  else field(reply, 'lag').int(lag);
}

function groupsByName(stream: StreamValue): [string, ConsumerGroup][] {
  return [...stream.groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

function groups(ctx: Context, args: Args): void {
  const stream = open(ctx, args);
  const { reply } = ctx;
  reply.arrayHeader(stream.groups.size);
  for (const [name, group] of groupsByName(stream)) {
    reply.mapHeader(6);
    field(reply, 'name').bulkString(name);
    field(reply, 'consumers').int(group.consumers.size);
    field(reply, 'pending').int(group.pending.size);
    replyProgress(reply, stream, group);
  }
}

function consumers(ctx: Context, args: Args): void {
  const group = open(ctx, args).groups.get(args.string(3));
  if (group === undefined) throw noGroup(args.string(3), args.string(2));
  const { reply, now } = ctx;
  reply.arrayHeader(group.consumers.size);
  for (const { name, pending, seenTimeMs, activeTimeMs } of consumersByName(group)) {
    reply.mapHeader(4);
    field(reply, 'name').bulkString(name);
    field(reply, 'pending').int(pending.size);
    field(reply, 'idle').int(Math.max(0, now - seenTimeMs));
    field(reply, 'inactive').int(activeTimeMs === -1 ? -1 : now - activeTimeMs);
  }
}
