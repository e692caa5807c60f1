import { matchGlob } from '../../keyspace/match-glob.ts';
import { createDumpPayload, isDumpPayloadIntact } from '../../rdb/dump-payload.ts';
import { RDB_OPCODE } from '../../rdb/rdb-format.ts';
import { RdbInput } from '../../rdb/rdb-input.ts';
import type { RdbWriter } from '../../rdb/rdb-writer.ts';
import type { Args } from '../../resp/args.ts';
import { printable, wrongSubcommandUse } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { flagNames } from '../../script/script-flags.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export const functionCommands: Family = {
  fcall: (ctx, args) => ctx.server.functions.call(ctx, args, false),
  fcall_ro: (ctx, args) => ctx.server.functions.call(ctx, args, true),
  'function|load': load,
  'function|delete': remove,
  'function|list': list,
  'function|stats': stats,
  'function|flush': flush,
  'function|kill': kill,
  'function|dump': dump,
  'function|restore': restore,
  'function|help': (ctx) => ctx.reply.lines(HELP),
};

const PAYLOAD_FOOTER_BYTES = 10;
const MAX_CODE_BYTES = 512 * 1024 * 1024;

function load(ctx: Context, args: Args): void {
  let replaces = false;
  for (let i = 2; i < args.count - 1; i += 1) {
    if (!args.is(i, 'REPLACE'))
      throw new ReplyError(`ERR Unknown option given: ${printable(args.string(i))}`);
    replaces = true;
  }
  const name = ctx.server.functions.load(args.string(args.count - 1), replaces);
  changed(ctx);
  ctx.reply.bulkString(name);
}

function remove(ctx: Context, args: Args): void {
  if (!ctx.server.functions.delete(args.string(2))) throw new ReplyError('ERR Library not found');
  changed(ctx);
  ctx.reply.ok();
}

function flush(ctx: Context, args: Args): void {
  if (args.count > 3) throw wrongSubcommandUse(args.string(1), 'FUNCTION');
  if (args.count === 3 && !args.is(2, 'SYNC') && !args.is(2, 'ASYNC'))
    throw new ReplyError('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
  ctx.server.functions.flush();
  changed(ctx);
  ctx.reply.ok();
}

function changed(ctx: Context): void {
  ctx.dirty += 1;
}

function list(ctx: Context, args: Args): void {
  let pattern: string | undefined;
  let withCode = false;
  for (let i = 2; i < args.count; i += 1) {
    if (!withCode && args.is(i, 'WITHCODE')) withCode = true;
    else if (pattern === undefined && args.is(i, 'LIBRARYNAME')) {
      if (i === args.count - 1) throw new ReplyError('ERR library name argument was not given');
      i += 1;
      pattern = args.string(i);
    } else throw new ReplyError(`ERR Unknown argument ${printable(args.string(i))}`);
  }
  const { reply } = ctx;
  const found = ctx.server.functions.all.filter(
    ({ name }) => pattern === undefined || matchGlob(pattern, name, true),
  );
  reply.arrayHeader(found.length);
  for (const { name, code, functions } of found) {
    reply.mapHeader(withCode ? 4 : 3);
    reply.bulkString('library_name');
    reply.bulkString(name);
    reply.bulkString('engine');
    reply.bulkString('LUA');
    reply.bulkString('functions');
    reply.arrayHeader(functions.size);
    for (const { name: own, description, flags } of functions.values()) {
      reply.mapHeader(3);
      reply.bulkString('name');
      reply.bulkString(own);
      reply.bulkString('description');
      if (description === undefined) reply.nil();
      else reply.bulkString(description);
      reply.bulkString('flags');
      const names = flagNames(flags);
      reply.setHeader(names.length);
      for (const flag of names) reply.simple(flag);
    }
    if (!withCode) continue;
    reply.bulkString('library_code');
    reply.bulkString(code);
  }
}

function stats(ctx: Context): void {
  const { reply, server } = ctx;
  const { running } = server.scripting;
  if (running?.isFunction === false) throw server.scripting.busyError;
  reply.mapHeader(2);
  reply.bulkString('running_script');
  if (running === undefined) reply.nil();
  else {
    reply.mapHeader(3);
    reply.bulkString('name');
    reply.bulkString(running.name);
    reply.bulkString('command');
    reply.bulkStrings(running.args.strings());
    reply.bulkString('duration_ms');
    reply.int(Math.round(running.elapsedMs));
  }
  reply.bulkString('engines');
  reply.mapHeader(1);
  reply.bulkString('LUA');
  reply.mapHeader(2);
  reply.bulkString('libraries_count');
  reply.int(server.functions.all.length);
  reply.bulkString('functions_count');
  reply.int(server.functions.functionCount);
}

function kill(ctx: Context): void {
  ctx.server.scripting.kill(true);
  ctx.reply.ok();
}

/** The libraries as an RDB holds them, behind them version and checksum. */
function dump(ctx: Context): void {
  const write = (writer: RdbWriter): void => {
    for (const { code } of ctx.server.functions.all) writer.functionLibrary(code);
  };
  const payload = createDumpPayload(10, write, ctx.server.config.flag('rdbcompression'));
  ctx.reply.bulk(payload);
}

function restore(ctx: Context, args: Args): void {
  if (args.count > 4) throw wrongSubcommandUse(args.string(1), 'FUNCTION');
  const policy = args.count === 4 ? args.string(3).toLowerCase() : 'append';
  if (policy !== 'flush' && policy !== 'append' && policy !== 'replace') {
    throw new ReplyError('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.');
  }
  const payload = args.bytes(2);
  if (!isDumpPayloadIntact(payload)) throw new ReplyError('ERR DUMP payload version or checksum are wrong');
  ctx.server.functions.restore(readLibraries(payload), policy);
  changed(ctx);
  ctx.reply.ok();
}

function readLibraries(payload: Buffer): string[] {
  const input = new RdbInput(MAX_CODE_BYTES);
  const codes: string[] = [];
  input.push(payload.subarray(0, payload.length - PAYLOAD_FOOTER_BYTES));
  while (input.readByte()) {
    if (input.byte !== RDB_OPCODE.function2) throw new ReplyError('ERR given type is not a function');
    if (!input.readString()) throw new ReplyError('ERR failed loading functions payload');
    codes.push(input.text());
  }
  return codes;
}

const HELP = [
  'FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'LOAD [REPLACE] <FUNCTION CODE>',
  '    Create a new library with the given library name and code.',
  'DELETE <LIBRARY NAME>',
  '    Delete the given library.',
  'LIST [LIBRARYNAME PATTERN] [WITHCODE]',
  '    Return general information on all the libraries:',
  '    * Library name',
  '    * The engine used to run the Library',
  '    * Library description',
  '    * Functions list',
  '    * Library code (if WITHCODE is given)',
  '    It also possible to get only function that matches a pattern using LIBRARYNAME argument.',
  'STATS',
  '    Return information about the current function running:',
  '    * Function name',
  '    * Command used to run the function',
  '    * Duration in MS that the function is running',
  '    If no function is running, return nil',
  '    In addition, returns a list of available engines.',
  'KILL',
  '    Kill the current running function.',
  'FLUSH [ASYNC|SYNC]',
  '    Delete all the libraries.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the libraries.',
  '    * SYNC: Synchronously flush the libraries.',
  'DUMP',
  '    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command',
  'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
  '    Restore the libraries represented by the given payload, it is possible to give a restore policy to',
  '    control how to handle existing libraries (default APPEND):',
  '    * FLUSH: delete all existing libraries.',
  '    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.',
  '    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old',
  '      libraries with the new libraries (notice that even on this option there is a chance of failure',
  '      in case of functions name collision with another library).',
  'HELP',
  '    Print this help.',
];
