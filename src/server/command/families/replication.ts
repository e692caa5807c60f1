import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import { sessionOf } from '../../replication/attach-replication.ts';
import type { ReplicaSession } from '../../replication/replica-session.ts';
import type { Refusal, Replication } from '../../replication/replication.ts';
import type { AckCount, AckWaiter } from '../../replication/wait-queue.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { CLIENT_GATE } from '../gates.ts';

/** REPLICAOF and what masters and replicas say to each other (source: replication.c). */
export const replicationCommands: Family = {
  replicaof,
  slaveof: replicaof,
  replconf,
  psync,
  sync,
  role,
  wait,
  waitaof,
  failover,
};

const MAX_ANNOUNCED_HOST = 46;
const BAD_PORT = new ReplyError('ERR Invalid master port');
const NOT_ZERO_OR_ONE = new ReplyError('ERR value is out of range, value must between 0 and 1');
/** `RDB_VERSION_MAP` in rdb.h of Valkey. */
const FIRST_VALKEY_WITH_OWN_RDB = 9;
const NO_LOCAL_AOF = new ReplyError(
  'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
);

function replicationOf(ctx: Context): Replication {
  const { replication } = ctx.server;
  if (replication === undefined) throw new ReplyError('ERR this server does not replicate');
  return replication;
}

function replicaof(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  const { server, client } = ctx;
  if (replication.failover.phase !== 'no-failover')
    throw new ReplyError('ERR REPLICAOF not allowed while failing over.');
  if (args.is(1, 'NO') && args.is(2, 'ONE')) {
    if (replication.isReplica) {
      replication.unfollow();
      server.log(
        'notice',
        `MASTER MODE enabled (user request from 'id=${client.id} addr=${client.transport?.peer ?? ''}')`,
      );
    }
    ctx.reply.ok();
    return;
  }
  if (client.replica?.isAttached === true) {
    throw new ReplyError('ERR Command is not valid when client is a replica.');
  }
  const port = args.int(2, BAD_PORT);
  if (port < 0 || port > 65535) throw BAD_PORT;
  const host = args.string(1);
  if (replication.follow({ host, port }) === 'already') {
    ctx.reply.simple('OK Already connected to specified master');
    return;
  }
  server.log(
    'notice',
    `REPLICAOF ${host}:${port} enabled (user request from 'id=${client.id} addr=${client.transport?.peer ?? ''}')`,
  );
  ctx.reply.ok();
}

function psync(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  const session = openReplica(ctx, replication);
  if (session.isAttached) return;
  const offset = readPsyncOffset(ctx, session, args);
  const isFailover = args.count > 3 && args.is(3, 'FAILOVER');
  finishAttach(ctx, session, replication.psync(session, args.string(1), offset, isFailover));
}

function readPsyncOffset(ctx: Context, session: ReplicaSession, args: Args): number {
  try {
    return args.int(2);
  } catch (error) {
    ctx.server.log('warning', `Replica ${session.name} asks for synchronization but with a wrong offset`);
    throw error;
  }
}

function sync(ctx: Context): void {
  const replication = replicationOf(ctx);
  const session = openReplica(ctx, replication);
  if (session.isAttached) return;
  finishAttach(ctx, session, replication.sync(session));
}

function openReplica(ctx: Context, replication: Replication): ReplicaSession {
  if (ctx.client.transport === undefined) throw new ReplyError('ERR a replica needs a connection');
  return sessionOf(ctx.client, replication);
}

function finishAttach(ctx: Context, session: ReplicaSession, refusal: Refusal): void {
  if (refusal !== null) throw new ReplyError(refusal);
  if (!session.isAttached) return;
  ctx.client.kind = 'replica';
  ctx.client.gates |= CLIENT_GATE.replica;
}

function replconf(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  if (args.count % 2 === 0) throw ERRORS.syntax;
  for (let i = 1; i < args.count; i += 2) {
    switch (args.upper(i)) {
      case 'ACK':
        acknowledge(ctx, replication, args, i);
        return;
      case 'GETACK':
        if (ctx.client.kind === 'master') replication.sendAck();
        return;
      default:
        configureReplica(openReplica(ctx, replication), args, i);
    }
  }
  ctx.reply.ok();
}

/** `ACK offset [FACK offset]`: never answered. */
function acknowledge(ctx: Context, replication: Replication, args: Args, i: number): void {
  const session = ctx.client.replica;
  if (session === undefined || !session.isAttached) return;
  const offset = Number(args.string(i + 1));
  if (!Number.isSafeInteger(offset)) return;
  const fsynced = args.count > i + 3 && args.is(i + 2, 'FACK') ? Number(args.string(i + 3)) : null;
  replication.acknowledge(
    session,
    offset,
    fsynced !== null && Number.isSafeInteger(fsynced) ? fsynced : null,
  );
}

function configureReplica(session: ReplicaSession, args: Args, i: number): void {
  switch (args.upper(i)) {
    case 'LISTENING-PORT':
      session.listeningPort = args.int(i + 1);
      return;
    case 'IP-ADDRESS': {
      const length = args.length(i + 1);
      if (length >= MAX_ANNOUNCED_HOST) {
        throw new ReplyError(
          `ERR REPLCONF ip-address provided by replica instance is too long: ${length} bytes`,
        );
      }
      session.announcedHost = args.string(i + 1);
      return;
    }
    case 'CAPA':
      // What we don't know (rdb-channel-repl, dual-channel) is declined by not being used.
      if (args.is(i + 1, 'EOF')) session.canEof = true;
      else if (args.is(i + 1, 'PSYNC2')) session.canPsync2 = true;
      return;
    case 'VERSION':
      session.takesValkeyRdb = Number.parseInt(args.string(i + 1), 10) >= FIRST_VALKEY_WITH_OWN_RDB;
      return;
    case 'RDB-ONLY':
      session.isRdbOnly = args.intBetween(i + 1, 0, 1) === 1;
      return;
    case 'RDB-FILTER-ONLY':
      session.filter = { withData: false, withFunctions: readFilter(args.string(i + 1)) };
      return;
    default:
      throw new ReplyError(`ERR Unrecognized REPLCONF option: ${args.string(i)}`);
  }
}

/** Whether functions are wanted: the only part of an RDB that can be asked for by itself. */
function readFilter(text: string): boolean {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const unknown = words.find((word) => word.toLowerCase() !== 'functions');
  if (unknown !== undefined) throw new ReplyError(`ERR Unsupported rdb-filter-only option: ${unknown}`);
  return words.length > 0;
}

function role(ctx: Context): void {
  const replication = replicationOf(ctx);
  const { reply } = ctx;
  const { master } = replication.link;
  if (master !== null) {
    reply.arrayHeader(5);
    reply.bulkString('slave');
    reply.bulkString(master.host);
    reply.int(master.port);
    reply.bulkString(replication.linkStateName);
    reply.int(replication.isLinkUp ? replication.offset : -1);
    return;
  }
  const online = [...replication.replicas].filter((session) => session.isOnline);
  reply.arrayHeader(3);
  reply.bulkString('master');
  reply.int(replication.offset);
  reply.arrayHeader(online.length);
  for (const session of online) {
    reply.bulkStrings([session.host, String(session.listeningPort), String(session.ackedOffset)]);
  }
}

function wait(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  if (replication.isReplica) {
    throw new ReplyError(
      'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.',
    );
  }
  const replicaCount = args.int(1);
  const timeoutMs = readTimeout(args, 2);
  const { reply } = ctx.client;
  awaitAcks(
    ctx,
    replication,
    { kind: 'applied', replicaCount, needsLocalFsync: false },
    timeoutMs,
    (result) => reply.int(result.replicas),
  );
}

function waitaof(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  const localCount = args.intBetween(1, 0, 1, NOT_ZERO_OR_ONE);
  const replicaCount = args.int(2, ERRORS.mustBePositive);
  if (replicaCount < 0) throw ERRORS.mustBePositive;
  const timeoutMs = readTimeout(args, 3);
  if (replication.isReplica) {
    throw new ReplyError(
      'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.',
    );
  }
  if (localCount > 0 && !ctx.server.config.flag('appendonly')) {
    throw NO_LOCAL_AOF;
  }
  const { reply } = ctx.client;
  awaitAcks(
    ctx,
    replication,
    { kind: 'fsynced', replicaCount, needsLocalFsync: localCount > 0 },
    timeoutMs,
    (result) => {
      reply.arrayHeader(2);
      reply.int(result.localFsynced ? 1 : 0);
      reply.int(result.replicas);
    },
  );
}

function readTimeout(args: Args, i: number): number {
  const timeoutMs = args.int(i, ERRORS.timeoutNotInteger);
  if (timeoutMs < 0) throw ERRORS.timeoutNegative;
  if (timeoutMs > Number.MAX_SAFE_INTEGER) throw ERRORS.timeoutOutOfRange;
  return timeoutMs;
}

/** Answers at once when enough have acknowledged, or when the client can't wait; otherwise when they have. */
function awaitAcks(
  ctx: Context,
  replication: Replication,
  wish: Pick<AckWaiter, 'kind' | 'replicaCount' | 'needsLocalFsync'>,
  timeoutMs: number,
  answer: (result: AckCount) => void,
): void {
  const { client } = ctx;
  const { blocking } = ctx.server;
  const { offset } = replication;
  const acked = replication.countAcks(wish.kind, offset);
  const isEnough = acked.replicas >= wish.replicaCount && (!wish.needsLocalFsync || acked.localFsynced);
  if (isEnough || !ctx.canBlock) {
    answer(acked);
    return;
  }
  const waiter: AckWaiter = {
    ...wish,
    offset,
    settle: (result) => {
      answer(result);
      blocking.unblock(block);
    },
    refuse: () => {
      client.reply.error(NO_LOCAL_AOF.text);
      blocking.unblock(block);
    },
  };
  const block = blocking.block(client, {
    timeoutMs,
    onTimeout: () => answer(replication.countAcks(wish.kind, offset)),
    onEnd: () => replication.waiters.remove(waiter),
  });
  replication.waiters.add(waiter);
  replication.requestAcks();
}

interface FailoverRequest {
  timeoutMs: number | null;
  target: { readonly host: string; readonly port: number } | null;
  isForced: boolean;
}

function failover(ctx: Context, args: Args): void {
  const replication = replicationOf(ctx);
  if (args.count === 2 && args.is(1, 'ABORT')) {
    if (replication.failover.phase === 'no-failover') throw new ReplyError('ERR No failover in progress.');
    replication.abortFailover();
    ctx.reply.ok();
    return;
  }
  const { timeoutMs, target, isForced } = readFailover(args);
  if (replication.failover.phase !== 'no-failover') throw new ReplyError('ERR FAILOVER already in progress.');
  if (replication.isReplica) throw new ReplyError('ERR FAILOVER is not valid when server is a replica.');
  if (replication.replicas.size === 0) throw new ReplyError('ERR FAILOVER requires connected replicas.');
  if (isForced && (timeoutMs === null || target === null)) {
    throw new ReplyError('ERR FAILOVER with force option requires both a timeout and target HOST and IP.');
  }
  if (target !== null) {
    const found = [...replication.replicas].find(
      (session) =>
        session.host.toLowerCase() === target.host.toLowerCase() && session.listeningPort === target.port,
    );
    if (found === undefined) throw new ReplyError('ERR FAILOVER target HOST and PORT is not a replica.');
    if (!found.isOnline) throw new ReplyError('ERR FAILOVER target replica is not online.');
  }
  replication.requestFailover(target, timeoutMs, isForced);
  ctx.reply.ok();
}

function readFailover(args: Args): FailoverRequest {
  const request: FailoverRequest = { timeoutMs: null, target: null, isForced: false };
  for (let i = 1; i < args.count; i += 1) {
    if (args.is(i, 'TIMEOUT') && i + 1 < args.count && request.timeoutMs === null) {
      request.timeoutMs = args.int(i + 1);
      if (request.timeoutMs <= 0) throw new ReplyError('ERR FAILOVER timeout must be greater than 0');
      i += 1;
    } else if (args.is(i, 'TO') && i + 2 < args.count && request.target === null) {
      request.target = { host: args.string(i + 1), port: args.int(i + 2) };
      i += 2;
    } else if (args.is(i, 'FORCE') && !request.isForced) request.isForced = true;
    else throw ERRORS.syntax;
  }
  return request;
}
