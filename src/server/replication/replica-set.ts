import type { Backlog } from './backlog.ts';
import type { FullSync } from './full-sync.ts';
import type { Log } from './ports.ts';
import type { ReplicaSession } from './replica-session.ts';
import type { ReplicationSettings } from './replication-settings.ts';
import type { FailoverCandidate } from './failover.ts';

/** The replicas attached to this node, in the order they came: fed, counted, timed out and cut here. */
export class ReplicaSet {
  readonly #sessions = new Set<ReplicaSession>();
  readonly #log: Log;
  readonly #fullSync: () => FullSync;
  readonly #emptied: () => void;

  /** `emptied` is called when the last replica has left. */
  constructor(log: Log, fullSync: () => FullSync, emptied: () => void) {
    this.#log = log;
    this.#fullSync = fullSync;
    this.#emptied = emptied;
  }

  get size(): number {
    return this.#sessions.size;
  }

  [Symbol.iterator](): IterableIterator<ReplicaSession> {
    return this.#sessions.values();
  }

  add(session: ReplicaSession): void {
    this.#sessions.add(session);
  }

  has(session: ReplicaSession): boolean {
    return this.#sessions.has(session);
  }

  /** The connection is gone. Harmless for one that never attached. */
  remove(session: ReplicaSession): void {
    const wasAttached = this.#sessions.delete(session);
    session.release();
    this.#fullSync().forget(session);
    if (!wasAttached) return;
    this.#log('notice', `Connection with replica ${session.name} lost.`);
    if (this.#sessions.size === 0) this.#emptied();
  }

  /** Closes a replica's connection, saying why. */
  drop(session: ReplicaSession, reason: string): void {
    this.#log('warning', `${reason}: ${session.name}`);
    this.#close(session);
  }

  /** Closes all: they must ask anew, since the history changed. */
  dropAll(): void {
    for (const session of this.#sessions) this.#close(session);
  }

  /** Gives every replica what it can take, and cuts those that let too much gather. */
  pump(backlog: Backlog | null, settings: ReplicationSettings, nowMs: number): void {
    for (const session of this.#sessions) {
      session.pump();
      if (backlog !== null) this.#enforceLimits(session, backlog, settings, nowMs);
    }
  }

  /** Once a second: keeps those alive that wait for their RDB, drops those that have gone silent. */
  tick(settings: ReplicationSettings, nowMs: number): void {
    for (const session of this.#sessions) {
      session.keepAlive();
      if (!session.isOnline || session.isPrePsync || nowMs - session.ackedAtMs <= settings.timeoutMs)
        continue;
      this.drop(session, 'Disconnecting timedout replica (streaming sync)');
    }
  }

  /** Replicas online that have acknowledged within `maxLagMs`: what min-replicas-to-write counts. */
  countGood(maxLagMs: number, nowMs: number): number {
    let count = 0;
    for (const session of this.#sessions) {
      if (session.isOnline && lagSeconds(session, nowMs) * 1000 <= maxLagMs) count += 1;
    }
    return count;
  }

  countAcked(kind: 'applied' | 'fsynced', offset: number): number {
    let count = 0;
    for (const session of this.#sessions) {
      const acked = kind === 'applied' ? session.ackedOffset : session.fsyncedOffset;
      if (session.isOnline && acked >= offset) count += 1;
    }
    return count;
  }

  /** A line on each replica that has not acknowledged `offset` (server.c `finishShutdown`). */
  describeLagging(offset: number, nowMs: number): string[] {
    return [...this.#sessions]
      .filter((session) => session.ackedOffset !== offset)
      .map((session) => {
        const { name, stateName, ackedOffset } = session;
        const lag = session.isOnline ? lagSeconds(session, nowMs) : 0;
        return `Lagging replica ${name} reported offset ${offset - ackedOffset} behind master, lag=${lag}, state=${stateName}.`;
      });
  }

  candidates(): FailoverCandidate[] {
    return [...this.#sessions].map((session) => ({
      host: session.host,
      port: session.listeningPort,
      ackedOffset: session.ackedOffset,
    }));
  }

  #close(session: ReplicaSession): void {
    session.close();
    this.remove(session);
  }

  #enforceLimits(
    session: ReplicaSession,
    backlog: Backlog,
    settings: ReplicationSettings,
    nowMs: number,
  ): void {
    const owedBytes = session.owedBytes(backlog.nextOffset);
    const { outputHardLimitBytes, outputSoftLimitBytes, outputSoftLimitMs } = settings;
    // A limit below the backlog would cut replicas whose bytes are held anyway (as redis ≥ 7.0).
    const hardBytes = Math.max(outputHardLimitBytes, backlog.sizeBytes);
    const isOverSoft =
      outputSoftLimitBytes > 0 && owedBytes > Math.max(outputSoftLimitBytes, backlog.sizeBytes);
    session.overSoftLimitSinceMs = isOverSoft ? (session.overSoftLimitSinceMs ?? nowMs) : null;
    const isOverHard = outputHardLimitBytes > 0 && owedBytes > hardBytes;
    const isOverSoftForLong =
      session.overSoftLimitSinceMs !== null && nowMs - session.overSoftLimitSinceMs > outputSoftLimitMs;
    if (isOverHard || isOverSoftForLong) {
      this.drop(session, 'Replica scheduled to be closed ASAP for overcoming of output buffer limits');
    }
  }
}

/** Whole seconds since the last ACK, as `slaveN:lag` prints them. */
export function lagSeconds(session: ReplicaSession, nowMs: number): number {
  return Math.floor(nowMs / 1000) - Math.floor(session.ackedAtMs / 1000);
}
