import { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ExchangeOutcome } from '../../net/exchange.ts';
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

interface Transfer {
  readonly host: string;
  readonly port: number;
  readonly auth: readonly (readonly string[])[];
  readonly database: number;
  readonly restores: readonly Uint8Array[];
  readonly timeoutMs: number;
}

interface Attempt {
  /** What the other server said of each key. */
  readonly replies: readonly string[];
  /** It refused neither AUTH nor SELECT. */
  readonly hasOpened: boolean;
  readonly refusal: string | undefined;
  readonly failure: ExchangeOutcome['failure'];
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
  const attempt = attemptTwice(ctx, {
    host: args.string(1),
    port: Number.parseInt(args.string(2), 10) || 0,
    auth: options.credentials.length > 0 ? [['AUTH', ...options.credentials]] : [],
    database,
    restores: keys.map((i) => restoreOf(ctx, args, i, options.replaces)),
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
  });
  conclude(ctx, args, keys, attempt, options.copies);
  ctx.reply.ok();
}

/** Tried again once when the connection broke before the other server told of any key. */
function attemptTwice(ctx: Context, transfer: Transfer): Attempt {
  const first = attempt(ctx, transfer);
  const { failure, replies } = first;
  const isWorthAnother = failure !== undefined && failure.stage !== 'connecting' && !failure.hasTimedOut;
  return isWorthAnother && replies.length === 0 ? attempt(ctx, transfer) : first;
}

function attempt(ctx: Context, transfer: Transfer): Attempt {
  const { host, port, auth, database, restores, timeoutMs } = transfer;
  const { exchanger } = ctx.server;
  const connection = exchanger.connectionTo(host, port);
  const opening = connection.database === database ? auth : [...auth, ['SELECT', String(database)]];
  const { lines, failure } = exchanger.run(connection, {
    request: Buffer.concat([...opening.map((command) => Args.of(command).buf), ...restores]),
    replyCount: opening.length + restores.length,
    timeoutMs,
  });
  const refusedOpening = lines.slice(0, opening.length).find((line) => line.startsWith('-'));
  const replies = lines.slice(opening.length);
  const refusal =
    replies.length === 0 ? undefined : (refusedOpening ?? replies.find((line) => line.startsWith('-')));
  connection.database = refusal === undefined ? database : undefined;
  if (failure?.stage === 'connecting')
    ctx.server.log('warning', `MIGRATE cannot connect to ${connection.name}: ${failure.reason}`);
  return { replies, hasOpened: refusedOpening === undefined, refusal, failure };
}

/** What the other server took is deleted here, and known as deleted to replicas. Throws what else it said. */
function conclude(
  ctx: Context,
  args: Args,
  keys: readonly number[],
  { replies, hasOpened, refusal, failure }: Attempt,
  copies: boolean,
): void {
  if (failure?.stage === 'connecting')
    throw new ReplyError('IOERR error or timeout connecting to the client');
  const moved = hasOpened ? keys.filter((_, at) => replies[at]?.startsWith('+')) : [];
  if (!copies && moved.length > 0) {
    for (const i of moved) ctx.delete(args, i);
    ctx.propagateAs(['DEL', ...moved.map((i) => args.view(i))]);
  }
  if (refusal !== undefined)
    throw new ReplyError(`ERR Target instance replied with error: ${refusal.slice(1)}`);
  if (failure !== undefined)
    throw new ReplyError(`IOERR error or timeout ${failure.stage} to target instance`);
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
