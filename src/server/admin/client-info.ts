import type { Client, ClientKind } from '../command/client.ts';
import type { Command } from '../command/command.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { Tracking } from '../tracking/tracking.ts';
import { clientBytes, multiBytes } from './client-memory.ts';
import type { Monitors } from './monitors.ts';

/** What CLIENT LIST says of a client beyond what the client itself knows. */
export interface ClientDetails {
  readonly pubsub: PubSub;
  readonly tracking: Tracking;
  readonly monitors: Monitors;
}

/** One line of CLIENT LIST, fields in the order of Redis 7.2 (`catClientInfoString` in networking.c). */
export function describeClient(client: Client, details: ClientDetails): string {
  const { transport, server, reply } = client;
  const { pubsub, tracking } = details;
  const redirect = tracking.modes.get(client)?.redirect ?? -1;
  const pendingBytes = transport?.pendingBytes ?? 0;
  const argumentBytes = client.argumentBytes + runningArgumentBytes(client);
  const queryFree = client.queryCapacity - client.queryBytes;
  const fields: readonly (readonly [name: string, value: string | number])[] = [
    ['id', client.id],
    ['addr', transport?.peer ?? ''],
    ['laddr', transport?.local ?? ''],
    ['fd', transport?.fd ?? -1],
    ['name', client.name],
    ['age', Math.floor((server.now - client.createdAt) / 1000)],
    ['idle', Math.floor((server.now - client.lastActiveAt) / 1000)],
    ['flags', clientFlags(client, details)],
    ['db', client.dbIndex],
    ['sub', pubsub.count(client, ['channel'])],
    ['psub', pubsub.count(client, ['pattern'])],
    ['ssub', pubsub.count(client, ['shard'])],
    ['multi', client.multi?.queue.length ?? -1],
    ['qbuf', runningBytes(client) + client.unreadBytes],
    ['qbuf-free', queryFree],
    ['argv-mem', argumentBytes],
    ['multi-mem', multiBytes(client)],
    ['rbs', reply.buf.length],
    ['rbp', reply.length],
    ['obl', reply.length],
    ['oll', pendingBytes > 0 ? 1 : 0],
    ['omem', pendingBytes],
    ['tot-mem', clientBytes(client) + runningBytes(client)],
    ['events', pendingBytes > 0 ? 'rw' : 'r'],
    ['cmd', commandOf(client)?.name ?? 'NULL'],
    ['user', client.user],
    ['redir', redirect],
    ['resp', reply.version],
    ['lib-name', client.libraryName],
    ['lib-ver', client.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${String(value)}`).join(' ');
}

/** Size of the request that is being executed, which Redis still has in the query buffer then. */
function runningBytes(client: Client): number {
  const { executor } = client.server;
  return executor.current === client ? executor.currentBytes : 0;
}

function runningArgumentBytes(client: Client): number {
  const { executor } = client.server;
  return executor.current === client ? executor.currentArgumentBytes : 0;
}

/** What it runs now, or ran last. */
function commandOf(client: Client): Command | undefined {
  const { executor } = client.server;
  return executor.current === client ? executor.currentCommand : client.lastCommand;
}

function clientFlags(client: Client, { tracking, monitors }: ClientDetails): string {
  const mode = tracking.modes.get(client);
  const flags: readonly (readonly [flag: string, isSet: boolean])[] = [
    ['O', monitors.has(client)],
    ['S', client.kind === 'replica' && !monitors.has(client)],
    ['M', client.kind === 'master'],
    ['P', client.kind === 'pubsub'],
    ['x', client.multi !== undefined],
    ['b', client.block !== undefined || client.server.postponed.has(client)],
    ['t', mode !== undefined],
    ['R', mode?.isRedirectBroken === true],
    ['B', mode?.isBroadcast === true],
    ['d', client.isWatchBroken],
    ['c', client.isClosing],
    ['U', client.transport?.isUnixSocket === true],
    ['e', client.isNoEvict],
    ['T', client.isNoTouch],
  ];
  const text = flags.flatMap(([flag, isSet]) => (isSet ? [flag] : [])).join('');
  return text === '' ? 'N' : text;
}

/** The kind a name in CLIENT LIST and CLIENT KILL means. */
export function clientKindByName(name: string): ClientKind | undefined {
  switch (name.toLowerCase()) {
    case 'normal':
      return 'normal';
    case 'slave':
    case 'replica':
      return 'replica';
    case 'pubsub':
      return 'pubsub';
    case 'master':
      return 'master';
    default:
      return undefined;
  }
}
