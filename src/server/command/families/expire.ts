import type { Args } from '../../resp/args.ts';
import { printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { removalVerb } from '../removal-verb.ts';
import { expireTimeMs, type ExpireUnit } from '../expire-time.ts';

export const expireCommands: Family = {
  expire: (ctx, args) => expire(ctx, args, 'EX'),
  pexpire: (ctx, args) => expire(ctx, args, 'PX'),
  expireat: (ctx, args) => expire(ctx, args, 'EXAT'),
  pexpireat: (ctx, args) => expire(ctx, args, 'PXAT'),
  ttl: (ctx, args) => replyTime(ctx, args, (at) => Math.floor((Math.max(0, at - ctx.now) + 500) / 1000)),
  pttl: (ctx, args) => replyTime(ctx, args, (at) => Math.max(0, at - ctx.now)),
  expiretime: (ctx, args) => replyTime(ctx, args, (at) => Math.floor((at + 500) / 1000)),
  pexpiretime: (ctx, args) => replyTime(ctx, args, (at) => at),
  persist,
};

function expire(ctx: Context, args: Args, unit: ExpireUnit): void {
  const condition = readCondition(args);
  const time = expireTimeMs(ctx, args, 2, unit, true);
  const ref = ctx.write(args, 1);
  if (ref === 0 || !isWanted(condition, ctx.db.expireAt(ref), time)) {
    ctx.reply.int(0);
    return;
  }
  const { server } = ctx;
  if (time <= ctx.now && !server.isLoading && !server.isReplica) {
    ctx.propagateAs([removalVerb(server, 'lazyfree-lazy-expire'), args.view(1)]);
    ctx.db.delete(ref);
    ctx.changed(args, 1, EVENT.generic, 'del');
  } else {
    ctx.propagateAs(['PEXPIREAT', args.view(1), String(time)]);
    ctx.db.setExpire(ref, time);
    ctx.changed(args, 1, EVENT.generic, 'expire');
  }
  ctx.reply.int(1);
}

interface Condition {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
}

function readCondition(args: Args): Condition {
  const condition: Condition = { nx: false, xx: false, gt: false, lt: false };
  for (let i = 3; i < args.count; i += 1) {
    const word = args.string(i).toLowerCase();
    if (word !== 'nx' && word !== 'xx' && word !== 'gt' && word !== 'lt') {
      throw new ReplyError(`ERR Unsupported option ${printable(args.string(i))}`);
    }
    condition[word] = true;
  }
  const { nx, xx, gt, lt } = condition;
  if (nx && (xx || gt || lt)) {
    throw new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible');
  }
  if (gt && lt) throw new ReplyError('ERR GT and LT options at the same time are not compatible');
  return condition;
}

/** A key without a time counts as living for ever. */
function isWanted({ nx, xx, gt, lt }: Condition, current: number, time: number): boolean {
  if (nx && current >= 0) return false;
  if (xx && current < 0) return false;
  if (gt && (current < 0 || time <= current)) return false;
  return !(lt && current >= 0 && time >= current);
}

function replyTime(ctx: Context, args: Args, show: (expireAtMs: number) => number): void {
  const ref = ctx.peek(args, 1);
  const expireAt = ref === 0 ? -2 : ctx.db.expireAt(ref);
  ctx.reply.int(expireAt < 0 ? expireAt : show(expireAt));
}

function persist(ctx: Context, args: Args): void {
  const ref = ctx.write(args, 1);
  if (ref === 0 || !ctx.db.persist(ref)) {
    ctx.reply.int(0);
    return;
  }
  ctx.changed(args, 1, EVENT.generic, 'persist');
  ctx.reply.int(1);
}
