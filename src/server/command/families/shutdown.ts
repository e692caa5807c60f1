import type { Shutdown } from '../../admin/shutdown.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

/** SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]. */
export function shutdownCommands(shutdown: Shutdown): Family {
  return { shutdown: run };

  function run(ctx: Context, args: Args): void {
    const words = new Set(args.strings(1).map((word) => word.toUpperCase()));
    const isKnown = [...words].every((word) => ['SAVE', 'NOSAVE', 'NOW', 'FORCE', 'ABORT'].includes(word));
    if (!isKnown || (words.has('SAVE') && words.has('NOSAVE')) || (words.has('ABORT') && words.size > 1))
      throw ERRORS.syntax;
    const { server, client } = ctx;
    if (words.has('ABORT')) {
      if (!shutdown.abort(server)) throw new ReplyError('ERR No shutdown in progress.');
      ctx.reply.ok();
      return;
    }
    if (server.isBusy && !words.has('NOSAVE')) throw server.scripting.busyError;
    const block = ctx.canBlock
      ? server.blocking.block(client, { timeoutMs: 0, onTimeout: () => undefined })
      : undefined;
    server.afterUnit.push(() =>
      shutdown.begin(
        server,
        {
          save: words.has('SAVE') ? true : words.has('NOSAVE') ? false : undefined,
          isNow: words.has('NOW'),
          isForced: words.has('FORCE'),
        },
        (error) => {
          client.reply.error(`ERR ${error}`);
          if (block === undefined) client.markDirty();
          else server.blocking.unblock(block);
        },
      ),
    );
  }
}
