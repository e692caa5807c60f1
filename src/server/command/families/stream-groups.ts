import type { ConsumerGroup } from '../../keyspace/values/consumer-group.ts';
import { MIN_ID, type StreamId } from '../../keyspace/values/stream-id.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import type { Args } from '../../resp/args.ts';
import { printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { parseId, readId } from './stream-ids.ts';
import { makeStream } from './streams.ts';

export const streamGroupCommands: Family = {
  'xgroup|create': create,
  'xgroup|setid': setId,
  'xgroup|destroy': destroy,
  'xgroup|createconsumer': createConsumer,
  'xgroup|delconsumer': deleteConsumer,
  'xgroup|help': (ctx) => ctx.reply.lines(HELP),
};

const HELP = [
  'XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CREATE <key> <groupname> <id|$> [option]',
  '    Create a new consumer group. Options are:',
  '    * MKSTREAM',
  '      Create the empty stream if it does not exist.',
  '    * ENTRIESREAD entries_read',
  "      Set the group's entries_read counter (internal use).",
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Create a new consumer in the specified group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the specified consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the specified group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the current group ID and entries_read counter.',
  'HELP',
  '    Print this help.',
];

const NO_STREAM = new ReplyError(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM ' +
    'option to create an empty stream automatically.',
);
const BUSY_GROUP = new ReplyError('BUSYGROUP Consumer Group name already exists');
const BAD_ENTRIES_READ = new ReplyError('ERR value for ENTRIESREAD must be positive or -1');

/** The answer to a subcommand with arguments it does not know. */
export function subcommandSyntax(args: Args): ReplyError {
  const parent = args.upper(0);
  return new ReplyError(
    `ERR unknown subcommand or wrong number of arguments for '${printable(args.string(1).slice(0, 128))}'. Try ${parent} HELP.`,
  );
}

export function noGroup(group: string, key: string): ReplyError {
  return new ReplyError(
    `NOGROUP No such consumer group '${printable(group)}' for key name '${printable(key)}'`,
  );
}

function create(ctx: Context, args: Args): void {
  const { mayMake, entriesRead } = readOptions(args, true);
  const known = ctx.writeValue(args, 2, StreamValue);
  if (known === undefined && !mayMake) throw NO_STREAM;
  if (args.count > 8) throw subcommandSyntax(args);
  const id = args.is(4, '$') ? (known?.lastId ?? MIN_ID) : readId(args, 4);
  const name = args.string(3);
  if (known?.groups.has(name) === true) throw BUSY_GROUP;
  const stream = known ?? ctx.writeOrCreate(args, 2, StreamValue, makeStream);
  stream.addGroup(name, id, entriesRead);
  ctx.reply.ok();
  ctx.changed(args, 2, EVENT.stream, 'xgroup-create');
}

function setId(ctx: Context, args: Args): void {
  const { entriesRead } = readOptions(args, false);
  const stream = openStream(ctx, args);
  const group = openGroup(args, stream);
  if (args.count !== 5 && args.count !== 7) throw subcommandSyntax(args);
  group.lastId = args.is(4, '$') ? stream.lastId : readSetId(args);
  group.entriesRead = entriesRead;
  ctx.reply.ok();
  ctx.changed(args, 2, EVENT.stream, 'xgroup-setid');
}

/** SETID takes the ends of all ids, `-` and `+`, too. */
function readSetId(args: Args): StreamId {
  if (args.is(4, '-')) return MIN_ID;
  return args.is(4, '+') ? (parseId('18446744073709551615-18446744073709551615') ?? MIN_ID) : readId(args, 4);
}

function readOptions(args: Args, mayMakeStream: boolean): { mayMake: boolean; entriesRead: number } {
  let mayMake = false;
  let entriesRead = -1;
  for (let i = 5; i < args.count; i++) {
    if (mayMakeStream && args.is(i, 'MKSTREAM')) mayMake = true;
    else if (args.is(i, 'ENTRIESREAD') && i + 1 < args.count) {
      entriesRead = args.int(++i);
      if (entriesRead < -1) throw BAD_ENTRIES_READ;
    } else throw subcommandSyntax(args);
  }
  return { mayMake, entriesRead };
}

function destroy(ctx: Context, args: Args): void {
  const stream = openStream(ctx, args);
  if (!stream.deleteGroup(args.string(3))) return ctx.reply.int(0);
  ctx.reply.int(1);
  ctx.changed(args, 2, EVENT.stream, 'xgroup-destroy');
}

function createConsumer(ctx: Context, args: Args): void {
  const group = openGroup(args, openStream(ctx, args));
  const name = args.string(4);
  if (group.consumers.has(name)) return ctx.reply.int(0);
  group.addConsumer(name, ctx.now);
  ctx.reply.int(1);
  ctx.changed(args, 2, EVENT.stream, 'xgroup-createconsumer');
}

function deleteConsumer(ctx: Context, args: Args): void {
  const pending = openGroup(args, openStream(ctx, args)).deleteConsumer(args.string(4));
  ctx.reply.int(pending ?? 0);
  if (pending !== undefined) ctx.changed(args, 2, EVENT.stream, 'xgroup-delconsumer');
}

function openStream(ctx: Context, args: Args): StreamValue {
  const stream = ctx.writeValue(args, 2, StreamValue);
  if (stream === undefined) throw NO_STREAM;
  return stream;
}

function openGroup(args: Args, stream: StreamValue): ConsumerGroup {
  const group = stream.groups.get(args.string(3));
  if (group === undefined) throw noGroup(args.string(3), args.string(2));
  return group;
}
