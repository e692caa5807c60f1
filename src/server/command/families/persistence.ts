import type { Persistence } from '../../persistence/persistence.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

/** Commands that bring the data to disk (source: rdb.c, aof.c). */
export const persistenceCommands: Family = {
  save,
  bgsave,
  lastsave,
  bgrewriteaof,
};

const SAVING = new ReplyError('ERR Background save already in progress');
const REWRITING = new ReplyError('ERR Background append only file rewriting already in progress');
const REWRITE_FAILED = new ReplyError(
  "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
);
const FAILED = new ReplyError('ERR');
const BUSY_WITH_LOG = new ReplyError(
  "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a " +
    'BGSAVE whenever possible.',
);

function persistenceOf(ctx: Context): Persistence {
  const { persistence } = ctx.server;
  if (persistence === undefined) throw new ReplyError('ERR This server keeps nothing on disk');
  return persistence;
}

function save(ctx: Context): void {
  const { rdb } = persistenceOf(ctx);
  if (rdb.isRunning) throw SAVING;
  rdb.saves++;
  try {
    rdb.saveNow();
  } catch {
    // The log says what the disk said; SAVE itself answers no more than this.
    throw FAILED;
  }
  ctx.reply.ok();
}

function bgsave(ctx: Context, args: Args): void {
  const isScheduling = args.count === 2 && args.is(1, 'SCHEDULE');
  if (args.count > 1 && !isScheduling) throw ERRORS.syntax;
  const { rdb, isRewriting } = persistenceOf(ctx);
  if (rdb.isRunning) throw SAVING;
  if (isRewriting || !ctx.canBlock) {
    if (isRewriting && !isScheduling) throw BUSY_WITH_LOG;
    rdb.isScheduled = true;
    ctx.reply.simple('Background saving scheduled');
    return;
  }
  rdb.saveInBackground();
  ctx.reply.simple('Background saving started');
}

function lastsave(ctx: Context): void {
  ctx.reply.int(persistenceOf(ctx).rdb.lastSaveAt);
}

function bgrewriteaof(ctx: Context): void {
  const persistence = persistenceOf(ctx);
  if (persistence.isRewriting) throw REWRITING;
  // A transaction that is under way must not be torn between two files, so it waits as behind a save.
  if (persistence.rdb.isRunning || !ctx.canBlock) {
    persistence.isRewriteScheduled = true;
    ctx.reply.simple('Background append only file rewriting scheduled');
    return;
  }
  if (!persistence.rewriteLog()) throw REWRITE_FAILED;
  ctx.reply.simple('Background append only file rewriting started');
}
