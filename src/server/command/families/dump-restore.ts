import type { Value } from '../../keyspace/value.ts';
import { HashValue } from '../../keyspace/values/hash-value.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import { KeyspaceSink } from '../../persistence/keyspace-sink.ts';
import { writeValue } from '../../persistence/write-value.ts';
import { createDumpPayload, isDumpPayloadIntact, readDumpPayload } from '../../rdb/dump-payload.ts';
import { RdbError } from '../../rdb/rdb-error.ts';
import { RDB_TYPE } from '../../rdb/rdb-format.ts';
import type { RdbWriter } from '../../rdb/rdb-writer.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { removalVerb } from '../removal-verb.ts';

export const dumpCommands: Family = { dump, restore, 'restore-asking': restore };

const NO_KEY = Buffer.alloc(0);

function dump(ctx: Context, args: Args): void {
  const ref = ctx.read(args, 1);
  if (ref === 0) {
    ctx.reply.nil();
    return;
  }
  ctx.reply.bulk(dumpEntry(ctx, ref));
}

/** DUMP's payload of an entry, in the oldest form that holds all of it. */
export function dumpEntry({ db, server }: Context, ref: number): Buffer {
  const compresses = server.config.flag('rdbcompression');
  if (db.isString(ref)) {
    const write = (writer: RdbWriter): void => {
      writer.keyHeader(RDB_TYPE.string, -1);
      db.locateValue(ref);
      writer.range(db.at, db.from, db.to);
    };
    return createDumpPayload(9, write, compresses);
  }
  const object = db.object(ref);
  const hasExpiries = object instanceof HashValue && object.expiries !== undefined;
  const version = object instanceof StreamValue ? 11 : hasExpiries ? 12 : 9;
  return createDumpPayload(version, (writer) => writeValue(writer, object, undefined, -1), compresses);
}

interface RestoreOptions {
  replaces: boolean;
  isAbsolute: boolean;
  idleSeconds: number;
  frequency: number;
}

function restore(ctx: Context, args: Args): void {
  const options = readOptions(args);
  const known = ctx.write(args, 1);
  if (known !== 0 && !options.replaces) throw ERRORS.busyKey;
  const ttl = args.int(2);
  if (ttl < 0) throw new ReplyError('ERR Invalid TTL value, must be >= 0');
  const payload = args.bytes(3);
  if (!isDumpPayloadIntact(payload)) throw new ReplyError('ERR DUMP payload version or checksum are wrong');
  const loaded = load(ctx, payload);
  const expireAt = ttl === 0 ? -1 : options.isAbsolute ? ttl : ctx.now + ttl;
  if (known !== 0) ctx.db.delete(known);
  if (expireAt >= 0 && expireAt <= ctx.now && !ctx.server.isLoading && !ctx.server.isReplica) {
    if (known !== 0) {
      ctx.propagateAs([removalVerb(ctx.server, 'lazyfree-lazy-server-del'), args.view(1)]);
      ctx.changed(args, 1, EVENT.generic, 'del');
    }
    ctx.reply.ok();
    return;
  }
  ctx.db.find(args.buf, args.start(1), args.end(1));
  const ref = Buffer.isBuffer(loaded)
    ? ctx.insertString(args, 1, loaded, 0, loaded.length)
    : ctx.insertValue(args, 1, loaded);
  if (expireAt >= 0) {
    ctx.db.setExpire(ref, expireAt);
    if (!options.isAbsolute) {
      const rest = args.strings(3);
      ctx.propagateAs([args.view(0), args.view(1), String(expireAt), ...rest, 'ABSTTL']);
    }
  }
  ctx.server.eviction.setAccess(ctx.db, ref, options.idleSeconds, options.frequency);
  ctx.changed(args, 1, EVENT.generic, 'restore');
  ctx.reply.ok();
}

/** The value in a payload: bytes of a string, or a collection. */
function load(ctx: Context, payload: Buffer): Buffer | Value {
  const scratch = ctx.server.keyspace.newDb();
  const sink = new KeyspaceSink({ databaseCount: 1, openDb: () => scratch, dropExpiredBeforeMs: -1 });
  try {
    readDumpPayload(payload, sink);
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    ctx.server.log('warning', `RESTORE: integrity check failed: ${error.message}`);
    throw new ReplyError('ERR Bad data format');
  }
  const ref = scratch.find(NO_KEY, 0, 0);
  return scratch.isString(ref) ? scratch.valueBytes(ref) : scratch.object(ref);
}

function readOptions(args: Args): RestoreOptions {
  const options: RestoreOptions = { replaces: false, isAbsolute: false, idleSeconds: -1, frequency: -1 };
  for (let i = 4; i < args.count; i += 1) {
    const hasMore = i + 1 < args.count;
    if (args.is(i, 'REPLACE')) options.replaces = true;
    else if (args.is(i, 'ABSTTL')) options.isAbsolute = true;
    else if (args.is(i, 'IDLETIME') && hasMore && options.frequency < 0) {
      i += 1;
      options.idleSeconds = args.int(i);
      if (options.idleSeconds < 0) throw new ReplyError('ERR Invalid IDLETIME value, must be >= 0');
    } else if (args.is(i, 'FREQ') && hasMore && options.idleSeconds < 0) {
      i += 1;
      options.frequency = args.int(i);
      if (options.frequency < 0 || options.frequency > 255) {
        throw new ReplyError('ERR Invalid FREQ value, must be >= 0 and <= 255');
      }
    } else throw ERRORS.syntax;
  }
  return options;
}
