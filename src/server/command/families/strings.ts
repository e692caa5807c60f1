import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { parseInt64, parseInteger } from '../../resp/integer.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';

export const stringCommands: Family = {
  get,
  set,
  incr: (ctx, args) => increment(ctx, args, 1),
  decr: (ctx, args) => increment(ctx, args, -1),
};

function get(ctx: Context, args: Args): void {
  replyString(ctx, ctx.readString(args, 1));
}

function replyString(ctx: Context, ref: number): void {
  if (ref === 0) {
    ctx.reply.nil();
    return;
  }
  const { db } = ctx;
  db.locateValue(ref);
  ctx.reply.bulk(db.at, db.from, db.to);
}

function set(ctx: Context, args: Args): void {
  if (args.count > 3) throw ERRORS.syntax;
  ctx.write(args, 1);
  ctx.db.setString(args.buf, args.start(1), args.end(1), args.buf, args.start(2), args.end(2));
  ctx.changed(args, 1, EVENT.string, 'set');
  ctx.reply.ok();
}

const scratch = Buffer.alloc(24);

function increment(ctx: Context, args: Args, by: number): void {
  const { db } = ctx;
  const ref = ctx.writeString(args, 1);
  let value = by;
  if (ref !== 0) {
    db.locateValue(ref);
    const old = parseInteger(db.at, db.from, db.to);
    if (Number.isNaN(old)) throw ERRORS.notInteger;
    value = old + by;
    if (!Number.isSafeInteger(value)) value = Number((parseInt64(db.at, db.from, db.to) ?? 0n) + BigInt(by));
  }
  const length = scratch.latin1Write(String(value), 0);
  if (ref === 0) db.insertString(args.buf, args.start(1), args.end(1), scratch, 0, length);
  else db.replaceString(ref, scratch, 0, length, true);
  ctx.changed(args, 1, EVENT.string, 'incrby');
  ctx.reply.int(value);
}
