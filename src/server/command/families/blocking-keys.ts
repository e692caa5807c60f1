import type { Value } from '../../keyspace/value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { classifyLongDouble } from '../long-double.ts';
import type { Context, ValueClass } from '../context.ts';

const COUNT_ERROR = new ReplyError('ERR count should be greater than 0');
const NUMKEYS_ERROR = new ReplyError('ERR numkeys should be greater than 0');

/** A timeout given in seconds, with fractions, as milliseconds; 0 waits for ever. */
export function readTimeoutMs(args: Args, i: number): number {
  const text = args.string(i);
  if (classifyLongDouble(text) === undefined && !/^0x[0-9a-f]+$/i.test(text)) throw ERRORS.timeoutNotFloat;
  const timeoutMs = Math.ceil(Number(text.replace(/inf.*/i, 'Infinity')) * 1000);
  if (timeoutMs > Number.MAX_SAFE_INTEGER) throw ERRORS.timeoutOutOfRange;
  if (timeoutMs < 0) throw ERRORS.timeoutNegative;
  return timeoutMs;
}

/**
 * `numkeys` in argument `i`, and the argument after the keys. The keys may run up to the last argument only when
 * nothing has to follow.
 */
export function readNumkeys(args: Args, i: number): { readonly count: number; readonly next: number } {
  const count = args.int(i, NUMKEYS_ERROR);
  if (count <= 0) throw NUMKEYS_ERROR;
  return { count, next: i + 1 + count };
}

/** `[COUNT n]` from argument `i` to the end, of the commands that pop from the first key that has something. */
export function readPopCount(args: Args, i: number): number {
  if (i === args.count) return 1;
  if (i + 1 >= args.count || !args.is(i, 'COUNT')) throw ERRORS.syntax;
  const count = args.int(i + 1, COUNT_ERROR);
  if (count <= 0) throw COUNT_ERROR;
  if (i + 2 < args.count) throw ERRORS.syntax;
  return count;
}

/**
 * Waits for the keys, and replies nil when the time has run out. False where waiting is not possible or, without a
 * timeout, not wanted: then the caller replies.
 */
export function waitForKeys(ctx: Context, keys: readonly string[], timeoutMs: number | undefined): boolean {
  // The context is filled anew for each command, the client stays.
  const { client } = ctx;
  const onTimeout = (): void => client.reply.nilArray();
  return timeoutMs !== undefined && ctx.blockOnKeys(keys, { timeoutMs, onTimeout });
}

/**
 * The collection of the key in argument `i`, to be changed; for one who waited, a key of another type is as none,
 * since it is not what was waited for.
 */
export function writeAwaited<T extends Value>(
  ctx: Context,
  args: Args,
  i: number,
  type: ValueClass<T>,
): T | undefined {
  if (ctx.server.blocking.isRetrying(ctx.client)) {
    const ref = ctx.write(args, i);
    if (ref === 0 || ctx.db.isString(ref) || !(ctx.db.object(ref) instanceof type)) return undefined;
  }
  return ctx.writeValue(args, i, type);
}
