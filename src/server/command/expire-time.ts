import type { Args } from '../resp/args.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Context } from './context.ts';

const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** `EX`, `PX`: from now; `EXAT`, `PXAT`: Unix time. */
export type ExpireUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT';

/** The error for a time that can't be, in the command's own name. */
export function invalidExpire(ctx: Context): ReplyError {
  return new ReplyError(`ERR invalid expire time in '${ctx.command.name}' command`);
}

/**
 * The Unix time in ms that argument `i` means in a unit. Throws for what is no integer or leaves 64 bits, and, unless
 * `allowPast`, for what is not positive.
 */
export function expireTimeMs(
  ctx: Context,
  args: Args,
  i: number,
  unit: ExpireUnit,
  allowPast = false,
): number {
  let time = args.int64(i);
  if (time <= 0n && !allowPast) throw invalidExpire(ctx);
  if (unit === 'EX' || unit === 'EXAT') {
    if (time > INT64_MAX / 1000n || time < -INT64_MAX / 1000n) throw invalidExpire(ctx);
    time *= 1000n;
  }
  if (unit === 'EX' || unit === 'PX') {
    const now = BigInt(ctx.now);
    if (time > INT64_MAX - now) throw invalidExpire(ctx);
    time += now;
  }
  return Number(time);
}
