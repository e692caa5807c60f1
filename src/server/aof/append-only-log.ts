import { systemText } from '../system-text.ts';
import { AofAppender, type FsyncPolicy } from './aof-appender.ts';
import type { AofFolder } from './aof-folder.ts';
import { completeRewrite, nextBase, nextIncrement, type AofFile, type AofManifest } from './manifest.ts';

const SYNC_PERIOD_MS = 1000;
/** AOF_WRITE_LOG_ERROR_RATE in aof.c. */
const LOG_PERIOD_MS = 30_000;

export interface AppendOnlyLogPorts {
  readonly policy: () => FsyncPolicy;
  readonly log: (level: 'notice' | 'warning', text: string) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  /** Unix time in whole seconds that commands are to be annotated with; 0 for no annotations. */
  readonly stampSeconds: () => number;
  /** Runs once the present input has been dealt with. */
  readonly soon: (run: () => void) => void;
  /** Where the replication stream stands: what WAITAOF compares. */
  readonly streamOffset: () => number;
  /** `lastError` or `syncedOffset` changed. */
  readonly stateChanged: () => void;
  /** With `appendfsync always` nothing may be answered that isn't on disk: ends the process. */
  readonly crash: (error: Error) => void;
}

/** A rewrite in progress: a new base is being made of the data as it was when the newest increment was opened. */
export interface AofRewrite {
  readonly base: AofFile;
  readonly path: string;
  /** The base is in place. */
  complete(): void;
}

/** How a log stands to the data there is when it is opened. */
export type LogStart =
  /** The manifest's files hold all of the data. */
  | 'complete'
  /** They hold other data or none: what is written here counts once a new base is there. */
  | 'without-base';

/**
 * The append-only log while it is written: takes every change as RESP, and keeps what `appendfsync` promises.
 *
 * always: written and synced before a reply leaves. everysec and no: written once per turn of the event loop, so that
 * a killed process loses at most what nobody was answered in an earlier turn; synced every second, or when the system
 * likes.
 *
 * While it waits for its base (turned on at run time, or after a full resync) its increment is in no manifest and its
 * `syncedOffset` is 0: until then a restart finds the log as it was before (aof.c `AOF_WAIT_REWRITE`).
 */
export class AppendOnlyLog {
  /** Stream offset up to which everything is on disk. */
  syncedOffset = 0;
  /** Times that writing had to wait for a sync. */
  delayedWrites = 0;
  /** Called before each write that has something to write; for tests of what happens meanwhile. */
  beforeWrite: () => void = () => {};
  readonly #folder: AofFolder;
  readonly #ports: AppendOnlyLogPorts;
  #manifest: AofManifest;
  #appender: AofAppender;
  #selectedDb = -1;
  /** The newest annotation of time. */
  #stampedSeconds = 0;
  #isFlushAsked = false;
  #lastSyncMs: number;
  /** Bytes of all files but the open one. */
  #closedBytes: number;
  /** Bytes of the log when its base was made: what growth is measured by. */
  #baseBytes: number;
  #isWaitingForBase: boolean;
  /** The open increment is in no manifest yet. */
  #isUnlisted = false;
  /** Stream offset up to which the increment is on disk, whether its base is there or not. */
  #reachedOffset = 0;
  #writeError: Error | undefined;
  #syncError: Error | undefined;
  #lastLoggedMs = Number.NEGATIVE_INFINITY;

  /** Goes on with the last increment, or opens one. The folder exists. Throws what the disk says. */
  constructor(folder: AofFolder, manifest: AofManifest, start: LogStart, ports: AppendOnlyLogPorts) {
    this.#folder = folder;
    this.#ports = ports;
    this.#manifest = manifest;
    this.#isWaitingForBase = start === 'without-base';
    this.#lastSyncMs = ports.clock();
    this.#baseBytes = manifest.base === undefined ? 0 : folder.sizeOf(manifest.base);
    const last = this.#isWaitingForBase ? undefined : manifest.increments.at(-1);
    const closed = manifest.increments.filter((file) => file !== last);
    this.#closedBytes = this.#baseBytes + closed.reduce((sum, file) => sum + folder.sizeOf(file), 0);
    this.#appender = last === undefined ? this.#addIncrement() : new AofAppender(folder.pathOf(last));
  }

  /** Why the disk does not take what it is given: nothing more should be written meanwhile. */
  get lastError(): Error | undefined {
    return this.#writeError ?? this.#syncError;
  }

  /** Whether nothing written here counts yet. */
  get isWaitingForBase(): boolean {
    return this.#isWaitingForBase;
  }

  get size(): number {
    return this.#closedBytes + this.#appender.size;
  }

  get baseSize(): number {
    return this.#baseBytes;
  }

  get bufferedBytes(): number {
    return this.#appender.pendingBytes;
  }

  get isSyncing(): boolean {
    return this.#appender.isSyncing;
  }

  /** Takes `buf[start, end)`, one command in RESP that ran in database `db`, or in any when that is negative. */
  feed(db: number, buf: Uint8Array, start: number, end: number): void {
    const seconds = this.#ports.stampSeconds();
    if (seconds > this.#stampedSeconds) this.#stamp(seconds);
    if (db >= 0 && db !== this.#selectedDb) {
      this.#selectedDb = db;
      const digits = String(db);
      const select = Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`, 'latin1');
      this.#appender.append(select, 0, select.length);
    }
    this.#appender.append(buf, start, end);
    if (this.#isFlushAsked || this.#ports.policy() === 'always') return;
    this.#isFlushAsked = true;
    this.#ports.soon(() => {
      this.#isFlushAsked = false;
      this.flush();
    });
  }

  /** What follows was at that time or later: `redis-check-aof --truncate-to-timestamp` looks for it. */
  #stamp(seconds: number): void {
    this.#stampedSeconds = seconds;
    const line = Buffer.from(`#TS:${String(seconds)}\r\n`, 'latin1');
    this.#appender.append(line, 0, line.length);
  }

  /** Before replies are sent: with `always`, brings what they answer to disk. */
  beforeReplies(): void {
    if (this.#appender.pendingBytes > 0 && this.#ports.policy() === 'always') this.flush();
  }

  /** Writes what was taken, and with `always` syncs it. */
  flush(): void {
    const isAlways = this.#ports.policy() === 'always';
    const appender = this.#appender;
    if (appender.pendingBytes > 0) this.beforeWrite();
    const isWritten = isAlways ? appender.write() : appender.writeUnlessSyncing(this.#ports.clock());
    if (isWritten && isAlways) {
      this.#noteSync(attempt(() => appender.syncNow()));
      this.#synced(this.#ports.streamOffset());
    }
    if (!isWritten && appender.lastError === undefined) this.delayedWrites++;
    this.#noteWrite(appender.lastError);
  }

  /** Called about every 100 ms: writes what had to wait, syncs once a second. */
  tick(): void {
    const { clock, policy, streamOffset } = this.#ports;
    if (this.#appender.pendingBytes > 0) this.flush();
    if (policy() === 'no' || this.#appender.pendingBytes > 0) return;
    if (clock() - this.#lastSyncMs < SYNC_PERIOD_MS) return;
    this.#lastSyncMs = clock();
    const offset = streamOffset();
    if (!this.#appender.isUnsynced && !this.#appender.isSyncing) this.#synced(offset);
    this.#appender.syncSoon((error) => {
      this.#noteSync(error ?? undefined);
      if (error === null) this.#synced(offset);
    });
  }

  /** Whether the log has outgrown its base by so many percent (0 for never) and is at least that large. */
  growthDue(percentage: number, minBytes: number): number | undefined {
    if (percentage === 0 || this.size <= minBytes) return undefined;
    const base = this.#baseBytes === 0 ? 1 : this.#baseBytes;
    const growth = Math.floor((this.size * 100) / base) - 100;
    return growth >= percentage ? growth : undefined;
  }

  /** All data was replaced: what the log holds is of the past, and a rewrite has to follow. */
  startOver(): void {
    this.#isWaitingForBase = true;
    this.#reachedOffset = 0;
    this.syncedOffset = 0;
    this.#noteWrite(attempt(() => this.#switchIncrement()));
  }

  /**
   * Opens a new increment; everything until now is what the new base has to hold, so the snapshot must be taken in the
   * same turn. Should the rewrite fail, the log is as good as before. Throws what the disk says.
   */
  beginRewrite(): AofRewrite {
    this.#switchIncrement();
    const offset = this.#ports.streamOffset();
    const first = this.#manifest.increments.at(-1);
    const base = nextBase(this.#manifest, this.#folder.prefix);
    return {
      base,
      path: this.#folder.pathOf(base),
      complete: () => {
        if (first === undefined) return;
        this.#manifest = this.#folder.writeManifest(completeRewrite(this.#manifest, base, first));
        this.#closedBytes = this.#folder.sizeOf(base);
        this.#baseBytes = this.size;
        this.#isUnlisted = false;
        if (!this.#isWaitingForBase) return;
        this.#isWaitingForBase = false;
        this.#synced(Math.max(offset, this.#reachedOffset));
      },
    };
  }

  /** Writes and syncs everything, and closes. */
  close(): void {
    const failure = attempt(() => {
      this.#appender.write();
      this.#appender.syncNow();
    });
    if (failure !== undefined) this.#noteSync(failure);
    this.#appender.close();
    const last = this.#manifest.increments.at(-1);
    if (this.#isUnlisted && last !== undefined) this.#folder.remove(last);
  }

  #switchIncrement(): void {
    const old = this.#appender;
    if (this.#isUnlisted) {
      old.close();
      this.#manifest = { ...this.#manifest, increments: this.#manifest.increments.slice(0, -1) };
      this.#appender = this.#addIncrement();
      return;
    }
    if (!old.write()) throw old.lastError ?? new Error('the append-only log can not be written');
    this.#appender = this.#addIncrement();
    this.#closedBytes += old.size;
    old.retire((error) => this.#noteSync(error ?? undefined));
  }

  #addIncrement(): AofAppender {
    const file = nextIncrement(this.#manifest, this.#folder.prefix);
    // No manifest names it: what an earlier process may have left under this name is of no use.
    this.#folder.remove(file);
    const appender = new AofAppender(this.#folder.pathOf(file));
    const manifest = { ...this.#manifest, increments: [...this.#manifest.increments, file] };
    this.#isUnlisted = this.#isWaitingForBase;
    this.#manifest = this.#isUnlisted ? manifest : this.#folder.writeManifest(manifest);
    this.#selectedDb = -1;
    this.#ports.log('notice', `Creating AOF incr file ${file.name} on server start`);
    return appender;
  }

  #synced(offset: number): void {
    this.#reachedOffset = offset;
    if (this.#isWaitingForBase || offset === this.syncedOffset) return;
    this.syncedOffset = offset;
    this.#ports.stateChanged();
  }

  #noteWrite(error: Error | undefined): void {
    const before = this.#writeError;
    this.#writeError = error;
    if (error === before) return;
    if (error === undefined) {
      this.#ports.log('notice', 'AOF write error looks solved, Redis can write again.');
    } else {
      this.#logNowAndThen(`Error writing to the AOF file: ${systemText(error)}`);
      this.#endIfAlways("Can't recover from AOF write error when the AOF fsync policy is 'always'.", error);
    }
    if ((before === undefined) !== (error === undefined)) this.#ports.stateChanged();
  }

  #noteSync(error: Error | undefined): void {
    const before = this.#syncError;
    this.#syncError = error;
    if (error !== undefined) {
      this.#logNowAndThen(`Fail to fsync the AOF file: ${systemText(error)}`);
      const what = `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${systemText(error)}.`;
      this.#endIfAlways(what, error);
    }
    if ((before === undefined) !== (error === undefined)) this.#ports.stateChanged();
  }

  #endIfAlways(why: string, error: Error): void {
    if (this.#ports.policy() !== 'always') return;
    this.#ports.log('warning', `${why} Exiting...`);
    this.#ports.crash(error);
  }

  /** A full disk is tried again every tenth of a second. */
  #logNowAndThen(text: string): void {
    const now = this.#ports.clock();
    if (now - this.#lastLoggedMs < LOG_PERIOD_MS) return;
    this.#lastLoggedMs = now;
    this.#ports.log('warning', text);
  }
}

/** What an action throws. */
function attempt(action: () => void): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
