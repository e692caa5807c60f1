import type { Args } from '../resp/args.ts';
import { ERRORS } from '../resp/errors.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Server } from '../server.ts';
import type { Client } from './client.ts';
import { FLAG, type Command } from './command.ts';

/**
 * Reasons why a command may not just run. Whoever owns a condition sets its bit while the condition lasts; while no
 * bit is set on server or client, nothing is checked.
 */
export const SERVER_GATE = {
  /** Loading a dataset. */
  loading: 1,
  /** A replica that must not be written to. */
  readOnlyReplica: 2,
  /** Link to the master down and stale data not to be served. */
  masterDown: 4,
  /** Too few good replicas to write. */
  fewReplicas: 8,
  /** `server.diskError` says why writes are refused. */
  diskError: 16,
  /** CLIENT PAUSE or a failover in progress. */
  paused: 32,
  /** A script runs beyond its time. */
  busy: 64,
  /** A maxmemory is set: `server.makeRoom` decides. */
  maxMemory: 128,
  /** Some client runs MONITOR. */
  monitored: 256,
  /** Loading a dataset beside the one that is served. */
  asyncLoading: 512,
} as const;

export const CLIENT_GATE = {
  unauthenticated: 1,
  /** Inside MULTI: commands are queued. */
  multi: 2,
  /** Subscribed in RESP2: only pub/sub commands. */
  subscribed: 4,
  /** The user is not one who may do everything: `server.acl` decides. */
  acl: 8,
  /** A replica of ours: its link carries no ordinary writes. */
  replica: 16,
} as const;

/** Commands that EXEC's queue does not take. */
const NOT_QUEUED = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);
const ALLOWED_WHILE_SUBSCRIBED = new Set([
  'ping',
  'subscribe',
  'ssubscribe',
  'sunsubscribe',
  'unsubscribe',
  'psubscribe',
  'punsubscribe',
  'quit',
  'reset',
]);

/** What to do with a command: run it, put it in the transaction's queue, try again later. */
export const RUN = 0;
export const QUEUE = 1;
export const POSTPONE = 2;

export type Passage = typeof RUN | typeof QUEUE | typeof POSTPONE;

/**
 * Checks a command against everything that can forbid it, in Redis' order (source: processCommand in server.c).
 * Throws what to reply when it may not run.
 */
export function passGates(server: Server, client: Client, command: Command, args: Args): Passage {
  if (server.executor.isWaiting) return POSTPONE;
  const gates = server.gates;
  const isScript = (command.flags & FLAG.skip_monitor) !== 0;
  const flags = isScript ? server.scripting.commandFlags(command, args) : command.flags;
  const isInMulti = (client.gates & CLIENT_GATE.multi) !== 0;
  const queue = isInMulti && command.name === 'exec' ? client.multi : undefined;
  /** What the command, or any of those EXEC runs, does; and what all of them are allowed to. */
  const does = flags | (queue?.flags ?? 0);
  const may = flags & (queue?.commonFlags ?? ~0);
  const isWrite = (does & FLAG.write) !== 0;

  if ((client.gates & CLIENT_GATE.unauthenticated) !== 0 && (flags & FLAG.no_auth) === 0) throw ERRORS.noAuth;
  if (isInMulti && (flags & FLAG.no_multi) !== 0) throw ERRORS.noMulti;
  if ((client.gates & CLIENT_GATE.acl) !== 0) {
    const refusal = server.acl?.check(client, command, args);
    if (refusal !== undefined) throw refusal;
  }
  if (!client.isTrusted) {
    if ((gates & SERVER_GATE.maxMemory) !== 0 && !server.isBusy) checkMemory(server, command, client, does);
    if (isWrite || command.name === 'ping') {
      if ((gates & SERVER_GATE.diskError) !== 0 && server.diskError !== undefined) throw server.diskError;
    }
    if (isWrite) {
      if ((gates & SERVER_GATE.fewReplicas) !== 0) throw ERRORS.noReplicas;
      if ((gates & SERVER_GATE.readOnlyReplica) !== 0) throw ERRORS.readOnly;
    }
    if ((client.gates & CLIENT_GATE.subscribed) !== 0 && !ALLOWED_WHILE_SUBSCRIBED.has(command.name)) {
      throw new ReplyError(
        `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET ` +
          'are allowed in this context',
      );
    }
    if ((gates & SERVER_GATE.masterDown) !== 0 && (may & FLAG.stale) === 0) throw ERRORS.masterDown;
    if ((gates & SERVER_GATE.asyncLoading) !== 0 && (does & FLAG.no_async_loading) !== 0)
      throw ERRORS.loading;
    if ((gates & SERVER_GATE.loading) !== 0 && (may & FLAG.loading) === 0) throw ERRORS.loading;
    if ((gates & SERVER_GATE.busy) !== 0 && (flags & FLAG.allow_busy) === 0) throw server.scripting.busyError;
    const mayReplicate = (does & (FLAG.write | FLAG.may_replicate)) !== 0;
    if ((client.gates & CLIENT_GATE.replica) !== 0 && (mayReplicate || (does & FLAG.readonly) !== 0))
      throw ERRORS.replicaInKeyspace;
    if ((gates & SERVER_GATE.paused) !== 0 && isPaused(server, client, mayReplicate)) return POSTPONE;
  }
  return isInMulti && !NOT_QUEUED.has(command.name) ? QUEUE : RUN;
}

function checkMemory(server: Server, command: Command, client: Client, does: number): void {
  const hasRoom = server.makeRoom();
  if (hasRoom) return;
  // Inside MULTI, everything but what ends it counts as needing memory: the queue itself grows.
  const isMulti = (client.gates & CLIENT_GATE.multi) !== 0;
  const needsMemory =
    (does & FLAG.denyoom) !== 0 || (isMulti && !['exec', 'discard', 'quit', 'reset'].includes(command.name));
  if (needsMemory) throw ERRORS.oom;
}

function isPaused(server: Server, client: Client, mayReplicate: boolean): boolean {
  if (client.kind === 'replica') return false;
  return mayReplicate || server.pause.isAllPaused;
}
