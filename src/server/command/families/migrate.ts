import { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Exchange, ExchangeOutcome } from '../../net/exchange.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { dumpEntry } from './dump-restore.ts';

const DEFAULT_TIMEOUT_MS = 1000;

interface MigrateOptions {
  copies: boolean;
  replaces: boolean;
  /** Arguments of AUTH. */
  credentials: readonly string[];
  firstKey: number;
  keyCount: number;
}

/** MIGRATE (`migrateCommand` in cluster.c). */
export const migrateCommands: Family = { migrate };

function migrate(ctx: Context, args: Args): void {
  const options = readOptions(args);
  const timeoutMs = args.int(5);
  const database = args.int(4);
  const keys = Array.from({ length: options.keyCount }, (_, at) => options.firstKey + at).filter(
    (i) => ctx.read(args, i) !== 0,
  );
  if (keys.length === 0) {
    ctx.reply.simple('NOKEY');
    return;
  }
  const opening = [['SELECT', String(database)]];
  if (options.credentials.length > 0) opening.unshift(['AUTH', ...options.credentials]);
  const outcome = exchange(ctx, {
    host: args.string(1),
    port: Number.parseInt(args.string(2), 10) || 0,
    request: Buffer.concat([
      ...opening.map((command) => Args.of(command).buf),
      ...keys.map((i) => restoreOf(ctx, args, i, options.replaces)),
    ]),
    replyCount: opening.length + keys.length,
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
  });
  conclude(ctx, args, keys, outcome, opening.length, options.copies);
  ctx.reply.ok();
}

/** What the other server took is deleted here, and known as deleted to replicas. Throws what else it said. */
function conclude(
  ctx: Context,
  args: Args,
  keys: readonly number[],
  { lines, failure }: ExchangeOutcome,
  openingCount: number,
  copies: boolean,
): void {
  if (failure?.stage === 'connecting')
    throw new ReplyError('IOERR error or timeout connecting to the client');
  const refusedOpening = lines.slice(0, openingCount).find((line) => line.startsWith('-'));
  const replies = lines.slice(openingCount);
  const moved = refusedOpening === undefined ? keys.filter((_, at) => replies[at]?.startsWith('+')) : [];
  if (!copies && moved.length > 0) {
    for (const i of moved) ctx.delete(args, i);
    ctx.propagateAs(['DEL', ...moved.map((i) => args.view(i))]);
  }
  const refusal =
    replies.length === 0 ? undefined : (refusedOpening ?? replies.find((line) => line.startsWith('-')));
  if (refusal !== undefined)
    throw new ReplyError(`ERR Target instance replied with error: ${refusal.slice(1)}`);
  if (failure !== undefined)
    throw new ReplyError(`IOERR error or timeout ${failure.stage} to target instance`);
}

/** Tried again once when the connection broke before the other server did anything. */
function exchange(ctx: Context, request: Exchange): ExchangeOutcome {
  if (request.port < 0 || request.port > 65_535)
    return { lines: [], failure: { stage: 'connecting', hasTimedOut: false } };
  const { exchanger } = ctx.server;
  const outcome = exchanger.run(request);
  const { failure, lines } = outcome;
  const isWorthAnother = failure !== undefined && failure.stage !== 'connecting' && !failure.hasTimedOut;
  return isWorthAnother && lines.length === 0 ? exchanger.run(request) : outcome;
}

function restoreOf(ctx: Context, args: Args, i: number, replaces: boolean): Buffer {
  const ref = ctx.peek(args, i);
  const expireAt = ctx.db.expireAt(ref);
  const ttl = expireAt < 0 ? 0 : Math.max(1, expireAt - ctx.now);
  const command = ['RESTORE', args.view(i), String(ttl), dumpEntry(ctx, ref)];
  return Args.of(replaces ? [...command, 'REPLACE'] : command).buf;
}

function readOptions(args: Args): MigrateOptions {
  const options: MigrateOptions = {
    copies: false,
    replaces: false,
    credentials: [],
    firstKey: 3,
    keyCount: 1,
  };
  for (let i = 6; i < args.count; i += 1) {
    const more = args.count - 1 - i;
    if (args.is(i, 'COPY')) options.copies = true;
    else if (args.is(i, 'REPLACE')) options.replaces = true;
    else if (args.is(i, 'AUTH') && more >= 1) {
      options.credentials = args.strings(i + 1, i + 2);
      i += 1;
    } else if (args.is(i, 'AUTH2') && more >= 2) {
      options.credentials = args.strings(i + 1, i + 3);
      i += 2;
    } else if (args.is(i, 'KEYS')) {
      if (args.length(3) > 0)
        throw new ReplyError(
          'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
        );
      options.firstKey = i + 1;
      options.keyCount = more;
      break;
    } else throw ERRORS.syntax;
  }
  return options;
}
