import type { Args } from '../../resp/args.ts';
import { ERRORS, wrongArity } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { CLIENT_GATE } from '../gates.ts';

/** Commands about the connection itself that need nobody else. */
export const connectionCommands: Family = { ping, echo, select, quit, hello };

function ping(ctx: Context, args: Args): void {
  const { client, reply } = ctx;
  if (args.count > 2) throw wrongArity('ping');
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
  const index = args.int(1);
  if (index < 0 || index >= ctx.server.keyspace.count) throw ERRORS.dbOutOfRange;
  ctx.client.dbIndex = index;
  ctx.reply.ok();
}

function quit(ctx: Context): void {
  ctx.reply.ok();
  ctx.client.closeAfterReply();
}

function hello(ctx: Context, args: Args): void {
  const { client, reply, server } = ctx;
  if (args.count > 1) {
    const version = args.int(1, new ReplyError('ERR Protocol version is not an integer or out of range'));
    if (version !== 2 && version !== 3) throw new ReplyError('NOPROTO unsupported protocol version');
    if (args.count > 2) throw ERRORS.syntax;
    reply.version = version;
  }
  reply.mapHeader(7);
  reply.bulkString('server');
  reply.bulkString('redis');
  reply.bulkString('version');
  reply.bulkString('7.2.0');
  reply.bulkString('proto');
  reply.int(reply.version);
  reply.bulkString('id');
  reply.int(client.id);
  reply.bulkString('mode');
  reply.bulkString('standalone');
  reply.bulkString('role');
  reply.bulkString(server.isReplica ? 'replica' : 'master');
  reply.bulkString('modules');
  reply.arrayHeader(0);
}
