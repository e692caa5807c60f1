import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { sha1 } from '../../script/redis-api.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export const scriptingCommands: Family = {
  eval: (ctx, args) => ctx.server.scripting.eval(ctx, args, { isSha: false, isReadOnly: false }),
  eval_ro: (ctx, args) => ctx.server.scripting.eval(ctx, args, { isSha: false, isReadOnly: true }),
  evalsha: (ctx, args) => ctx.server.scripting.eval(ctx, args, { isSha: true, isReadOnly: false }),
  evalsha_ro: (ctx, args) => ctx.server.scripting.eval(ctx, args, { isSha: true, isReadOnly: true }),
  'script|load': load,
  'script|exists': exists,
  'script|flush': flush,
  'script|kill': kill,
  'script|debug': debug,
  'script|help': (ctx) => ctx.reply.lines(HELP),
};

function load(ctx: Context, args: Args): void {
  const body = args.string(2);
  ctx.server.scripting.load(body);
  ctx.reply.bulkString(sha1(body));
}

function exists(ctx: Context, args: Args): void {
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i += 1) ctx.reply.int(ctx.server.scripting.has(args.string(i)) ? 1 : 0);
}

function flush(ctx: Context, args: Args): void {
  if (args.count > 3 || (args.count === 3 && !args.is(2, 'SYNC') && !args.is(2, 'ASYNC')))
    throw new ReplyError('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
  ctx.server.scripting.flush();
  ctx.reply.ok();
}

function kill(ctx: Context): void {
  ctx.server.scripting.kill(false);
  ctx.reply.ok();
}

function debug(ctx: Context, args: Args): void {
  if (args.is(2, 'NO')) ctx.reply.ok();
  else if (args.is(2, 'YES') || args.is(2, 'SYNC'))
    throw new ReplyError('ERR The Lua debugger is not available in this server');
  else throw new ReplyError('ERR Use SCRIPT DEBUG YES/SYNC/NO');
}

const HELP = [
  'SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DEBUG (YES|SYNC|NO)',
  '    Set the debug mode for subsequent scripts executed.',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache. Very dangerous on replicas.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the scripts cache.',
  '    * SYNC: Synchronously flush the scripts cache.',
  'KILL',
  '    Kill the currently executing Lua script.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
  'HELP',
  '    Print this help.',
];
