import type { Consumer } from '../../keyspace/values/consumer-group.ts';
import {
  compareIds,
  formatId,
  MAX_ID,
  MIN_ID,
  nextId,
  type StreamId,
} from '../../keyspace/values/stream-id.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import { Args } from '../../resp/args.ts';
import { ERRORS, printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { readId, replyEntry, replyId } from './stream-ids.ts';
import {
  propagateClaim,
  propagateConsumer,
  propagateGroupId,
  type NamedGroup,
} from './stream-propagation.ts';

export const streamReadCommands: Family = {
  xread: (ctx, args) => read(ctx, args, readRequest(ctx, args, false)),
  xreadgroup: (ctx, args) => {
    ctx.propagateNothing();
    readAsGroup(ctx, args, readRequest(ctx, args, true));
  },
};

const ONLY_GROUPS_GROUP = new ReplyError(
  'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
);
const ONLY_GROUPS_NOACK = new ReplyError(
  'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
);
const MISSING_GROUP = new ReplyError('ERR Missing GROUP option for XREADGROUP');
const DOLLAR_IN_GROUP = new ReplyError(
  'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ' +
    'specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
);
const NEW_WITHOUT_GROUP = new ReplyError(
  'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
);

interface Request {
  /** Undefined: don't wait. */
  readonly blockMs: number | undefined;
  /** Infinity for all. */
  readonly count: number;
  readonly isUnacknowledged: boolean;
  readonly group: string;
  readonly consumer: string;
  /** Arguments from `keysAt` on are the keys, then as many ids. */
  readonly keysAt: number;
  readonly keyCount: number;
}

function readRequest(ctx: Context, args: Args, isGroup: boolean): Request {
  const request = {
    blockMs: undefined as number | undefined,
    count: Infinity,
    isUnacknowledged: false,
    group: '',
    consumer: '',
    keysAt: 0,
    keyCount: 0,
  };
  let hasGroup = false;
  for (let i = 1; i < args.count && request.keysAt === 0; i++) {
    const after = args.count - i - 1;
    if (args.is(i, 'BLOCK') && after > 0) {
      if (ctx.server.scripting.isActingAs(ctx.client)) {
        throw new ReplyError(`ERR ${args.string(0)} command is not allowed with BLOCK option from scripts`);
      }
      request.blockMs = args.int(++i, ERRORS.timeoutNotInteger);
      if (request.blockMs < 0) throw ERRORS.timeoutNegative;
    } else if (args.is(i, 'COUNT') && after > 0) {
      const count = args.int(++i);
      request.count = count <= 0 ? Infinity : count;
    } else if (args.is(i, 'STREAMS') && after > 0) {
      if (after % 2 !== 0) {
        throw new ReplyError(
          `ERR Unbalanced '${ctx.command.name}' list of streams: for each stream key an ID or ` +
            `'${isGroup ? '>' : '$'}' must be specified.`,
        );
      }
      request.keysAt = i + 1;
      request.keyCount = after / 2;
    } else if (args.is(i, 'GROUP') && after >= 2) {
      if (!isGroup) throw ONLY_GROUPS_GROUP;
      hasGroup = true;
      request.group = args.string(i + 1);
      request.consumer = args.string(i + 2);
      i += 2;
    } else if (args.is(i, 'NOACK')) {
      if (!isGroup) throw ONLY_GROUPS_NOACK;
      request.isUnacknowledged = true;
    } else throw ERRORS.syntax;
  }
  if (request.keysAt === 0) throw ERRORS.syntax;
  if (isGroup && !hasGroup) throw MISSING_GROUP;
  return request;
}

function read(ctx: Context, args: Args, request: Request): void {
  const { keysAt, keyCount, count } = request;
  const after: StreamId[] = [];
  for (let i = keysAt; i < keysAt + keyCount; i++) {
    const lastId = readStream(ctx, args, i)?.lastId ?? MIN_ID;
    if (args.is(i + keyCount, '$')) after.push(lastId);
    else if (args.is(i + keyCount, '>')) throw NEW_WITHOUT_GROUP;
    else after.push(readId(args, i + keyCount));
  }
  const replies = new StreamReplies(ctx);
  for (let n = 0; n < keyCount; n++) {
    const stream = readStream(ctx, args, keysAt + n);
    const top = stream?.lastEntryId;
    if (stream === undefined || top === undefined || compareIds(top, after[n]!) <= 0) continue;
    replies.begin(args.string(keysAt + n));
    const { reply } = ctx;
    const mark = reply.length;
    let found = 0;
    stream.forEachInRange(nextId(after[n]!)!, MAX_ID, false, (id, fields) => {
      replyEntry(reply, id, fields);
      return ++found < count;
    });
    reply.insertHeader(mark, 'array', found);
  }
  if (!replies.end()) wait(ctx, args, request, after, false);
}

/** The stream of a key; for one who waited, a key of another type is as none. */
function readStream(ctx: Context, args: Args, i: number): StreamValue | undefined {
  if (ctx.server.blocking.isRetrying(ctx.client)) {
    const ref = ctx.write(args, i);
    if (ref === 0 || ctx.db.isString(ref) || !(ctx.db.object(ref) instanceof StreamValue)) return undefined;
  }
  return ctx.readValue(args, i, StreamValue);
}

function readAsGroup(ctx: Context, args: Args, request: Request): void {
  const { keysAt, keyCount } = request;
  const streams: {
    readonly stream: StreamValue;
    readonly named: NamedGroup;
    readonly id: StreamId | undefined;
  }[] = [];
  for (let i = keysAt; i < keysAt + keyCount; i++) {
    const stream = ctx.writeValue(args, i, StreamValue);
    const group = stream?.groups.get(request.group);
    if (stream === undefined || group === undefined) {
      throw new ReplyError(
        `NOGROUP No such key '${printable(args.string(i))}' or consumer group '${printable(request.group)}' in XREADGROUP with GROUP option`,
      );
    }
    const named = { key: args.string(i), name: request.group, group };
    if (args.is(i + keyCount, '$')) throw DOLLAR_IN_GROUP;
    // The highest id means the same as `>`.
    const id = args.is(i + keyCount, '>') ? MAX_ID : readId(args, i + keyCount);
    streams.push({ stream, named, id: compareIds(id, MAX_ID) === 0 ? undefined : id });
  }
  const replies = new StreamReplies(ctx);
  for (const { stream, named, id } of streams) {
    const { group, key } = named;
    let consumer = group.consumers.get(request.consumer);
    if (consumer === undefined) {
      consumer = group.addConsumer(request.consumer, ctx.now);
      ctx.dirty++;
      ctx.notify(EVENT.stream, 'xgroup-createconsumer', key);
      if (request.isUnacknowledged) propagateConsumer(ctx, named, consumer.name);
    }
    consumer.seenTimeMs = ctx.now;
    if (id !== undefined) {
      replies.begin(key);
      replyHistory(ctx, stream, consumer, id, request.count);
      ctx.dirty++;
      continue;
    }
    const top = stream.lastEntryId;
    if (top === undefined || compareIds(top, group.lastId) <= 0) continue;
    replies.begin(key);
    deliver(ctx, stream, named, consumer, request);
    ctx.dirty++;
  }
  if (!replies.end()) wait(ctx, args, request, undefined, true);
}

/** Gives a consumer what the group has not yet read. */
function deliver(
  ctx: Context,
  stream: StreamValue,
  named: NamedGroup,
  consumer: Consumer,
  request: Request,
): void {
  const { reply } = ctx;
  const { group } = named;
  const mark = reply.length;
  let found = 0;
  stream.forEachInRange(nextId(group.lastId)!, MAX_ID, false, (id, fields) => {
    if (group.entriesRead !== -1 && !stream.hasDeletedAfter(id)) group.entriesRead++;
    else if (stream.entriesAdded > 0) group.entriesRead = stream.entriesBefore(id) ?? -1;
    group.lastId = id;
    replyEntry(reply, id, fields);
    if (!request.isUnacknowledged) {
      const entry = group.deliver(id, consumer, ctx.now, 1);
      consumer.activeTimeMs = ctx.now;
      propagateClaim(ctx, named, id, entry);
    }
    return ++found < request.count;
  });
  reply.insertHeader(mark, 'array', found);
  // A claim tells the last id by itself.
  if (request.isUnacknowledged && found > 0) propagateGroupId(ctx, named);
}

/** What is pending at a consumer after `id`: delivered again, or shown as gone. */
function replyHistory(
  ctx: Context,
  stream: StreamValue,
  consumer: Consumer,
  after: StreamId,
  count: number,
): void {
  const { reply } = ctx;
  const mark = reply.length;
  let found = 0;
  consumer.pending.forEachInRange(nextId(after)!, MAX_ID, false, (id, entry) => {
    const fields = stream.get(id);
    if (fields === undefined) {
      reply.arrayHeader(2);
      replyId(reply, id);
      reply.nilArray();
    } else {
      replyEntry(reply, id, fields);
      entry.deliveryTimeMs = ctx.now;
      entry.deliveryCount++;
    }
    return ++found < count;
  });
  reply.insertHeader(mark, 'array', found);
}

function wait(
  ctx: Context,
  args: Args,
  { blockMs, keysAt, keyCount }: Request,
  after: readonly StreamId[] | undefined,
  whenGone: boolean,
): void {
  const { client } = ctx;
  if (blockMs !== undefined) {
    // `$` means what is last now, also when the command runs again.
    const known = args.strings();
    after?.forEach((id, n) => {
      if (known[keysAt + keyCount + n] === '$') known[keysAt + keyCount + n] = formatId(id);
    });
    const keys = args.strings(keysAt, keysAt + keyCount);
    const onTimeout = (): void => client.reply.nilArray();
    if (ctx.blockOnKeys(keys, { timeoutMs: blockMs, onTimeout, whenGone, args: Args.of(known) })) return;
  }
  ctx.reply.nilArray();
}

/** The outermost reply: key and entries for each stream that has some; a map in RESP3. */
class StreamReplies {
  private readonly ctx: Context;
  private readonly mark: number;
  private count = 0;

  constructor(ctx: Context) {
    this.ctx = ctx;
    this.mark = ctx.reply.length;
  }

  begin(key: string): void {
    this.count++;
    if (this.ctx.reply.version === 2) this.ctx.reply.arrayHeader(2);
    this.ctx.reply.bulkString(key);
  }

  /** Says whether there was anything. */
  end(): boolean {
    const { reply } = this.ctx;
    if (this.count > 0) reply.insertHeader(this.mark, reply.version === 3 ? 'map' : 'array', this.count);
    return this.count > 0;
  }
}
