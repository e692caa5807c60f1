import type { Client } from '../command/client.ts';
import { SERVER_GATE } from '../command/gates.ts';
import { ERRORS } from '../resp/errors.ts';
import type { Server } from '../server.ts';
import type { LinkTransport, LinkTransportEvents } from './master-link.ts';
import { MasterStream } from './master-stream.ts';
import type { DatasetReceiver, SnapshotSource, Spool, Transport } from './ports.ts';
import type { LinkMaster } from './replica-link.ts';
import type { ReplicaSession } from './replica-session.ts';
import { Replication } from './replication.ts';
import { watchReplicationSettings } from './read-settings.ts';

export interface ReplicationParts {
  readonly connect: (master: LinkMaster, events: LinkTransportEvents) => LinkTransport;
  readonly snapshots: SnapshotSource;
  readonly receiver: DatasetReceiver;
  readonly createSpool: () => Spool;
  /** Offset our own AOF has fsynced, or null when there is none. */
  readonly fsyncedOffset: () => number | null;
}

const FAILOVER_PAUSE = 'failover';

/** Hangs replication into a server: its stream into the propagation, its conditions into the gates, its clock. */
export function attachReplication(server: Server, parts: ReplicationParts): Replication {
  const settings = watchReplicationSettings(server.config, () => refreshGates());
  const stream = new MasterStream(server, {
    peer: () => `${replication.link.master?.host ?? ''}:${replication.link.master?.port ?? 0}`,
    cut: () => replication.masterLink.cut('killed'),
  });
  const replication: Replication = new Replication({
    ...parts,
    received: (bytes) => {
      server.stats.replInputBytes += bytes;
    },
    now: () => server.clock.now(),
    drawId: () => server.randomHex(40),
    log: (level, text) => server.log(level, text),
    settings,
    applier: stream,
    requestFlush: () => server.clock.soon(() => replication.flush()),
    pauseWrites: (isPaused) => {
      if (isPaused) server.pause.begin(FAILOVER_PAUSE, Infinity, false);
      else server.pause.end(FAILOVER_PAUSE);
    },
    masterChanged: (master, wasReplica) => {
      server.config.note('replicaof', master === null ? '' : `${master.host} ${master.port}`);
      if (master !== null && !wasReplica) unblockAll(server);
    },
    stateChanged: () => {
      refreshGates();
      stream.show(replication.isLinkUp);
    },
  });
  const sink = {
    feed: (db: number, buf: Uint8Array, start: number, end: number) =>
      replication.propagate(db, buf, start, end),
  };
  const refreshGates = (): void => {
    const { isReplica, isLinkUp } = replication;
    const { isReadOnly, canServeStaleData } = settings();
    server.isReplica = isReplica;
    const isCounting = !isReplica && server.config.flag('appendonly');
    server.propagation.replication = replication.isFeeding || isCounting ? sink : undefined;
    server.setGate(SERVER_GATE.readOnlyReplica, isReplica && isReadOnly);
    server.setGate(SERVER_GATE.masterDown, isReplica && !isLinkUp && !canServeStaleData);
    server.setGate(SERVER_GATE.fewReplicas, !replication.hasEnoughReplicas);
  };
  server.replication = replication;
  server.config.onChange('appendonly', (value) => {
    refreshGates();
    if (value !== 'yes') replication.waiters.refuseLocal();
  });
  server.clock.every(1000, () => {
    if (!server.isCronPaused) replication.tick();
  });
  // While a script sleeps, its half of a change must get into no snapshot, and nothing of a master into its data.
  server.onBusy.push((isBusy) => replication.hold(isBusy));
  server.pause.onChange = (isPaused) => replication.pauseStream(isPaused);
  server.onGone.push((client) => {
    if (client.replica !== undefined) replication.closeSession(client.replica);
  });
  refreshGates();
  // Already while the data is loaded: a replica-to-be keeps keys that its master has not expired yet.
  server.isReplica = server.config.text('replicaof') !== '';
  return replication;
}

/** The session of a client that speaks as a replica, made when it first does. */
export function sessionOf(client: Client, replication: Replication): ReplicaSession {
  if (client.replica !== undefined) return client.replica;
  const session = replication.openSession(client.id, new ReplicaTransport(client), peerHost(client));
  client.replica = session;
  // Anything heard, be it a bare newline while it loads, is a sign of life.
  client.appliedListener = { applied: () => session.heard(client.server.now) };
  client.onDrain = () => replication.drained(session);
  return session;
}

/** A replica's connection without the replies: what was written as such goes out first. */
class ReplicaTransport implements Transport {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  get pendingBytes(): number {
    return this.#client.transport?.pendingBytes ?? 0;
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    this.#client.flush();
    this.#client.server.stats.replOutputBytes += bytes.length;
    this.#client.transport?.write(bytes, taken);
  }

  end(): void {
    this.#client.closeAfterReply();
    this.#client.server.requestSettle();
  }

  close(): void {
    this.#client.close(true);
  }
}

function peerHost(client: Client): string {
  const peer = client.transport?.peer ?? '';
  return peer.slice(0, peer.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

/** Clients that wait for keys of a former master must ask again elsewhere. */
function unblockAll(server: Server): void {
  for (const block of server.blocking.blocks) {
    block.client.reply.error(ERRORS.unblockedByRole.text);
    if (block.retry !== undefined) block.retry.command.stats.failed += 1;
    server.blocking.unblock(block);
    block.client.closeAfterReply();
  }
}

/** Follows the master that the configuration names, if any: at the end of start-up, when the data is loaded. */
export function followConfigured(server: Server): void {
  const [host, port] = server.config.words('replicaof');
  if (host !== undefined && port !== undefined)
    server.replication?.followAtStart({ host, port: Number(port) });
}
