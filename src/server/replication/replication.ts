import { Backlog } from './backlog.ts';
import { decidePsync, type FullResyncReason } from './decide-psync.ts';
import {
  NO_FAILOVER,
  stepFailover,
  type Failover,
  type FailoverEffect,
  type FailoverEvent,
  type FailoverTarget,
} from './failover.ts';
import { FullSync } from './full-sync.ts';
import { encodeCommand, MasterLink, type LinkTransport, type LinkTransportEvents } from './master-link.ts';
import type {
  DatasetReceiver,
  Log,
  SnapshotSource,
  Spool,
  StreamApplier,
  StreamPosition,
  Transport,
} from './ports.ts';
import { linkStateName, type LinkMaster, type PsyncPosition, type ReplicaLink } from './replica-link.ts';
import { ReplicaSession } from './replica-session.ts';
import { ReplicaSet } from './replica-set.ts';
import {
  adoptHistory,
  continueHistory,
  newHistory,
  shiftHistory,
  type ReplicationHistory,
} from './replication-id.ts';
import type { ReplicationSettings } from './replication-settings.ts';
import { WaitQueue } from './wait-queue.ts';

export interface ReplicationPorts {
  readonly now: () => number;
  /** 40 random hex digits. */
  readonly drawId: () => string;
  readonly log: Log;
  readonly settings: () => ReplicationSettings;
  readonly connect: (master: LinkMaster, events: LinkTransportEvents) => LinkTransport;
  readonly snapshots: SnapshotSource;
  readonly createSpool: () => Spool;
  readonly receiver: DatasetReceiver;
  readonly applier: StreamApplier;
  /** So many bytes of the data set or the stream came from our master. */
  readonly received: (bytes: number) => void;
  /** Asks for one `flush()` before the event loop turns. */
  readonly requestFlush: () => void;
  /** For FAILOVER: writes stop until told otherwise. */
  readonly pauseWrites: (isPaused: boolean) => void;
  /** Offset our own AOF has fsynced, or null when there is none: for WAITAOF and `FACK`. */
  readonly fsyncedOffset: () => number | null;
  /** We follow another master from now on, or none. */
  readonly masterChanged: (master: LinkMaster | null, wasReplica: boolean) => void;
  /** Role, link, feeding or the number of good replicas may have changed: conditions for commands are to be looked at. */
  readonly stateChanged: () => void;
}

/** Why a command of replication can't be done, as the error to reply; null: done. */
export type Refusal = string | null;

const NO_DB = -1;

/**
 * Replication of one node, both sides: the history it vouches for, the stream it writes or passes on, its replicas,
 * and the link to its master. Knows neither sockets nor commands: both sides are handed in.
 */
export class Replication {
  readonly replicas: ReplicaSet;
  readonly waiters = new WaitQueue();
  readonly stats = { syncFull: 0, syncPartialOk: 0, syncPartialErr: 0 };

  readonly #ports: ReplicationPorts;
  readonly #fullSync: FullSync;
  readonly #masterLink: MasterLink;
  #history: ReplicationHistory;
  #offset = 0;
  #backlog: Backlog | null = null;
  /** Database selected in the stream we write; `NO_DB`: the next command is preceded by SELECT. */
  #streamDb = NO_DB;
  /** Database selected in the master's stream when the link was lost, for the position we can offer. */
  #masterDb: number | null = null;
  #failover: Failover = NO_FAILOVER;
  /** The place in a history that an RDB carried over a restart, until it is first offered. */
  #restored: PsyncPosition | null = null;
  /** Received from the master and not yet applied: the head of a command, or an unfinished transaction. */
  #unapplied: Uint8Array[] = [];
  /** What came of the stream while it is paused. */
  #unfed: Uint8Array[] = [];
  #isStreamPaused = false;
  #isFlushRequested = false;
  #areAcksWanted = false;
  #withoutReplicasSinceMs: number;
  #tickCount = 0;
  /** False when the master is too old to speak of offsets: it gets no ACKs. */
  #hasOffsets = true;

  constructor(ports: ReplicationPorts) {
    this.#ports = ports;
    this.#history = newHistory(ports.drawId);
    this.#withoutReplicasSinceMs = ports.now();
    this.replicas = new ReplicaSet(
      ports.log,
      () => this.#fullSync,
      () => {
        this.#withoutReplicasSinceMs = ports.now();
      },
    );
    this.#fullSync = new FullSync({
      snapshots: ports.snapshots,
      log: ports.log,
      now: ports.now,
      createSpool: ports.createSpool,
      drawMark: ports.drawId,
      settings: ports.settings,
      beginStream: () => this.#beginStream(),
      attach: (session, position) => this.#attachBehind(session, position),
      drop: (session, reason) => this.replicas.drop(session, reason),
      synced: (session) => ports.log('notice', `Synchronization with replica ${session.name} succeeded`),
    });
    this.#masterLink = new MasterLink({
      connect: ports.connect,
      receiver: ports.receiver,
      now: ports.now,
      log: ports.log,
      settings: () => {
        const { masterUser, masterAuth, announcePort, announceHost, timeoutMs } = ports.settings();
        const isFailover = this.#failover.phase === 'failover-in-progress';
        return { masterUser, masterAuth, port: announcePort, announceHost, timeoutMs, isFailover };
      },
      phaseChanged: () => {
        this.#unfed = [];
        ports.stateChanged();
      },
      appliedPosition: () => this.#position(),
      resumed: (position, replid) => this.#resume(position, replid),
      replacing: () => this.#endHistory(),
      loaded: (from, streamDb) => this.#adopt(from, streamDb),
      following: () => this.sendAck(),
      received: ports.received,
      stream: (chunk) => this.#takeStream(chunk),
      failoverAnswered: (refusal) => {
        this.#stepFailover(refusal === null ? { type: 'accepted' } : { type: 'refused', reason: refusal });
      },
    });
  }

  // ---- what others ask

  get isReplica(): boolean {
    return this.#masterLink.link.master !== null;
  }

  get link(): ReplicaLink {
    return this.#masterLink.link;
  }

  get masterLink(): MasterLink {
    return this.#masterLink;
  }

  /** An image for replicas is being made: a background save, as INFO tells it. */
  get isSnapshotting(): boolean {
    return this.#fullSync.isRunning;
  }

  get isLinkUp(): boolean {
    return this.link.phase === 'connected';
  }

  /** The word ROLE prints for the link. */
  get linkStateName(): string {
    return linkStateName(this.link.phase);
  }

  get history(): ReplicationHistory {
    return this.#history;
  }

  /** master_repl_offset: the last byte of the stream written here, or applied from the master. */
  get offset(): number {
    return this.#offset;
  }

  /** Offset up to which the master's stream has been received; `offset` is how far it has been applied. */
  get readOffset(): number {
    return [...this.#unapplied, ...this.#unfed].reduce((sum, chunk) => sum + chunk.length, this.#offset);
  }

  /** Where the data stands: as `offset`, but also exact between the commands of one chunk of a master's stream. */
  get appliedPosition(): PsyncPosition {
    const { replid } = this.#history;
    return { replid, offset: this.isReplica ? this.#ports.applier.appliedOffset : this.#offset };
  }

  get backlog(): Backlog | null {
    return this.#backlog;
  }

  get failover(): Failover {
    return this.#failover;
  }

  /** Whether a write must be handed to `propagate`: false costs nothing. */
  get isFeeding(): boolean {
    return this.#backlog !== null && this.link.master === null;
  }

  /** min-replicas-to-write: whether a write may be taken. */
  get hasEnoughReplicas(): boolean {
    const { minReplicasToWrite, minReplicasMaxLagMs } = this.#ports.settings();
    if (this.isReplica || minReplicasToWrite === 0 || minReplicasMaxLagMs === 0) return true;
    return this.countGoodReplicas() >= minReplicasToWrite;
  }

  /** A line on each replica that has not acknowledged everything yet: SHUTDOWN waits for them. */
  describeLagging(): string[] {
    return this.replicas.describeLagging(this.#offset, this.#ports.now());
  }

  /** CONFIG RESETSTAT. */
  resetStats(): void {
    Object.assign(this.stats, { syncFull: 0, syncPartialOk: 0, syncPartialErr: 0 });
  }

  /** DEBUG CHANGE-REPL-ID: from here on nobody can resume by what was before. */
  changeHistory(): void {
    this.#history = newHistory(this.#ports.drawId);
  }

  get settings(): ReplicationSettings {
    return this.#ports.settings();
  }

  countGoodReplicas(): number {
    return this.replicas.countGood(this.#ports.settings().minReplicasMaxLagMs, this.#ports.now());
  }

  /** What an RDB says about the stream (AUX repl-id, repl-offset, repl-stream-db), or null when there is none. */
  savePosition(): StreamPosition | null {
    const { replid } = this.#history;
    if (!this.isReplica) {
      return this.#backlog === null
        ? null
        : { replid, offset: this.#offset, streamDb: Math.max(this.#streamDb, 0) };
    }
    const streamDb = this.isLinkUp ? this.#ports.applier.selectedDb : this.#masterDb;
    return streamDb === null ? null : { replid, offset: this.#offset, streamDb };
  }

  /**
   * A node restarted from an RDB that carried its place in a history. As a replica it can offer it; as a master it
   * can only vouch for it up to that place, under replid2 (as redis ≥ 7.0). Call before `follow`.
   */
  restore(position: StreamPosition, willBeReplica: boolean): void {
    this.#offset = position.offset;
    if (willBeReplica) {
      this.#history = adoptHistory(position.replid);
      this.#masterDb = position.streamDb;
      this.#restored = { replid: position.replid, offset: position.offset };
      return;
    }
    this.#history = {
      replid: this.#history.replid,
      replid2: position.replid,
      secondReplidOffset: position.offset + 1,
    };
    this.#backlog = this.#newBacklog();
    this.#withoutReplicasSinceMs = this.#ports.now();
    this.#ports.stateChanged();
  }

  // ---- the stream we write

  /** Feeds a write to the replicas: `bytes[start, end)` is one or more whole commands as RESP, for database `db`. */
  propagate(db: number, bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (!this.isFeeding) {
      // Without replicas the offset only serves to tell what the AOF has fsynced (replication.c, since 7.2).
      if (!this.isReplica) this.#offset += 1;
      return;
    }
    if (db >= 0 && db !== this.#streamDb) {
      this.#append(encodeCommand(['SELECT', String(db)]));
      this.#streamDb = db;
    }
    this.#append(bytes, start, end);
  }

  /**
   * Puts a mark into the stream, between two units, and tells the place before it: a PING with a text, which changes
   * nothing on whatever applies it. Without replicas there is no stream, and no mark.
   */
  mark(text: string): PsyncPosition {
    const position = this.#position();
    if (this.isFeeding) this.#append(encodeCommand(['PING', text]));
    return position;
  }

  /** WAIT: every replica is asked for its offset, once for all who ask in this turn of the event loop. */
  requestAcks(): void {
    this.#areAcksWanted = true;
    this.#requestFlush();
  }

  /** Gives the replicas what has been written since the last turn of the event loop. */
  flush(): void {
    this.#isFlushRequested = false;
    if (this.#areAcksWanted) {
      this.#areAcksWanted = false;
      if (this.isFeeding) this.#append(encodeCommand(['REPLCONF', 'GETACK', '*']));
      this.#isFlushRequested = false;
    }
    this.replicas.pump(this.#backlog, this.#ports.settings(), this.#ports.now());
  }

  // ---- our replicas

  /** A connection that has sent REPLCONF, PSYNC or SYNC: not a replica yet. */
  openSession(clientId: number, transport: Transport, peerHost: string): ReplicaSession {
    return new ReplicaSession(clientId, transport, peerHost);
  }

  /** The connection of a session is gone. */
  closeSession(session: ReplicaSession): void {
    this.replicas.remove(session);
    this.#ports.stateChanged();
  }

  /** The transport of a session has room again. */
  drained(session: ReplicaSession): void {
    if (!session.isAttached) return;
    session.pump(this.#ports.now());
    this.#fullSync.drained(session);
  }

  /** `REPLCONF ACK offset [FACK offset]` from a replica. */
  acknowledge(session: ReplicaSession, offset: number, fsyncedOffset: number | null): void {
    session.acknowledge(offset, fsyncedOffset, this.#ports.now());
    this.checkWaiters();
    this.#checkFailover();
    this.#ports.stateChanged();
  }

  /** Settles who waits for acknowledgements; also to be called when our own AOF has been fsynced. */
  checkWaiters(): void {
    if (this.waiters.size > 0) this.waiters.check((kind, offset) => this.countAcks(kind, offset));
  }

  countAcks(kind: 'applied' | 'fsynced', offset: number): { localFsynced: boolean; replicas: number } {
    const local = this.#ports.fsyncedOffset();
    return {
      localFsynced: local !== null && local >= offset,
      replicas: this.replicas.countAcked(kind, offset),
    };
  }

  /** `PSYNC replid offset [FAILOVER]`. The refusal is the error to reply; otherwise the session is attached. */
  psync(session: ReplicaSession, replid: string, offset: number, isFailover: boolean): Refusal {
    if (session.isAttached) return null;
    if (isFailover) {
      const refusal = this.#takeOver(replid);
      if (refusal !== null) return refusal;
    }
    const refusal = this.#refuseSync();
    if (refusal !== null) return refusal;
    const { log, now } = this.#ports;
    log('notice', `Replica ${session.name} asks for synchronization`);
    this.#fitBacklog();
    const decision = decidePsync({ replid, offset }, this.#history, this.#backlog);
    if (decision.kind === 'full') {
      if (decision.reason !== 'asked-for') this.stats.syncPartialErr += 1;
      log('notice', this.#explainFull(decision.reason, session, replid, offset));
      this.#fullResync(session);
      return null;
    }
    const cursor = this.#backlog?.openCursor(offset);
    if (cursor === undefined) throw new Error('decidePsync continued without a backlog');
    this.stats.syncPartialOk += 1;
    log(
      'notice',
      `Partial resynchronization request from ${session.name} accepted. Sending ${decision.backlogBytes} bytes of backlog starting from offset ${offset}.`,
    );
    this.replicas.add(session);
    session.continueFrom(cursor, this.#history.replid, now());
    this.#ports.stateChanged();
    return null;
  }

  /** `SYNC`: a full resync for a replica that knows neither ids nor offsets. */
  sync(session: ReplicaSession): Refusal {
    if (session.isAttached) return null;
    const refusal = this.#refuseSync();
    if (refusal !== null) return refusal;
    this.#ports.log('notice', `Replica ${session.name} asks for synchronization`);
    session.isPrePsync = true;
    this.#fullResync(session);
    return null;
  }

  // ---- our master

  /** REPLICAOF host port. Our replicas stay attached: they may be able to continue (as redis ≥ 7.0). */
  follow(master: LinkMaster): 'following' | 'already' {
    const { link } = this;
    if (
      link.master !== null &&
      link.master.host.toLowerCase() === master.host.toLowerCase() &&
      link.master.port === master.port
    ) {
      this.#ports.log(
        'notice',
        'REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.',
      );
      return 'already';
    }
    this.#follow(master, this.isReplica ? null : this.#position());
    return 'following';
  }

  /** Takes the place below a master that the configuration gives at start-up: only what `restore` said is offered. */
  followAtStart(master: LinkMaster): void {
    const position = this.#restored;
    this.#restored = null;
    this.#follow(master, position);
  }

  /** REPLICAOF NO ONE: a new history begins here, and the old one stays valid up to here. */
  unfollow(): void {
    if (!this.isReplica) return;
    const { now, log, drawId, masterChanged, stateChanged } = this.#ports;
    this.#masterLink.detach();
    this.#restartStream(null);
    this.#history = shiftHistory(this.#history, this.#offset, drawId);
    log(
      'warning',
      `Setting secondary replication ID to ${this.#history.replid2}, valid up to offset: ${this.#history.secondReplidOffset}. New replication ID is ${this.#history.replid}`,
    );
    this.replicas.dropAll();
    this.#streamDb = NO_DB;
    this.#masterDb = null;
    this.#withoutReplicasSinceMs = now();
    masterChanged(null, true);
    stateChanged();
  }

  /** ACK of what has been applied: every second, and when asked by GETACK. */
  sendAck(): void {
    if (!this.#hasOffsets) return;
    this.#masterLink.acknowledge(this.#ports.applier.appliedOffset, this.#ports.fsyncedOffset());
  }

  // ---- time

  /** While the data is in the middle of a change: takes nothing of a master in, begins no snapshot. */
  hold(isHeld: boolean): void {
    this.#fullSync.hold(isHeld);
    this.#masterLink.hold(isHeld);
  }

  /** CLIENT PAUSE: what a master sends is taken all the same, and applied when the pause is over. */
  pauseStream(isPaused: boolean): void {
    this.#isStreamPaused = isPaused;
    if (isPaused) return;
    for (let chunk = this.#unfed.shift(); chunk !== undefined; chunk = this.#unfed.shift())
      this.#applyStream(chunk);
  }

  /** Call once a second. */
  tick(): void {
    const settings = this.#ports.settings();
    const nowMs = this.#ports.now();
    this.#checkFailover();
    this.#masterLink.tick();
    if (this.isReplica) this.sendAck();
    this.#fitBacklog();
    this.#tickCount += 1;
    const isPing = this.#tickCount % Math.max(settings.pingPeriodSeconds, 1) === 0;
    const isHandover = this.#failover.phase !== 'no-failover' && this.#failover.deadlineMs !== null;
    if (isPing && this.replicas.size > 0 && this.isFeeding && !isHandover)
      this.#append(encodeCommand(['PING']));
    this.replicas.tick(settings, nowMs);
    this.#fullSync.tick();
    this.#freeIdleBacklog(settings, nowMs);
    this.#ports.stateChanged();
    this.flush();
  }

  // ---- FAILOVER

  requestFailover(target: FailoverTarget | null, timeoutMs: number | null, isForced: boolean): void {
    this.#stepFailover({ type: 'requested', target, timeoutMs, isForced, nowMs: this.#ports.now() });
  }

  abortFailover(): void {
    this.#stepFailover({ type: 'aborted', reason: 'Failover manually aborted' });
  }

  // ---- inside

  #append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.#backlog === null) return;
    this.#backlog.append(bytes, start, end);
    this.#offset += end - start;
    this.#requestFlush();
  }

  #requestFlush(): void {
    if (this.#isFlushRequested) return;
    this.#isFlushRequested = true;
    this.#ports.requestFlush();
  }

  #refuseSync(): Refusal {
    if (this.#failover.phase !== 'no-failover') return "NOMASTERLINK Can't SYNC while failing over";
    if (this.isReplica && !this.isLinkUp) return "NOMASTERLINK Can't SYNC while not connected with my master";
    return null;
  }

  #takeOver(replid: string): Refusal {
    const { log } = this.#ports;
    log('warning', `Failover request received for replid ${replid}.`);
    if (!this.isReplica) return "ERR PSYNC FAILOVER can't be sent to a master.";
    if (replid.toLowerCase() !== this.#history.replid)
      return 'ERR PSYNC FAILOVER replid must match my replid.';
    this.unfollow();
    log('notice', 'MASTER MODE enabled (failover request)');
    return null;
  }

  #explainFull(reason: FullResyncReason, session: ReplicaSession, replid: string, offset: number): string {
    const { replid: first, replid2, secondReplidOffset } = this.#history;
    switch (reason) {
      case 'asked-for':
        return `Full resync requested by replica ${session.name}`;
      case 'unknown-replid':
        return `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${replid}', my replication IDs are '${first}' and '${replid2}')`;
      case 'diverged':
        return `Partial resynchronization not accepted: Requested offset for second ID was ${offset}, but I can reply up to ${secondReplidOffset}`;
      case 'no-backlog':
      case 'before-backlog':
      case 'after-backlog':
      default:
        return `Unable to partial resync with replica ${session.name} for lack of backlog (Replica request was: ${offset}).`;
    }
  }

  #fullResync(session: ReplicaSession): void {
    this.stats.syncFull += 1;
    this.replicas.add(session);
    if (this.#backlog === null) {
      // Writes went uncounted so far: no one may continue from a history that has such a gap.
      if (!this.isReplica) this.#history = newHistory(this.#ports.drawId);
      this.#backlog = this.#newBacklog();
      const { replid, replid2 } = this.#history;
      this.#ports.log(
        'notice',
        `Replication backlog created, my new replication IDs are '${replid}' and '${replid2}'`,
      );
    }
    this.#ports.stateChanged();
    this.#fullSync.request(session);
  }

  /** Gives the backlog the size that is set by now. */
  #fitBacklog(): void {
    const { backlogSizeBytes } = this.#ports.settings();
    if (this.#backlog !== null && this.#backlog.sizeBytes !== backlogSizeBytes)
      this.#backlog.resize(backlogSizeBytes);
  }

  #newBacklog(): Backlog {
    return new Backlog(this.#ports.settings().backlogSizeBytes, this.#offset);
  }

  #beginStream(): StreamPosition {
    const streamDb = this.isReplica ? this.#ports.applier.selectedDb : Math.max(this.#streamDb, 0);
    this.#streamDb = NO_DB;
    return { replid: this.#history.replid, offset: this.#offset, streamDb };
  }

  #attachBehind(session: ReplicaSession, position: StreamPosition): void {
    const cursor = this.#backlog?.openCursor(position.offset + 1);
    if (cursor === undefined) throw new Error('a full resync was started without a backlog');
    session.beginFullResync(cursor, position.replid, position.offset);
  }

  #position(): PsyncPosition {
    return { replid: this.#history.replid, offset: this.#offset };
  }

  #follow(master: LinkMaster, position: PsyncPosition | null): void {
    const wasReplica = this.isReplica;
    if (!wasReplica && position !== null && this.#masterDb === null) {
      // Any database will do for a former master: the new one begins its stream with SELECT.
      this.#masterDb = 0;
      this.#ports.log(
        'notice',
        'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.',
      );
    }
    this.#masterLink.attach(master, position);
    this.#ports.masterChanged(master, wasReplica);
    this.#ports.stateChanged();
  }

  #resume(position: PsyncPosition, replid: string | null): void {
    if (replid !== null && replid !== position.replid) {
      this.#history = continueHistory(this.#history, this.#offset, replid);
      this.replicas.dropAll();
    }
    this.#hasOffsets = true;
    this.#restartStream(this.#masterDb);
    this.#backlog ??= this.#newBacklog();
  }

  #endHistory(): void {
    this.replicas.dropAll();
    this.#backlog = null;
    this.#masterDb = null;
    this.#ports.stateChanged();
  }

  #adopt(from: PsyncPosition | null, streamDb: number): void {
    this.#hasOffsets = from !== null;
    this.#history = from === null ? newHistory(this.#ports.drawId) : adoptHistory(from.replid);
    this.#offset = from?.offset ?? 0;
    this.#backlog = this.#newBacklog();
    this.#masterDb = streamDb;
    this.#restartStream(streamDb);
  }

  #takeStream(chunk: Uint8Array): void {
    if (this.#isStreamPaused) this.#unfed.push(Buffer.from(chunk));
    else this.#applyStream(chunk);
  }

  /** Applies what came, and passes the applied bytes on, byte for byte, under the same offsets. */
  #applyStream(chunk: Uint8Array): void {
    const { applier } = this.#ports;
    this.#unapplied.push(chunk);
    const applied = applier.feed(chunk) - this.#offset;
    this.#masterDb = applier.selectedDb;
    let remaining = applied;
    while (remaining > 0) {
      const first = this.#unapplied[0];
      if (first === undefined) throw new Error('more was applied than had been received');
      const count = Math.min(first.length, remaining);
      this.#append(first, 0, count);
      remaining -= count;
      if (count === first.length) this.#unapplied.shift();
      else this.#unapplied[0] = first.subarray(count);
    }
    // The chunk belongs to the socket: what stays must be a copy.
    const last = this.#unapplied.length - 1;
    const kept = this.#unapplied[last];
    if (kept !== undefined) this.#unapplied[last] = Buffer.from(kept);
  }

  /** The stream goes on at our offset: a half-received command or transaction will come again, whole. */
  #restartStream(db: number | null): void {
    this.#unapplied = [];
    this.#ports.applier.restart(this.#offset, db);
  }

  #freeIdleBacklog(settings: ReplicationSettings, nowMs: number): void {
    if (this.#backlog === null || this.isReplica || this.replicas.size > 0 || settings.backlogTtlMs === 0)
      return;
    if (nowMs - this.#withoutReplicasSinceMs <= settings.backlogTtlMs) return;
    // Writes are not counted without a backlog, so nobody may continue from this history any more.
    this.#history = newHistory(this.#ports.drawId);
    this.#backlog = null;
    const seconds = Math.floor(settings.backlogTtlMs / 1000);
    this.#ports.log(
      'notice',
      `Replication backlog freed after ${seconds} seconds without connected replicas.`,
    );
  }

  #checkFailover(): void {
    if (this.#failover.phase !== 'waiting-for-sync') return;
    const candidates = this.replicas.candidates();
    this.#stepFailover({ type: 'checked', nowMs: this.#ports.now(), offset: this.#offset, candidates });
  }

  #stepFailover(event: FailoverEvent): void {
    const { next, effects } = stepFailover(this.#failover, event);
    this.#failover = next;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: FailoverEffect): void {
    switch (effect.type) {
      case 'pause-writes':
        this.#ports.pauseWrites(true);
        return;
      case 'unpause-writes':
        this.#ports.pauseWrites(false);
        return;
      case 'follow':
        this.#follow(effect.target, this.#position());
        return;
      case 'take-back':
        this.unfollow();
        return;
      case 'log':
        this.#ports.log('notice', effect.text);
    }
  }
}
