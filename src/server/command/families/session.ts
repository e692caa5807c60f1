import type { Access } from '../../acl/access.ts';
import type { Monitors } from '../../admin/monitors.ts';
import { VERSION } from '../../admin/version.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS, printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Tracking } from '../../tracking/tracking.ts';
import type { Client } from '../client.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export interface SessionParts {
  readonly access: () => Access;
  readonly pubsub: PubSub;
  readonly tracking: Tracking;
  readonly monitors: Monitors;
}

const WRONG_PASSWORD = new ReplyError('WRONGPASS invalid username-password pair or user is disabled.');
const NO_PASSWORD = new ReplyError(
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your ' +
    'configuration is correct?',
);
const HELLO_NOT_AUTHENTICATED = new ReplyError(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> ' +
    '<pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
);

/** Who a connection is and how it speaks: HELLO, AUTH, RESET. */
export function sessionCommands({ access, pubsub, tracking, monitors }: SessionParts): Family {
  return { auth, hello, reset };

  function auth(ctx: Context, args: Args): void {
    if (args.count > 3) throw ERRORS.syntax;
    if (args.count === 2 && access().acl.default.isPasswordless) throw NO_PASSWORD;
    const name = args.count === 2 ? 'default' : args.string(1);
    if (!access().login(ctx.client, name, args.string(args.count - 1))) throw WRONG_PASSWORD;
    ctx.reply.ok();
  }

  function hello(ctx: Context, args: Args): void {
    const { client } = ctx;
    const version = args.count > 1 ? args.int(1, PROTOCOL_NOT_INTEGER) : undefined;
    if (version !== undefined && version !== 2 && version !== 3)
      throw new ReplyError('NOPROTO unsupported protocol version');
    const options = readHelloOptions(args);
    if (options.login !== undefined && !access().login(client, ...options.login)) throw WRONG_PASSWORD;
    if (!access().isAuthenticated(client)) throw HELLO_NOT_AUTHENTICATED;
    if (options.name !== undefined) client.name = options.name;
    if (version !== undefined) {
      client.reply.version = version;
      pubsub.refresh(client);
    }
    describeServer(ctx, client);
  }

  function reset(ctx: Context): void {
    const { client, server } = ctx;
    monitors.remove(client);
    server.transactions.discard(client);
    pubsub.drop(client);
    tracking.disable(client);
    client.dbIndex = 0;
    client.reply.version = 2;
    client.name = '';
    client.isNoEvict = false;
    client.isNoTouch = false;
    client.isSilent = false;
    client.skipsNextReply = false;
    access().logout(client);
    ctx.reply.simple('RESET');
  }
}

const PROTOCOL_NOT_INTEGER = new ReplyError('ERR Protocol version is not an integer or out of range');

interface HelloOptions {
  login?: readonly [name: string, password: string];
  name?: string;
}

function readHelloOptions(args: Args): HelloOptions {
  const options: HelloOptions = {};
  for (let at = 2; at < args.count; at += 1) {
    const left = args.count - 1 - at;
    if (args.is(at, 'AUTH') && left >= 2) {
      options.login = [args.string(at + 1), args.string(at + 2)];
      at += 2;
    } else if (args.is(at, 'SETNAME') && left >= 1) {
      options.name = checkedClientName(args.string(at + 1));
      at += 1;
    } else {
      throw new ReplyError(`ERR Syntax error in HELLO option '${printable(args.string(at))}'`);
    }
  }
  return options;
}

/** A name must be printable without spaces, so that CLIENT LIST can be parsed. */
export function checkedClientName(name: string): string {
  if (/[^!-~]/.test(name))
    throw new ReplyError('ERR Client names cannot contain spaces, newlines or special characters.');
  return name;
}

function describeServer({ reply, server }: Context, client: Client): void {
  reply.mapHeader(7);
  reply.bulkString('server');
  reply.bulkString('redis');
  reply.bulkString('version');
  reply.bulkString(VERSION);
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
