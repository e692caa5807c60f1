import type { Access } from '../../acl/access.ts';
import { clientKindByName, describeClient, type ClientDetails } from '../../admin/client-info.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Client, ClientKind } from '../client.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { checkedClientName } from './session.ts';

export interface ClientCommandParts extends ClientDetails {
  readonly access: () => Access;
}

/** CLIENT …: who is connected, and what is done to them. Tracking has a file of its own. */
export function clientCommands(parts: ClientCommandParts): Family {
  return {
    'client|id': (ctx) => ctx.reply.int(ctx.client.id),
    'client|getname': (ctx) =>
      ctx.client.name === '' ? ctx.reply.nil() : ctx.reply.bulkString(ctx.client.name),
    'client|setname'(ctx, args) {
      ctx.client.name = checkedClientName(args.string(2));
      ctx.reply.ok();
    },
    'client|setinfo': setInfo,
    'client|info': (ctx) => ctx.reply.verbatim(`${describeClient(ctx.client, parts)}\n`),
    'client|list': (ctx, args) => list(ctx, args, parts),
    'client|kill': (ctx, args) => kill(ctx, args, parts),
    'client|pause': pause,
    'client|unpause'(ctx) {
      ctx.server.pause.end(PAUSE_PURPOSE);
      ctx.reply.ok();
    },
    'client|reply': reply,
    'client|unblock': unblock,
    'client|no-evict'(ctx, args) {
      ctx.client.isNoEvict = onOrOff(args);
      ctx.reply.ok();
    },
    'client|no-touch'(ctx, args) {
      ctx.client.isNoTouch = onOrOff(args);
      ctx.reply.ok();
    },
    'client|help': (ctx) => ctx.reply.lines(HELP),
  };
}

/** The pause of CLIENT PAUSE, as against that of a failover. */
const PAUSE_PURPOSE = 'client';

function onOrOff(args: Args): boolean {
  if (args.is(2, 'ON')) return true;
  if (args.is(2, 'OFF')) return false;
  throw ERRORS.syntax;
}

function setInfo(ctx: Context, args: Args): void {
  const value = args.string(3);
  const what = args.string(2);
  if (!args.is(2, 'LIB-NAME') && !args.is(2, 'LIB-VER'))
    throw new ReplyError(`ERR Unrecognized option '${what}'`);
  if (/[^!-~]/.test(value))
    throw new ReplyError(`ERR ${what} cannot contain spaces, newlines or special characters.`);
  if (args.is(2, 'LIB-NAME')) ctx.client.libraryName = value;
  else ctx.client.libraryVersion = value;
  ctx.reply.ok();
}

function list(ctx: Context, args: Args, parts: ClientCommandParts): void {
  const { clients } = ctx.server;
  let chosen: Client[] = [...clients.values()];
  if (args.count === 4 && args.is(2, 'TYPE')) {
    const kind = kindOf(args.string(3));
    chosen = chosen.filter((client) => client.kind === kind);
  } else if (args.count > 3 && args.is(2, 'ID')) {
    const invalid = new ReplyError('ERR Invalid client ID');
    const ids: number[] = [];
    for (let at = 3; at < args.count; at += 1) ids.push(args.int(at, invalid));
    chosen = ids.flatMap((id) => clients.get(id) ?? []);
  } else if (args.count !== 2) {
    throw ERRORS.syntax;
  }
  ctx.reply.verbatim(chosen.map((client) => `${describeClient(client, parts)}\n`).join(''));
}

function kindOf(name: string): ClientKind {
  const kind = clientKindByName(name);
  if (kind === undefined) throw new ReplyError(`ERR Unknown client type '${name}'`);
  return kind;
}

interface KillFilter {
  id?: number;
  kind?: ClientKind;
  peer?: string;
  local?: string;
  user?: string;
  skipsMe: boolean;
}

function kill(ctx: Context, args: Args, parts: ClientCommandParts): void {
  const isOldForm = args.count === 3;
  const filter = isOldForm ? { peer: args.string(2), skipsMe: false } : readKillFilter(args, parts.access());
  const victims = [...ctx.server.clients.values()].filter((client) => isWanted(client, filter, ctx.client));
  for (const client of victims) if (client !== ctx.client) client.close(true);
  if (isOldForm && victims.length === 0) throw new ReplyError('ERR No such client');
  if (isOldForm) ctx.reply.ok();
  else ctx.reply.int(victims.length);
  if (victims.includes(ctx.client)) ctx.client.closeAfterReply();
}

function isWanted(client: Client, filter: KillFilter, me: Client): boolean {
  if (filter.peer !== undefined && client.transport?.peer !== filter.peer) return false;
  if (filter.local !== undefined && client.transport?.local !== filter.local) return false;
  if (filter.kind !== undefined && client.kind !== filter.kind) return false;
  if (filter.id !== undefined && client.id !== filter.id) return false;
  if (filter.user !== undefined && client.user !== filter.user) return false;
  return client !== me || !filter.skipsMe;
}

function readKillFilter(args: Args, access: Access): KillFilter {
  const filter: KillFilter = { skipsMe: true };
  for (let at = 2; at < args.count; at += 2) {
    if (at + 1 >= args.count) throw ERRORS.syntax;
    const value = args.string(at + 1);
    switch (args.upper(at)) {
      case 'ID': {
        const wrong = new ReplyError('ERR client-id should be greater than 0');
        filter.id = args.int(at + 1, wrong);
        if (filter.id < 1) throw wrong;
        break;
      }
      case 'TYPE':
        filter.kind = kindOf(value);
        break;
      case 'ADDR':
        filter.peer = value;
        break;
      case 'LADDR':
        filter.local = value;
        break;
      case 'USER':
        if (access.acl.get(value) === undefined) throw new ReplyError(`ERR No such user '${value}'`);
        filter.user = value;
        break;
      case 'SKIPME':
        if (!args.is(at + 1, 'YES') && !args.is(at + 1, 'NO')) throw ERRORS.syntax;
        filter.skipsMe = args.is(at + 1, 'YES');
        break;
      default:
        throw ERRORS.syntax;
    }
  }
  return filter;
}

function pause(ctx: Context, args: Args): void {
  if (args.count > 4) throw ERRORS.syntax;
  const isWrite = args.count === 4 && args.is(3, 'WRITE');
  if (args.count === 4 && !isWrite && !args.is(3, 'ALL'))
    throw new ReplyError('ERR CLIENT PAUSE mode must be WRITE or ALL');
  const timeoutMs = args.int(2, ERRORS.timeoutNotInteger);
  if (timeoutMs < 0) throw ERRORS.timeoutNegative;
  ctx.server.pause.begin(PAUSE_PURPOSE, ctx.now + timeoutMs, !isWrite);
  ctx.reply.ok();
}

function reply(ctx: Context, args: Args): void {
  const { client } = ctx;
  if (args.is(2, 'ON')) {
    client.isSilent = false;
    client.skipsNextReply = false;
    ctx.reply.ok();
  } else if (args.is(2, 'OFF')) {
    client.isSilent = true;
  } else if (args.is(2, 'SKIP')) {
    if (!client.isSilent) client.skipsNextReply = true;
  } else {
    throw ERRORS.syntax;
  }
}

function unblock(ctx: Context, args: Args): void {
  if (args.count > 4) throw ERRORS.syntax;
  const isError = args.count === 4 && args.is(3, 'ERROR');
  if (args.count === 4 && !isError && !args.is(3, 'TIMEOUT'))
    throw new ReplyError('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  const target = ctx.server.clients.get(args.int(2));
  const { blocking } = ctx.server;
  if (target?.block === undefined) {
    ctx.reply.int(0);
    return;
  }
  if (isError) {
    target.reply.error(ERRORS.unblocked.text);
    ctx.server.stats.countError(ERRORS.unblocked.text);
    if (target.lastCommand !== undefined) target.lastCommand.stats.failed += 1;
    blocking.unblock(target.block);
  } else {
    blocking.timeOut(target.block);
  }
  ctx.reply.int(1);
}

const HELP = [
  'CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
  'HELP',
  '    Print this help.',
];
