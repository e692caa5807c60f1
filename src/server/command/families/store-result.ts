import type { Value } from '../../keyspace/value.ts';
import type { Args } from '../../resp/args.ts';
import type { Context } from '../context.ts';

/** Puts a computed collection under the key in argument `i`, deletes that key when it is empty, and replies its size. */
export function storeResult(
  ctx: Context,
  args: Args,
  i: number,
  result: Value,
  eventClass: number,
  event: string,
): void {
  if (result.size === 0) ctx.delete(args, i);
  else {
    ctx.setValue(args, i, result);
    ctx.changed(args, i, eventClass, event);
  }
  ctx.reply.int(result.size);
}
