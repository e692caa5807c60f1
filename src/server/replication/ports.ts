/** What replication is handed from outside: bytes out, a clock, a snapshot of the data. It knows no sockets itself. */

/** The way to one peer, in either direction. Bytes are taken in order; nothing is ever waited for. */
export interface Transport {
  /** `taken` is called once the bytes are with the kernel, or may never be if the connection ends before. */
  write(bytes: Uint8Array, taken?: () => void): void;
  /** Bytes taken but not yet with the kernel: what back-pressure and output limits go by. */
  readonly pendingBytes: number;
  /** Closes once everything taken is with the kernel. */
  end(): void;
  /** Closes at once. */
  close(): void;
}

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

export type Log = (level: LogLevel, text: string) => void;

/** What the RDB of a full resync says about the stream that continues it (AUX fields). */
export interface StreamPosition {
  readonly replid: string;
  /** Offset reached at the moment of the snapshot. */
  readonly offset: number;
  /** Database the stream has selected there: a replica's replica needs it, since no SELECT is injected for it. */
  readonly streamDb: number;
}

export interface SnapshotSink {
  /** The chunk is the sink's until it calls `taken`; it is written anew then. */
  write(chunk: Uint8Array, taken: () => void): void;
  end(): void;
  fail(reason: string): void;
}

/** What a replica can be given beyond what every version loads. */
export interface SnapshotFilter {
  readonly withData: boolean;
  readonly withFunctions: boolean;
}

export interface SnapshotRun {
  /** Stops the walk while a slow replica drains. */
  pause(): void;
  resume(): void;
  /** Gives the walk up; the sink hears nothing more. */
  abort(): void;
}

/** Whose RDB an image is: that of Redis and of Valkey ≥ 9 differ for hash fields with a time to live. */
export type SnapshotFormat = 'common' | 'redis' | 'valkey';

/** Takes one point-in-time image of the whole dataset as RDB. */
export interface SnapshotSource {
  /** Whether an image taken now has nothing in it that Redis and Valkey write differently. */
  isCommon(): boolean;
  /** The image is that of this very moment, even if bytes come later. */
  start(
    position: StreamPosition,
    filter: SnapshotFilter,
    sink: SnapshotSink,
    format: SnapshotFormat,
  ): SnapshotRun;
}

/** Holds an RDB whose length must be known before it is sent (`$<len>`). */
export interface Spool {
  write(chunk: Uint8Array): void;
  readonly lengthBytes: number;
  /** At most `maxBytes` from `offset`; throws what the disk throws. */
  read(offset: number, maxBytes: number): Uint8Array;
  discard(): void;
}

interface StreamPlace {
  readonly replid: string;
  readonly offset: number;
}

/** Takes the RDB of a full resync in. */
export interface DatasetReceiver {
  /** `from`: the place in the master's history at which the data will stand; null when it said none. */
  begin(events: DatasetEvents, from: StreamPlace | null): DatasetSink;
}

export interface DatasetEvents {
  /** The old dataset is about to go: the history kept for others ends here. */
  replacing(): void;
  /** The new one is in place; `streamDb` is what the RDB says the stream has selected. */
  loaded(streamDb: number): void;
  failed(reason: string): void;
  /** Some of it was loaded: tells the master that we are alive. */
  progress(): void;
}

export interface DatasetSink {
  /** Returns false when it wants a pause; `resumed` is called when it can take more. */
  write(chunk: Uint8Array): void;
  end(): void;
  /** The link was lost: forget what came so far. */
  abort(): void;
}

/** Executes the stream of a master. */
export interface StreamApplier {
  /** Starts at a replication offset with a database selected; a half-received command is forgotten. */
  restart(offset: number, db: number | null): void;
  /**
   * Runs every complete command in `chunk`. Returns the offset applied up to: after the last complete command,
   * or before the MULTI of an unfinished transaction.
   */
  feed(chunk: Uint8Array): number;
  /** Offset applied before the command that is running now: what GETACK answers. */
  readonly appliedOffset: number;
  /** Database selected in the stream. */
  readonly selectedDb: number;
}
