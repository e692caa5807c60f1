import type { ConfigSetResult, LiveConfig } from '../../config/live-config.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import { ServerStats } from '../stats.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export interface ConfigCommandParts {
  readonly config: LiveConfig;
  /** Writes the conf file anew; a text says why it can't be. Undefined when there is no file. */
  readonly rewrite: ((isWhole?: boolean) => string | undefined) | undefined;
  /** Called by CONFIG RESETSTAT for counters kept elsewhere. */
  readonly onResetStat: readonly (() => void)[];
}

/** CONFIG GET, SET, REWRITE, RESETSTAT. */
export function configCommands({ config, rewrite, onResetStat }: ConfigCommandParts): Family {
  return {
    'config|get': get,
    'config|set': set,
    'config|rewrite': rewriteFile,
    'config|resetstat': resetStat,
    'config|help': help,
  };

  function get(ctx: Context, args: Args): void {
    const found = config.get(args.strings(2));
    ctx.reply.mapHeader(found.length);
    for (const [name, value] of found) {
      ctx.reply.bulkString(name);
      ctx.reply.bulkString(value);
    }
  }

  function set(ctx: Context, args: Args): void {
    if (args.count % 2 === 1) throw ERRORS.syntax;
    const changes: [string, string][] = [];
    for (let at = 2; at < args.count; at += 2) changes.push([args.string(at), args.string(at + 1)]);
    const protection = config.text('enable-protected-configs');
    const result = config.set(changes, {
      isLoading: ctx.server.isLoading,
      mayGuarded: protection === 'yes' || (protection === 'local' && isLocal(ctx.client.transport?.peer)),
    });
    if (result.ok && result.later !== undefined) answerLater(ctx, result.later);
    else answer(ctx.reply, result);
  }

  /** A new port is open by the time the client hears of it, or all is as it was. A script can't wait. */
  function answerLater({ server, client, reply }: Context, later: Promise<ConfigSetResult>): void {
    if (client.transport === undefined) {
      reply.ok();
      return;
    }
    let outcome: ConfigSetResult = { ok: true, changed: [] };
    const until = later.then((result) => {
      outcome = result;
    });
    server.executor.waitFor(until, () => {
      answer(reply, outcome);
      return true;
    });
  }

  /** Throws what is wrong. */
  function answer(reply: ReplyWriter, result: ConfigSetResult): void {
    if (result.ok) {
      reply.ok();
      return;
    }
    switch (result.reason) {
      case 'unknown':
        throw new ReplyError(`ERR Unknown option or number of arguments for CONFIG SET - '${result.name}'`);
      case 'loading':
        throw ERRORS.loading;
      default:
        throw new ReplyError(
          `ERR CONFIG SET failed (possibly related to argument '${result.name}') - ${result.error}`,
        );
    }
  }

  function rewriteFile(ctx: Context): void {
    if (rewrite === undefined) throw new ReplyError('ERR The server is running without a config file');
    const error = rewrite();
    if (error !== undefined) {
      ctx.server.log('warning', `CONFIG REWRITE failed: ${error}`);
      throw new ReplyError(`ERR Rewriting config file: ${error}`);
    }
    ctx.server.log('notice', 'CONFIG REWRITE executed with success.');
    ctx.reply.ok();
  }

  function resetStat(ctx: Context): void {
    ctx.server.stats = new ServerStats();
    for (const { stats } of ctx.server.commands.all()) stats.reset();
    ctx.server.replication?.resetStats();
    for (const listener of onResetStat) listener();
    ctx.reply.ok();
  }
}

/** Whether a peer is on this machine, as `enable-protected-configs local` means it. */
export function isLocal(peer: string | undefined): boolean {
  return peer === undefined || !peer.includes(':') || /^(127\.|\[::1\]|\/)/.test(peer);
}

function help(ctx: Context): void {
  ctx.reply.lines([
    'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
    'GET <pattern>',
    '    Return parameters matching the glob-like <pattern> and their values.',
    'SET <directive> <value>',
    '    Set the configuration <directive> to <value>.',
    'RESETSTAT',
    '    Reset statistics reported by the INFO command.',
    'REWRITE',
    '    Rewrite the configuration file.',
    'HELP',
    '    Print this help.',
  ]);
}
