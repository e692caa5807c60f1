import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { CLIENT_GATE } from '../gates.ts';

/** Commands about the connection itself that need nobody else. */
export const connectionCommands: Family = { ping, echo, select, quit };

function ping(ctx: Context, args: Args): void {
  const { client, reply } = ctx;
  if (args.count > 2) throw wrongArity('ping');
  if (client.kind === 'master' && args.count === 2) ctx.server.markMet(args.string(1));
  if ((client.gates & CLIENT_GATE.subscribed) !== 0) {
    reply.arrayHeader(2);
    reply.bulkString('pong');
    if (args.count === 1) reply.bulkString('');
    else reply.bulk(args.buf, args.start(1), args.end(1));
  } else if (args.count === 1) {
    reply.latin1('+PONG\r\n');
  } else {
    reply.bulk(args.buf, args.start(1), args.end(1));
  }
}

function echo(ctx: Context, args: Args): void {
  ctx.reply.bulk(args.buf, args.start(1), args.end(1));
}

function select(ctx: Context, args: Args): void {
  const index = args.int32(1);
  if (index < 0 || index >= ctx.server.keyspace.count) throw ERRORS.dbOutOfRange;
  ctx.client.dbIndex = index;
  ctx.reply.ok();
}

function quit(ctx: Context): void {
  ctx.reply.ok();
  ctx.client.closeAfterReply();
}
