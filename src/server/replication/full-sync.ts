import type {
  Log,
  SnapshotFilter,
  SnapshotFormat,
  SnapshotRun,
  SnapshotSink,
  SnapshotSource,
  Spool,
  StreamPosition,
} from './ports.ts';
import type { ReplicaSession } from './replica-session.ts';

export interface FullSyncSettings {
  /** Stream the RDB while it is made, to replicas that can. */
  readonly isDiskless: boolean;
  /** Wait this long for more replicas to share the snapshot. */
  readonly disklessDelayMs: number;
  /** Start at once when so many wait; 0: no such limit. */
  readonly disklessMaxReplicas: number;
  /** A replica that takes no byte of its RDB for so long is cut. */
  readonly timeoutMs: number;
}

export interface FullSyncPorts {
  readonly snapshots: SnapshotSource;
  readonly log: Log;
  readonly now: () => number;
  readonly settings: () => FullSyncSettings;
  readonly createSpool: () => Spool;
  /** 40 random hex digits, for the end of an RDB of unknown length. */
  readonly drawMark: () => string;
  /** Where the stream stands, and from now on every replica needs a SELECT first. */
  readonly beginStream: () => StreamPosition;
  /** Gives a session its place behind the snapshot. */
  readonly attach: (session: ReplicaSession, position: StreamPosition) => void;
  readonly drop: (session: ReplicaSession, reason: string) => void;
  /** A replica has its RDB and is being fed. */
  readonly synced: (session: ReplicaSession) => void;
}

interface Run {
  readonly position: StreamPosition;
  readonly filter: SnapshotFilter;
  readonly format: SnapshotFormat;
  readonly members: Set<ReplicaSession>;
  readonly spool: Spool | null;
  readonly mark: string;
  walk: SnapshotRun | null;
  isPaused: boolean;
}

/** Gives replicas their RDB: one walk feeds all that ask together, and waits for the slowest of them. */
export class FullSync {
  readonly #ports: FullSyncPorts;
  readonly #waiting = new Set<ReplicaSession>();
  /** Spools that are still being sent, with those who read them. */
  readonly #spools = new Map<Spool, Set<ReplicaSession>>();
  #run: Run | null = null;
  #isHeld = false;

  constructor(ports: FullSyncPorts) {
    this.#ports = ports;
  }

  /** Whether a snapshot for replicas is being taken. */
  get isRunning(): boolean {
    return this.#run !== null;
  }

  /** A replica needs a full resync: it joins a running spool, starts one, or waits for the next. */
  request(session: ReplicaSession): void {
    const { log, now, settings } = this.#ports;
    session.awaitSnapshot(now());
    const run = this.#run;
    if (run === null) {
      this.#waiting.add(session);
      if (settings().isDiskless && session.canEof && settings().disklessDelayMs > 0) {
        log('notice', 'Delay next BGSAVE for diskless SYNC');
      } else this.#startDue();
    } else if (run.spool !== null && isFor(run, session)) {
      // The spool holds one point in time and the stream since then is still in the backlog: one more can share it.
      run.members.add(session);
      this.#ports.attach(session, run.position);
      log('notice', 'Waiting for end of BGSAVE for SYNC');
    } else {
      this.#waiting.add(session);
      log('notice', 'Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC');
    }
  }

  /** Begins no snapshot until it is let go: what runs is of an earlier moment. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#startDue();
  }

  /** Once a second: starts what is due, cuts who is stuck. */
  tick(): void {
    const { now, settings, drop } = this.#ports;
    this.#startDue();
    const run = this.#run;
    if (run === null || run.spool !== null) return;
    for (const session of run.members) {
      if (!session.isSaturated) session.progressAtMs = now();
      if (now() - session.progressAtMs > settings().timeoutMs)
        drop(session, 'Disconnecting timedout replica (full sync)');
    }
  }

  /** The transport of a session has room again. */
  drained(session: ReplicaSession): void {
    session.progressAtMs = this.#ports.now();
    if (session.state === 'sending-rdb' && this.#run?.members.has(session) !== true) {
      session.pump(this.#ports.now());
      if (session.isOnline) this.#finishSpool(session);
    }
    this.#balance();
  }

  /** The session is gone; a walk that nobody wants any more is given up. */
  forget(session: ReplicaSession): void {
    this.#waiting.delete(session);
    this.#leaveSpool(session);
    const run = this.#run;
    if (run === null || !run.members.delete(session)) return;
    if (run.members.size > 0) {
      this.#balance();
      return;
    }
    this.#run = null;
    run.walk?.abort();
    run.spool?.discard();
  }

  #startDue(): void {
    const [first] = this.#waiting;
    if (this.#isHeld || this.#run !== null || first === undefined) return;
    const { settings, now, log, snapshots } = this.#ports;
    const { isDiskless, disklessDelayMs, disklessMaxReplicas } = settings();
    const { filter } = first;
    const format = snapshots.isCommon() ? 'common' : formatOf(first);
    const members = new Set([...this.#waiting].filter((session) => isFor({ filter, format }, session)));
    const isEof = [...members].every((session) => session.canEof) && (isDiskless || !isPlain(filter));
    const oldestMs = Math.max(...[...members].map((session) => now() - session.askedAtMs));
    const isEnough = disklessMaxReplicas > 0 && members.size >= disklessMaxReplicas;
    if (isEof && isDiskless && !isEnough && oldestMs < disklessDelayMs) return;

    log('notice', `Starting BGSAVE for SYNC with target: ${isEof ? 'replicas sockets' : 'disk'}`);
    if (format !== 'common') log('notice', NEEDS_FIELD_EXPIRY);
    const spool = isEof ? null : this.#openSpool(members);
    if (spool === undefined) return;
    const position = this.#ports.beginStream();
    const run: Run = {
      position,
      filter,
      format,
      members,
      spool,
      mark: this.#ports.drawMark(),
      walk: null,
      isPaused: false,
    };
    this.#run = run;
    for (const session of members) {
      this.#waiting.delete(session);
      this.#ports.attach(session, position);
      if (isEof) session.beginEofPayload(run.mark, now());
    }
    const sink: SnapshotSink = {
      write: (chunk, taken) => this.#write(run, chunk, taken),
      end: () => this.#end(run),
      fail: (reason) => this.#fail(run, reason),
    };
    run.walk = snapshots.start(position, filter, sink, format);
  }

  /** Undefined when the disk refuses: those who wait are sent away, and will ask again. */
  #openSpool(members: ReadonlySet<ReplicaSession>): Spool | undefined {
    try {
      return this.#ports.createSpool();
    } catch (error) {
      for (const session of members) this.#ports.drop(session, `${SYNC_FAILED}: ${reasonOf(error)}`);
      return undefined;
    }
  }

  /** May be called in the middle of somebody's write, whose old value is saved first: it must not throw. */
  #write(run: Run, chunk: Uint8Array, taken: () => void): void {
    if (this.#run !== run) return;
    if (run.spool !== null) {
      try {
        run.spool.write(chunk);
        taken();
      } catch (error) {
        run.walk?.abort();
        this.#fail(run, reasonOf(error));
      }
      return;
    }
    let holders = run.members.size;
    const takenByOne = (): void => {
      holders -= 1;
      if (holders === 0) taken();
    };
    for (const session of run.members) session.writePayload(chunk, takenByOne);
    this.#balance();
  }

  /** The walk pauses while any of its replicas has enough to drain, so that memory stays bounded. */
  #balance(): void {
    const run = this.#run;
    if (run === null || run.spool !== null || run.walk === null) return;
    const isSaturated = [...run.members].some((session) => session.isSaturated);
    if (isSaturated === run.isPaused) return;
    run.isPaused = isSaturated;
    if (isSaturated) run.walk.pause();
    else run.walk.resume();
  }

  #end(run: Run): void {
    if (this.#run !== run) return;
    this.#run = null;
    const { log, now, synced } = this.#ports;
    if (run.spool !== null) this.#spools.set(run.spool, new Set(run.members));
    for (const session of run.members) {
      if (run.spool === null) {
        session.endEofPayload(run.mark, now());
        log(
          'notice',
          `Streamed RDB transfer with replica ${session.name} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming`,
        );
        synced(session);
      } else {
        session.sendSpool(run.spool, now());
        if (session.state !== 'sending-rdb') this.#finishSpool(session);
      }
    }
    this.#startDue();
  }

  #fail(run: Run, reason: string): void {
    if (this.#run !== run) return;
    this.#run = null;
    run.spool?.discard();
    for (const session of run.members) this.#ports.drop(session, `${SYNC_FAILED}: ${reason}`);
  }

  #finishSpool(session: ReplicaSession): void {
    this.#leaveSpool(session);
    if (session.isOnline) this.#ports.synced(session);
  }

  #leaveSpool(session: ReplicaSession): void {
    for (const [spool, readers] of this.#spools) {
      if (!readers.delete(session) || readers.size > 0) continue;
      this.#spools.delete(spool);
      spool.discard();
    }
  }
}

const NEEDS_FIELD_EXPIRY =
  'The data have hash fields with a time to live, which only Redis from 7.4 on and Valkey from 9 on load';
const SYNC_FAILED = 'SYNC failed. BGSAVE returned an error';

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function formatOf(session: ReplicaSession): SnapshotFormat {
  return session.takesValkeyRdb ? 'valkey' : 'redis';
}

/** Whether what a run makes is what a replica asked for, and can load. */
function isFor({ filter, format }: Pick<Run, 'filter' | 'format'>, session: ReplicaSession): boolean {
  const { withData, withFunctions } = session.filter;
  if (filter.withData !== withData || filter.withFunctions !== withFunctions) return false;
  return format === 'common' || format === formatOf(session);
}

function isPlain(filter: SnapshotFilter): boolean {
  return filter.withData && filter.withFunctions;
}
