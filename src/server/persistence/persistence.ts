import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FsyncPolicy } from '../aof/aof-appender.ts';
import { AofFolder } from '../aof/aof-folder.ts';
import { AppendOnlyLog, type AofRewrite, type LogStart } from '../aof/append-only-log.ts';
import { EMPTY_MANIFEST, filesOf, nextBase, type AofManifest } from '../aof/manifest.ts';
import { SERVER_GATE } from '../command/gates.ts';
import { RdbError } from '../rdb/rdb-error.ts';
import { RdbReader } from '../rdb/rdb-reader.ts';
import type { DatasetReceiver, SnapshotSource, StreamPosition } from '../replication/ports.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Server } from '../server.ts';
import { systemText } from '../system-text.ts';
import { collectAfterLoad } from './collect-after-load.ts';
import { createDatasetReceiver, warnOfLosses } from './dataset-loader.ts';
import { KeyspaceSink } from './keyspace-sink.ts';
import { loadAppendOnlyLog, LogLoadError } from './load-log.ts';
import {
  readRdbFile,
  RdbFileSink,
  runAtOnce,
  runWithPauses,
  writeRdbFileSync,
  type FileSteps,
} from './rdb-file.ts';
import { RdbSaving, type LibraryPolicy, type PersistenceSources } from './rdb-saving.ts';
import { runSnapshot, type RunningSnapshot } from './run-snapshot.ts';
import { Snapshot } from './snapshot.ts';

/** How long a rewrite that failed isn't tried again by itself. */
const REWRITE_RETRY_MS = 60_000;

/** How far a load has come, for INFO. */
export interface LoadProgress {
  readonly startedAt: number;
  readonly totalBytes: number;
  loadedBytes: number;
  /** Beside data of the same history, which is served meanwhile. */
  readonly isAsync: boolean;
}

interface DumpLoad {
  readonly isStart: boolean;
  readonly isMerging: boolean;
  readonly policy: LibraryPolicy;
}

interface RunningRewrite {
  readonly run: RunningSnapshot;
  readonly file: RdbFileSink;
  readonly startedAtMs: number;
}

/**
 * The data on disk: the dump file, the append-only log, and the images that replicas are given.
 *
 * Made for a server before it listens; `loadAtStart` brings the data in and starts the log. What it needs to know of
 * replication and functions is in `sources`, to be replaced by those who have them.
 */
export class Persistence {
  readonly rdb: RdbSaving;
  readonly sources: PersistenceSources = {
    streamPosition: () => undefined,
    positionLoaded: () => undefined,
    expiredAtLoad: () => undefined,
    libraries: () => [],
    takeLibraries: () => undefined,
    logSynced: () => undefined,
  };
  loading: LoadProgress | undefined;
  lastLoad = { keysLoaded: 0, keysExpired: 0 };
  rewrites = 0;
  hasRewriteFailed = false;
  rewriteFailuresInARow = 0;
  lastRewriteDuration = -1;
  isRewriteScheduled = false;
  readonly #server: Server;
  #log: AppendOnlyLog | undefined;
  #rewrite: RunningRewrite | undefined;
  #isStarted = false;
  /** `aof-timestamp-enabled` */
  #isStamping = false;
  #lastRewriteTryMs = 0;

  constructor(server: Server) {
    this.#server = server;
    server.persistence = this;
    this.rdb = new RdbSaving(server, this.sources, () => this.#gate());
    for (const name of ['save', 'stop-writes-on-bgsave-error'])
      server.config.onChange(name, () => this.#gate());
    server.config.onChange('appendonly', (value) => {
      if (!this.#isStarted) return;
      if (value === 'yes') this.startLog();
      else this.stopLog();
    });
    server.config.onChange('aof-timestamp-enabled', (value) => {
      this.#isStamping = value === 'yes';
    });
    server.onTick.push(() => this.#tick());
    const beforeReplies = server.beforeReplies;
    server.beforeReplies = () => {
      beforeReplies();
      this.#log?.beforeReplies();
    };
  }

  /** The append-only log while it is written. */
  get log(): AppendOnlyLog | undefined {
    return this.#log;
  }

  get isRewriting(): boolean {
    return this.#rewrite !== undefined;
  }

  /** Seconds the running rewrite takes so far, or -1. */
  get currentRewriteDuration(): number {
    return this.#rewrite === undefined ? -1 : secondsSince(this.#rewrite.startedAtMs, this.#server.now);
  }

  // ---- loading ----------------------------------------------------------------------------------------------------

  /**
   * Loads the append-only log if it is configured, else the dump file, and starts the log. Clients are served
   * meanwhile, with -LOADING. Throws `RdbError`, `LogLoadError`, `ManifestError` or what the disk says: the server must
   * not start on data it can't read.
   */
  async loadAtStart(): Promise<void> {
    const server = this.#server;
    const startMs = server.clock.monotonic();
    const isAppendOnly = server.config.flag('appendonly');
    if (isAppendOnly) {
      const folder = this.#folder();
      const manifest = folder.adoptSingleFile(this.#dir());
      if (manifest !== undefined) {
        const missing = folder.findMissing(manifest);
        if (missing !== undefined)
          throw new LogLoadError(
            `The append log file ${missing.name} doesn't exist: No such file or directory`,
          );
        const totalBytes = filesOf(manifest).reduce((sum, file) => sum + folder.sizeOf(file), 0);
        await this.#whileLoading(totalBytes, this.#loadLog(manifest));
      }
      this.#openLog(manifest, 'complete');
    } else if (existsSync(this.rdb.path)) {
      const steps = this.#loadDump({ isStart: true, isMerging: false, policy: 'flush' });
      await this.#whileLoading(statSync(this.rdb.path).size, steps);
      const seconds = ((server.clock.monotonic() - startMs) / 1000).toFixed(3);
      server.log('notice', `DB loaded from disk: ${seconds} seconds`);
    }
    server.dirty = 0;
    this.#isStarted = true;
  }

  /** DEBUG RELOAD: saves and loads again before it returns. */
  reload(options: {
    readonly isSaving: boolean;
    readonly isFlushing: boolean;
    readonly isMerging: boolean;
  }): void {
    if (options.isSaving) this.rdb.saveNow();
    if (options.isFlushing) this.#server.keyspace.flushAll();
    const { isMerging, isFlushing } = options;
    const policy = isMerging ? 'replace' : isFlushing ? 'flush' : 'append';
    runAtOnce(this.#loadDump({ isStart: false, isMerging, policy }));
  }

  /** DEBUG LOADAOF: executes the whole log again, on no data, before it returns; false when there is none. */
  reloadLog(): boolean {
    const server = this.#server;
    this.#log?.flush();
    server.keyspace.flushAll();
    const manifest = this.#folder().readManifest();
    if (manifest === undefined) return this.#log !== undefined;
    const wasLoading = server.isLoading;
    server.isLoading = true;
    try {
      this.#silently(() => runAtOnce(this.#loadLog(manifest)));
    } finally {
      server.isLoading = wasLoading;
    }
    server.dirty = 0;
    return true;
  }

  *#loadDump({ isStart, isMerging, policy }: DumpLoad): FileSteps<void> {
    // What has expired meanwhile goes to the replicas as DEL, so the stream must be known before (7.2).
    let isPositionTold = !isStart;
    const tellPosition = (): void => {
      if (isPositionTold) return;
      isPositionTold = true;
      const position = positionIn(sink);
      if (position !== undefined) this.sources.positionLoaded(position);
    };
    const sink = this.#createSink(isMerging, (dbIndex, key) => {
      if (!isStart) return;
      tellPosition();
      this.sources.expiredAtLoad(dbIndex, key);
    });
    const reader = new RdbReader(sink, { checksum: this.#server.config.flag('rdbchecksum') });
    try {
      yield* readRdbFile(this.rdb.path, reader);
    } catch (error) {
      if (error instanceof RdbError) {
        const what = 'Fatal error loading the DB, check server logs';
        this.#server.log('warning', `${what}. ${this.rdb.path}: ${error.message}`);
      }
      throw error;
    }
    tellPosition();
    this.#noteLoad(sink, reader, policy);
  }

  #createSink(replace: boolean, expired: (dbIndex: number, key: Buffer) => void): KeyspaceSink {
    const { keyspace, isReplica } = this.#server;
    return new KeyspaceSink({
      databaseCount: keyspace.count,
      openDb: (index) => keyspace.db(index),
      dropExpiredBeforeMs: isReplica ? -1 : this.#server.clock.now(),
      expired,
      replace,
    });
  }

  #noteLoad(sink: KeyspaceSink, reader: RdbReader, policy: LibraryPolicy): void {
    const server = this.#server;
    this.lastLoad = { keysLoaded: sink.keysLoaded, keysExpired: sink.keysExpired };
    this.sources.takeLibraries(sink.libraries, policy);
    warnOfLosses(reader, (text) => server.log('warning', text));
    const { keysLoaded, keysExpired } = sink;
    server.log('notice', `Done loading RDB, keys loaded: ${keysLoaded}, keys expired: ${keysExpired}.`);
  }

  #loadLog(manifest: AofManifest): FileSteps<void> {
    return loadAppendOnlyLog(this.#folder(), manifest, {
      server: this.#server,
      replaceLibraries: (libraries) => this.sources.takeLibraries(libraries, 'flush'),
    });
  }

  /** What is loaded is no news to replicas or to the log. Answers what `load` does. */
  #silently<T>(load: () => T): T {
    const { propagation } = this.#server;
    const { replication, aof } = propagation;
    propagation.replication = undefined;
    propagation.aof = undefined;
    try {
      return load();
    } finally {
      propagation.replication = replication;
      propagation.aof = aof;
    }
  }

  async #whileLoading(totalBytes: number, steps: FileSteps<void>): Promise<void> {
    const { loading, end } = this.#beginLoading(totalBytes, false);
    try {
      await runWithPauses(steps, (bytes) => {
        loading.loadedBytes += bytes;
      });
      collectAfterLoad(loading.loadedBytes);
    } finally {
      end();
    }
  }

  /** From here to `end` clients are told that data is being loaded; `isAsync` as in `LoadProgress`. */
  #beginLoading(totalBytes: number, isAsync: boolean): { loading: LoadProgress; end: () => void } {
    const server = this.#server;
    const gate = isAsync ? SERVER_GATE.asyncLoading : SERVER_GATE.loading;
    const loading: LoadProgress = {
      startedAt: Math.floor(server.clock.now() / 1000),
      totalBytes,
      loadedBytes: 0,
      isAsync,
    };
    this.loading = loading;
    server.isLoading = true;
    server.setGate(gate, true);
    const end = (): void => {
      this.loading = undefined;
      server.isLoading = false;
      server.setGate(gate, false);
    };
    return { loading, end };
  }

  // ---- the append-only log ----------------------------------------------------------------------------------------

  /** CONFIG SET appendonly yes: starts the log with a base made of the present data. */
  startLog(): void {
    if (this.#log !== undefined) return;
    this.#openLog(this.#folder().readManifest() ?? EMPTY_MANIFEST, 'without-base');
    this.isRewriteScheduled = this.rdb.isRunning || this.#server.propagation.isOpen;
    if (!this.isRewriteScheduled) {
      this.rewriteLog();
      return;
    }
    const why = this.rdb.isRunning
      ? 'but there is already another background operation'
      : 'during a transaction';
    const what = 'An AOF background was scheduled to start when possible.';
    this.#server.log('notice', `AOF was enabled ${why}. ${what}`);
  }

  /** CONFIG SET appendonly no, and the end of the process: everything is on disk when it returns. */
  stopLog(): void {
    this.#cancelRewrite();
    this.isRewriteScheduled = false;
    this.#server.propagation.aof = undefined;
    this.#log?.close();
    this.#log = undefined;
    this.#gate();
  }

  /** FLUSHALL: a save of what is gone is given up, and the dump file emptied at once when save points are set. */
  allFlushed(): boolean {
    if (this.#server.isLoading) return false;
    this.rdb.cancel();
    if (!this.rdb.hasSavePoints) return false;
    try {
      this.rdb.saveNow();
      return true;
    } catch (error) {
      // It has been logged and may refuse the next write; the data is gone all the same.
      this.#server.log('verbose', `FLUSHALL left the dump file as it was: ${systemText(error)}`);
      return false;
    }
  }

  /** All data was replaced by a full resync: the log begins anew. */
  datasetReplaced(): void {
    this.#server.trackFlush();
    this.rdb.cancel();
    this.#cancelRewrite();
    if (this.#log === undefined) return;
    this.#log.startOver();
    this.isRewriteScheduled = true;
  }

  /**
   * BGREWRITEAOF. The log goes on in a new increment while the base of it is made. Answers false when the disk doesn't
   * let it begin, which has been logged.
   */
  rewriteLog(): boolean {
    if (this.#rewrite !== undefined) return true;
    const server = this.#server;
    this.isRewriteScheduled = false;
    this.#lastRewriteTryMs = server.now;
    const rewrite = this.#beginRewrite();
    if (rewrite === undefined) return false;
    const file = new RdbFileSink(rewrite.path, {
      paused: (isPaused) => (isPaused ? run.pause() : run.resume()),
      done: () => this.#finishRewrite(rewrite, undefined),
      failed: (error) => this.#finishRewrite(rewrite, error),
    });
    server.stats.snapshots += 1;
    const run = runSnapshot(this.rdb.describe(undefined, [['aof-base', '1']]), file);
    this.#rewrite = { run, file, startedAtMs: server.now };
    server.log('notice', `Background append only file rewriting started by pid ${process.pid}`);
    return true;
  }

  #beginRewrite(): AofRewrite | undefined {
    try {
      return this.#log === undefined ? this.#rewriteWithoutLog() : this.#log.beginRewrite();
    } catch (error) {
      this.#countRewrite(systemText(error));
      return undefined;
    }
  }

  #countRewrite(failure: string | undefined): void {
    const server = this.#server;
    this.hasRewriteFailed = failure !== undefined;
    this.rewriteFailuresInARow = failure === undefined ? 0 : this.rewriteFailuresInARow + 1;
    if (failure === undefined) {
      this.rewrites++;
      server.log('notice', 'Background AOF rewrite terminated with success');
      server.log('notice', 'Background AOF rewrite finished successfully');
    } else {
      server.log('warning', `Background AOF rewrite terminated with error: ${failure}`);
    }
  }

  #rewriteWithoutLog(): AofRewrite {
    const folder = this.#folder();
    folder.create();
    const manifest = folder.readManifest() ?? EMPTY_MANIFEST;
    const base = nextBase(manifest, folder.prefix);
    const history = filesOf(manifest).map((file) => ({ ...file, type: 'history' as const }));
    const complete = (): void => {
      folder.writeManifest({ base, increments: [], history });
    };
    return { base, path: folder.pathOf(base), complete };
  }

  #finishRewrite(rewrite: AofRewrite, failure: Error | undefined): void {
    const running = this.#rewrite;
    if (running === undefined) return;
    this.#rewrite = undefined;
    const server = this.#server;
    this.lastRewriteDuration = secondsSince(running.startedAtMs, server.clock.now());
    let reason = failure === undefined ? undefined : systemText(failure);
    try {
      if (reason === undefined) rewrite.complete();
    } catch (error) {
      reason = systemText(error);
    }
    if (failure !== undefined) running.run.abort();
    this.#countRewrite(reason);
  }

  #cancelRewrite(): void {
    const running = this.#rewrite;
    if (running === undefined) return;
    this.#rewrite = undefined;
    this.#server.log('notice', `Killing running AOF rewrite child: ${process.pid}`);
    running.run.abort();
    running.file.abort();
  }

  #openLog(known: AofManifest | undefined, start: LogStart): void {
    const server = this.#server;
    const folder = this.#folder();
    folder.create();
    const manifest = known === undefined ? this.#writeFirstBase(folder) : known;
    const log = new AppendOnlyLog(folder, manifest, start, {
      policy: () => this.#policy,
      log: (level, text) => server.log(level, text),
      clock: () => server.clock.monotonic(),
      stampSeconds: () => (this.#isStamping ? Math.floor(server.now / 1000) : 0),
      soon: (run) => server.clock.soon(run),
      streamOffset: () => server.replication?.offset ?? 0,
      stateChanged: () => {
        this.#gate();
        this.sources.logSynced();
      },
      crash: (error) => server.crash(error),
    });
    this.#log = log;
    server.propagation.aof = log;
  }

  #writeFirstBase(folder: AofFolder): AofManifest {
    const base = nextBase(EMPTY_MANIFEST, folder.prefix);
    this.#server.log('notice', `Creating AOF base file ${base.name} on server start`);
    const options = this.rdb.describe(undefined, [['aof-base', '1']]);
    writeRdbFileSync(folder.pathOf(base), (emit) => {
      new Snapshot({ ...options, emit }).step(Number.POSITIVE_INFINITY);
    });
    return folder.writeManifest({ ...EMPTY_MANIFEST, base });
  }

  get #policy(): FsyncPolicy {
    const policy = this.#server.config.text('appendfsync');
    return policy === 'always' || policy === 'no' ? policy : 'everysec';
  }

  // ---- for replication --------------------------------------------------------------------------------------------

  /**
   * Images for replicas: version 9, which all of them load, or 10 when there are functions, which 6.2 has not; 12 or 80
   * when there are hash fields with a time to live, which before Redis 7.4 and Valkey 9 nobody has.
   */
  readonly snapshots: SnapshotSource = {
    isCommon: () => !this.#server.keyspace.hasFieldExpiries,
    start: (position, filter, sink, format) => {
      const options = this.rdb.describe(position, [], format === 'valkey' ? 80 : undefined);
      this.#server.stats.snapshots += 1;
      return runSnapshot(
        {
          ...options,
          dbs: filter.withData ? options.dbs : [],
          libraries: filter.withFunctions ? options.libraries : [],
        },
        sink,
      );
    },
  };

  /** Takes in what a master sends. */
  get receiver(): DatasetReceiver {
    const server = this.#server;
    return createDatasetReceiver({
      keyspace: server.keyspace,
      replaceLibraries: (libraries) => this.sources.takeLibraries(libraries, 'flush'),
      checksum: () => server.config.flag('rdbchecksum'),
      warn: (text) => server.log('warning', text),
      begun: (replid) => this.#beginReceiving(replid),
      replaced: () => this.datasetReplaced(),
    });
  }

  /**
   * With `repl-diskless-load` the old data is served while new data of the same history is loaded, and hidden while it
   * is of another one, or there is none; without, it is served until the new takes its place (readSyncBulkPayload).
   */
  #beginReceiving(replid: string | undefined): () => void {
    const server = this.#server;
    const mode = server.config.text('repl-diskless-load');
    const isShown = mode === 'swapdb' || (mode === 'on-empty-db' && server.keyspace.size === 0);
    if (!isShown) return () => undefined;
    return this.#beginLoading(0, mode === 'swapdb' && replid === server.replication?.history.replid).end;
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  /** What SHUTDOWN and SIGTERM do: gives background work up, saves if asked, closes the log. Throws when it can't. */
  shutDown(isSaving: boolean, isForced: boolean): void {
    if (this.isRewriting && this.#log?.isWaitingForBase === true) {
      this.#server.log('warning', `Writing initial AOF${isForced ? '. Exit anyway.' : ", can't exit."}`);
      if (!isForced) throw new Error('the first base of the append-only log is being written');
    }
    this.rdb.cancel();
    this.#cancelRewrite();
    if (this.#log !== undefined) {
      this.#server.log('notice', 'Calling fsync() on the AOF file.');
      this.#log.flush();
    }
    if (isSaving) this.#saveAtEnd(isForced);
    this.stopLog();
  }

  #saveAtEnd(isForced: boolean): void {
    try {
      this.rdb.saveNow();
    } catch (error) {
      this.#server.log(
        'warning',
        `Error trying to save the DB${isForced ? '. Exit anyway.' : ", can't exit."} ${systemText(error)}`,
      );
      if (!isForced) throw error;
    }
  }

  #tick(): void {
    const server = this.#server;
    this.#log?.tick();
    if (server.isLoading || server.isBusy) return;
    if (this.isRewriteScheduled && !this.rdb.isRunning && !this.isRewriting) this.rewriteLog();
    this.rdb.tick(this.isRewriting);
    if (this.#log === undefined || this.isRewriting || this.rdb.isRunning) return;
    if (this.hasRewriteFailed && server.now - this.#lastRewriteTryMs < REWRITE_RETRY_MS) return;
    if (this.#log.isWaitingForBase) {
      this.rewriteLog();
      return;
    }
    const { config } = server;
    const growth = this.#log.growthDue(
      config.number('auto-aof-rewrite-percentage'),
      config.number('auto-aof-rewrite-min-size'),
    );
    if (growth === undefined) return;
    server.log('notice', `Starting automatic rewriting of AOF on ${growth}% growth`);
    this.rewriteLog();
  }

  /** Lets writes be refused while the disk refuses ours. */
  #gate(): void {
    const server = this.#server;
    const logError = this.#log?.lastError;
    const refusal =
      logError === undefined
        ? this.rdb.writeRefusal
        : new ReplyError(`MISCONF Errors writing to the AOF file: ${systemText(logError)}`);
    server.diskError = refusal;
    server.setGate(SERVER_GATE.diskError, refusal !== undefined);
  }

  #dir(): string {
    return path.resolve(this.#server.config.text('dir'));
  }

  #folder(): AofFolder {
    const { config } = this.#server;
    return new AofFolder(path.join(this.#dir(), config.text('appenddirname')), config.text('appendfilename'));
  }
}

/** Where the stream stood when the file was written, if it says so. */
function positionIn({ auxFields }: KeyspaceSink): StreamPosition | undefined {
  const replid = auxFields.get('repl-id');
  const offset = Number(auxFields.get('repl-offset') ?? Number.NaN);
  if (replid === undefined || !Number.isSafeInteger(offset)) return undefined;
  return { replid, offset, streamDb: Number(auxFields.get('repl-stream-db') ?? 0) };
}

function secondsSince(startMs: number, nowMs: number): number {
  return Math.floor((nowMs - startMs) / 1000);
}
