import path from 'node:path';
import type { WriterVersion } from '../rdb/rdb-writer.ts';
import type { StreamPosition } from '../replication/ports.ts';
import { ERRORS } from '../resp/errors.ts';
import type { ReplyError } from '../resp/reply-error.ts';
import type { Server } from '../server.ts';
import { systemText } from '../system-text.ts';
import { RdbFileSink, writeRdbFileSync } from './rdb-file.ts';
import { runSnapshot, type RunningSnapshot } from './run-snapshot.ts';
import { findDueSavePoint, parseSavePoints } from './save-points.ts';
import { Snapshot, type SnapshotOptions } from './snapshot.ts';

const VERSION_TOLD = '7.2.0';

/** What libraries from a file do to those there: put in their place, refused when known, or put over them. */
export type LibraryPolicy = 'flush' | 'append' | 'replace';

/** What persistence asks of those who come after it; replaced by whoever knows. */
export interface PersistenceSources {
  /** Where the replication stream stands, to be kept in the file; undefined without replicas or master. */
  streamPosition: () => StreamPosition | undefined;
  /** The dump loaded at start says where a stream stood. */
  positionLoaded: (position: StreamPosition) => void;
  /** A key of that dump was dead already: replicas that resume still have it. */
  expiredAtLoad: (dbIndex: number, key: Uint8Array) => void;
  /** Source of each function library. */
  libraries: () => readonly string[];
  /** Puts loaded libraries in the place of those there. */
  takeLibraries: (libraries: readonly string[], policy: LibraryPolicy) => void;
  /** More of the append-only log is on disk: WAITAOF may be answered. */
  logSynced: () => void;
}

interface BackgroundSave {
  readonly run: RunningSnapshot;
  readonly file: RdbFileSink;
  readonly startedAtMs: number;
  readonly changes: number;
  readonly totalKeys: number;
}

/** SAVE and BGSAVE to the dump file, at command, by save points, and before leaving. */
export class RdbSaving {
  /** Unix time in seconds of the last success, or of the start. */
  lastSaveAt: number;
  hasFailed = false;
  /** SAVE and background saves begun. */
  saves = 0;
  /** Seconds the last background save took, -1 before. */
  lastDuration = -1;
  isScheduled = false;
  readonly #server: Server;
  readonly #sources: PersistenceSources;
  readonly #stateChanged: () => void;
  #lastTryAtMs = 0;
  #background: BackgroundSave | undefined;

  /** `stateChanged` is called when `writeRefusal` may have changed. */
  constructor(server: Server, sources: PersistenceSources, stateChanged: () => void) {
    this.#server = server;
    this.#sources = sources;
    this.lastSaveAt = Math.floor(server.now / 1000);
    this.#stateChanged = stateChanged;
  }

  get path(): string {
    const { config } = this.#server;
    return path.resolve(config.text('dir'), config.text('dbfilename'));
  }

  get isRunning(): boolean {
    return this.#background !== undefined;
  }

  /** Seconds the running save takes so far, or -1. */
  get currentDuration(): number {
    const background = this.#background;
    return background === undefined ? -1 : Math.floor((this.#server.now - background.startedAtMs) / 1000);
  }

  get progress(): { readonly processed: number; readonly total: number } {
    const background = this.#background;
    if (background === undefined) return { processed: 0, total: 0 };
    return { processed: background.run.snapshot.keysWritten, total: background.totalKeys };
  }

  /** Why writes are refused: saves that are configured fail (config stop-writes-on-bgsave-error). */
  get writeRefusal(): ReplyError | undefined {
    const isRefusing =
      this.hasFailed && this.hasSavePoints && this.#server.config.flag('stop-writes-on-bgsave-error');
    return isRefusing ? ERRORS.misconfRdb : undefined;
  }

  /**
   * Saves before it returns. Throws what the disk says; the old file stays then. Writes are not refused for it: who
   * asked has been told (rdb.c `rdbSave` leaves `lastbgsave_status` alone).
   */
  saveNow(): void {
    const server = this.#server;
    try {
      writeRdbFileSync(this.path, (emit) => {
        new Snapshot({ ...this.describe(), emit }).step(Number.POSITIVE_INFINITY);
      });
    } catch (error) {
      server.log('warning', `Error saving DB on disk: ${systemText(error)}`);
      throw error;
    }
    server.log('notice', 'DB saved on disk');
    server.dirty = 0;
    this.#succeed();
  }

  /** Saves beside other work. Does nothing when a save is running. */
  saveInBackground(): void {
    if (this.#background !== undefined) return;
    const server = this.#server;
    this.saves++;
    this.isScheduled = false;
    this.#lastTryAtMs = server.now;
    const file = new RdbFileSink(this.path, {
      paused: (isPaused) => (isPaused ? run.pause() : run.resume()),
      done: () => this.#finish(undefined),
      failed: (error) => this.#finish(error),
    });
    this.#server.stats.snapshots += 1;
    const run = runSnapshot(this.describe(), file);
    server.log('notice', `Background saving started by pid ${process.pid}`);
    this.#background = {
      run,
      file,
      startedAtMs: server.now,
      changes: server.dirty,
      totalKeys: server.keyspace.size,
    };
  }

  /** Gives a running save up, as FLUSHALL and SHUTDOWN do. */
  cancel(): void {
    const background = this.#background;
    if (background === undefined) return;
    this.#background = undefined;
    background.run.abort();
    background.file.abort();
    this.#server.log('warning', 'Background saving terminated by signal');
  }

  /** Called about every 100 ms. `isBusy`: an AOF rewrite is running, which comes first. */
  tick(isBusy: boolean): void {
    if (this.#background !== undefined || isBusy || this.#server.isLoading) return;
    const server = this.#server;
    const { config, dirty, now } = server;
    const due = findDueSavePoint(parseSavePoints(config.words('save')), {
      changes: dirty,
      secondsSinceSave: now / 1000 - this.lastSaveAt,
      secondsSinceTry: (now - this.#lastTryAtMs) / 1000,
      hasFailed: this.hasFailed,
    });
    if (due !== undefined) {
      server.log('notice', `${due.changes} changes in ${due.seconds} seconds. Saving...`);
      this.saveInBackground();
    } else if (this.isScheduled) {
      this.saveInBackground();
    }
  }

  /** Whether SHUTDOWN saves without being told. */
  get hasSavePoints(): boolean {
    return this.#server.config.words('save').length > 0;
  }

  /** What a snapshot taken now holds. `version` is the lowest that can express it, unless a reader is known. */
  describe(
    position: StreamPosition | undefined = this.#sources.streamPosition(),
    extraAux: readonly (readonly [string, string])[] = [],
    version?: WriterVersion,
  ): Omit<SnapshotOptions, 'emit'> {
    const { keyspace, config, clock, usedBytes } = this.#server;
    const libraries = this.#sources.libraries();
    const aux: (readonly [string, string])[] = [
      ['redis-ver', VERSION_TOLD],
      ['redis-bits', '64'],
      ['ctime', String(Math.floor(clock.now() / 1000))],
      ['used-mem', String(usedBytes)],
    ];
    if (position !== undefined) {
      aux.push(['repl-stream-db', String(position.streamDb)]);
      aux.push(['repl-id', position.replid], ['repl-offset', String(position.offset)]);
    }
    return {
      dbs: keyspace.filled(),
      aux: [...aux, ...extraAux],
      libraries,
      version: version ?? (keyspace.hasFieldExpiries ? 12 : libraries.length > 0 ? 10 : 9),
      checksum: config.flag('rdbchecksum'),
      compresses: config.flag('rdbcompression'),
      clock,
      keyDelayMs: () => config.number('rdb-key-save-delay') / 1000,
    };
  }

  #finish(error: Error | undefined): void {
    const background = this.#background;
    if (background === undefined) return;
    const server = this.#server;
    this.#background = undefined;
    this.lastDuration = Math.floor((server.clock.now() - background.startedAtMs) / 1000);
    if (error === undefined) {
      server.log('notice', 'DB saved on disk');
      server.log('notice', 'Background saving terminated with success');
      server.dirty = Math.max(0, server.dirty - background.changes);
      this.#succeed();
      return;
    }
    background.run.abort();
    server.log('warning', `Write error saving DB on disk: ${systemText(error)}`);
    server.log('warning', 'Background saving error');
    this.hasFailed = true;
    this.#stateChanged();
  }

  #succeed(): void {
    this.lastSaveAt = Math.floor(this.#server.clock.now() / 1000);
    this.hasFailed = false;
    this.#stateChanged();
  }
}
