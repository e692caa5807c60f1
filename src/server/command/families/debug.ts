import type { DigestCuts } from '../../admin/digest-cuts.ts';
import { LogLoadError } from '../../persistence/load-log.ts';
import { RdbError } from '../../rdb/rdb-error.ts';
import { Args } from '../../resp/args.ts';
import { ERRORS, printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { isLocal, type ConfigCommandParts } from './config.ts';
import { digestSubcommands } from './digests.ts';
import { encodingOf } from './objects.ts';

/** DEBUG: what test suites and interop checks use of it. */
export function debugCommands(digestCuts: DigestCuts, rewrite: ConfigCommandParts['rewrite']): Family {
  const subcommands = {
    ...SUBCOMMANDS,
    ...digestSubcommands(digestCuts),
    'CONFIG-REWRITE-FORCE-ALL'({ reply }: Context): void {
      const error = rewrite === undefined ? 'Invalid argument' : rewrite(true);
      if (error !== undefined) throw new ReplyError(`ERR CONFIG-REWRITE-FORCE-ALL failed: ${error}`);
      reply.ok();
    },
  };
  return { debug: (ctx, args) => debug(ctx, args, subcommands) };
}

const NOT_ALLOWED = new ReplyError(
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local ' +
    'connection, otherwise you need to set this option in the configuration file, and then restart the server.',
);

const RELOAD_FAILED = new ReplyError('ERR Error trying to load the RDB dump, check server logs.');
const LOG_FAILED = new ReplyError('ERR Error trying to load the AOF files, check server logs.');

export type Subcommands = Readonly<Record<string, (ctx: Context, args: Args) => void>>;

const SUBCOMMANDS: Subcommands = {
  SLEEP: sleep,
  OBJECT: describeObject,
  'SET-ACTIVE-EXPIRE'(ctx, args) {
    ctx.server.expiry.isActive = args.int(2) !== 0;
    ctx.reply.ok();
  },
  POPULATE: populate,
  PROTOCOL: showProtocol,
  REPLICATE: replicate,
  'STRINGMATCH-LEN': (ctx) => ctx.reply.ok(),
  'QUICKLIST-PACKED-THRESHOLD': (ctx) => ctx.reply.ok(),
  'SET-DISABLE-DENY-SCRIPTS'(ctx, args) {
    ctx.server.scripting.allowsDenied = args.int(2) !== 0;
    ctx.reply.ok();
  },
  REPLYBUFFER: (ctx) => ctx.reply.ok(),
  'DICT-RESIZING': (ctx) => ctx.reply.ok(),
  'PAUSE-CRON'(ctx, args) {
    ctx.server.isCronPaused = args.int(2) !== 0;
    ctx.reply.ok();
  },
  'CHANGE-REPL-ID': changeReplId,
  RELOAD: reload,
  LOADAOF: loadAof,
  'AOF-FLUSH-SLEEP': sleepBeforeWrites,
  ERROR(_ctx, args) {
    throw new ReplyError(args.string(2));
  },
  LOG(ctx, args) {
    ctx.server.log('warning', `DEBUG LOG: ${args.string(2)}`);
    ctx.reply.ok();
  },
  HELP: (ctx) => ctx.reply.lines(HELP),
};

/** They only read, what others could read key by key: allowed where DEBUG is not. */
const HARMLESS = new Set(['DIGEST-BATCH', 'DIGEST-CUT']);

function debug(ctx: Context, args: Args, subcommands: Subcommands): void {
  const permission = ctx.server.config.text('enable-debug-command');
  const isAllowed = permission === 'yes' || (permission === 'local' && isLocal(ctx.client.transport?.peer));
  const name = args.upper(1);
  if (!isAllowed && !ctx.client.isTrusted && !HARMLESS.has(name)) throw NOT_ALLOWED;
  const run = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (run === undefined)
    throw new ReplyError(
      `ERR unknown subcommand or wrong number of arguments for '${printable(args.string(1).slice(0, 128))}'. Try DEBUG HELP.`,
    );
  run(ctx, args);
}

/** Stops everything, acknowledgements and all, as the real one does: that is what it is for. */
function sleep(ctx: Context, args: Args): void {
  standStill(args.double(2) * 1000);
  // Within a script or a transaction time stands still.
  ctx.server.afterUnit.push(() => ctx.server.refreshTime());
  ctx.reply.ok();
}

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, ms));
}

/** Makes each write to the append-only file take so many microseconds, to show that no reply goes before it. */
function sleepBeforeWrites({ reply, server }: Context, args: Args): void {
  const ms = args.int(2) / 1000;
  const log = server.persistence?.log;
  if (log !== undefined) log.beforeWrite = () => standStill(ms);
  reply.ok();
}

function describeObject(ctx: Context, args: Args): void {
  const { db } = ctx;
  // As it lies there: a replica's key that has expired is hidden from reads, not from here.
  const ref = db.find(args.buf, args.start(2), args.end(2));
  if (ref === 0) throw ERRORS.noKey;
  const isString = db.isString(ref);
  const length = isString ? db.valueLength(ref) : db.object(ref).bytes;
  const encoding = encodingOf(ctx, ref);
  const quicklist =
    encoding === 'quicklist' ? ' ql_nodes:1 ql_avg_node:1.00 ql_listpack_max:-2 ql_compressed:0' : '';
  ctx.reply.simple(
    `Value at:0x0 refcount:1 encoding:${encoding} serializedlength:${String(length)} lru:${String(db.access(ref))} ` +
      `lru_seconds_idle:0${quicklist}`,
  );
}

/** DEBUG POPULATE count [prefix] [size]: keys `prefix:n` with values `value:n`, padded with zero bytes to size. */
function populate(ctx: Context, args: Args): void {
  const count = args.int(2);
  const prefix = args.count > 3 ? args.string(3) : 'key';
  const size = args.count > 4 ? args.int(4) : undefined;
  if (count < 0 || (size !== undefined && size < 0)) throw ERRORS.outOfRange;
  const { db } = ctx;
  for (let n = 0; n < count; n += 1) {
    const key = Buffer.from(`${prefix}:${String(n)}`, 'latin1');
    if (db.find(key, 0, key.length) !== 0) continue;
    const text = Buffer.from(`value:${String(n)}`);
    const value = size === undefined ? text : Buffer.alloc(size);
    if (size !== undefined) text.copy(value, 0, 0, size);
    db.insertString(key, 0, key.length, value, 0, value.length);
  }
  ctx.reply.ok();
}

function showProtocol({ reply }: Context, args: Args): void {
  const kind = args.string(2).toLowerCase();
  switch (kind) {
    case 'string':
      return reply.bulkString('Hello World');
    case 'integer':
      return reply.int(12345);
    case 'double':
      return reply.double(3141 / 1000);
    case 'null':
      return reply.nil();
    case 'array':
      reply.arrayHeader(3);
      for (let n = 0; n < 3; n += 1) reply.int(n);
      return undefined;
    case 'set':
      reply.setHeader(3);
      for (let n = 0; n < 3; n += 1) reply.int(n);
      return undefined;
    case 'map':
      reply.mapHeader(3);
      for (let n = 0; n < 3; n += 1) {
        reply.int(n);
        reply.bool(n === 1);
      }
      return undefined;
    case 'attrib':
      if (reply.version === 3) {
        reply.attributeHeader(1);
        reply.bulkString('key-popularity');
        reply.arrayHeader(2);
        reply.bulkString('key:123');
        reply.int(90);
      }
      return reply.bulkString('Some real reply following the attribute');
    case 'push':
      if (reply.version < 3) throw new ReplyError('ERR RESP2 is not supported by this command');
      reply.pushHeader(2);
      reply.bulkString('server-cpu-usage');
      reply.int(42);
      return reply.bulkString('Some real reply following the push reply');
    case 'bignum':
      return reply.bigNumber('1234567999999999999999999999999999999');
    case 'true':
      return reply.bool(true);
    case 'false':
      return reply.bool(false);
    case 'verbatim':
      return reply.verbatim('This is a verbatim\nstring');
    default:
      throw new ReplyError(
        'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false',
      );
  }
}

/** DEBUG REPLICATE AOF|REPL|… command: puts a command into the stream without running it. */
function replicate(ctx: Context, args: Args): void {
  if (args.count < 3) throw ERRORS.syntax;
  ctx.server.propagation.addCommand(ctx.dbIndex, args.strings(2));
  ctx.reply.ok();
}

function changeReplId(ctx: Context): void {
  ctx.server.log('notice', 'Changing replication IDs after receiving change-repl-id');
  ctx.server.replication?.changeHistory();
  ctx.reply.ok();
}

function reload(ctx: Context, args: Args): void {
  const words = new Set(args.strings(2).map((word) => word.toUpperCase()));
  if ([...words].some((word) => !['NOSAVE', 'NOFLUSH', 'MERGE'].includes(word)))
    throw new ReplyError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  const { persistence } = ctx.server;
  if (persistence === undefined) throw new ReplyError('ERR This server keeps nothing on disk');
  try {
    persistence.reload({
      isSaving: !words.has('NOSAVE'),
      isFlushing: !words.has('NOFLUSH'),
      isMerging: words.has('MERGE'),
    });
  } catch (error) {
    if (error instanceof RdbError || error instanceof ReplyError) throw RELOAD_FAILED;
    throw error;
  }
  ctx.reply.ok();
}

function loadAof(ctx: Context): void {
  const { persistence } = ctx.server;
  if (persistence === undefined) throw LOG_FAILED;
  try {
    if (!persistence.reloadLog()) throw LOG_FAILED;
    // The commands of the log ran inside of this one: what they changed is no news to the log or to replicas.
    ctx.dirty = 0;
  } catch (error) {
    if (error instanceof LogLoadError) throw LOG_FAILED;
    throw error;
  }
  ctx.reply.ok();
}

const HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'AOF-FLUSH-SLEEP <microsec>',
  '    Server will sleep before flushing the AOF, this is used for testing.',
  'CHANGE-REPL-ID',
  '    Change the replication IDs of the instance.',
  'CONFIG-REWRITE-FORCE-ALL',
  '    Rewrite the configuration file with all directives, also those of which the value is the default.',
  'DIGEST',
  '    Output a hex signature representing the current DB content.',
  'DIGEST-BATCH <most> <key> [<key> ...]',
  '    Output one hex signature of all the specified keys, with their expiries.',
  'DIGEST-CUT BEGIN <id> <buckets> [<bucket> ...]',
  '    Digest all data where the replication stream holds the mark of this id.',
  'DIGEST-CUT READ',
  '    Return the digest, or how many keys have been digested.',
  'DIGEST-VALUE <key> [<key> ...]',
  '    Output a hex signature of the values of all the specified keys.',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message.',
  'LOADAOF',
  '    Flush the AOF buffers on disk and reload the AOF in memory.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'PAUSE-CRON <0|1>',
  '    Stop periodic cron job processing.',
  'POPULATE <count> [<prefix>] [<size>]',
  '    Create <count> string keys named key:<num>. If <prefix> is specified then',
  "    it is used instead of the 'key' prefix.",
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type.',
  'RELOAD [option ...]',
  '    Save the RDB on disk and reload it back to memory.',
  'REPLICATE <target> <command> [<arg> ...]',
  '    Put a command into the replication stream without running it.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys (and hash fields) in background.',
  'SET-DISABLE-DENY-SCRIPTS <0|1>',
  '    Setting it to 1 lets scripts run commands that are not for them.',
  'SLEEP <seconds>',
  '    Stop the server for <seconds>. Decimals allowed.',
  'HELP',
  '    Print this help.',
];
