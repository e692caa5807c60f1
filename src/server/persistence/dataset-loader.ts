import type { Db } from '../keyspace/db.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { RdbError } from '../rdb/rdb-error.ts';
import { RdbReader } from '../rdb/rdb-reader.ts';
import type { DatasetEvents, DatasetReceiver, DatasetSink } from '../replication/ports.ts';
import { collectAfterLoad } from './collect-after-load.ts';
import { KeyspaceSink } from './keyspace-sink.ts';

export interface DatasetLoaderPorts {
  readonly keyspace: Keyspace;
  /** Puts the libraries of the master in the place of those there. */
  readonly replaceLibraries: (libraries: readonly string[]) => void;
  /** config rdbchecksum */
  readonly checksum: () => boolean;
  readonly warn: (text: string) => void;
  /** Data of this history begins to come in. What is returned is called when that is over, however it ends. */
  readonly begun: (replid: string | undefined) => () => void;
  /** The new data is in place. */
  readonly replaced: () => void;
}

/**
 * Takes in the RDB of a full resync. It is loaded beside the old data, which stays readable until the new is complete
 * and takes its place at once, as `repl-diskless-load swapdb` does; a sync that breaks off costs nothing.
 */
export function createDatasetReceiver(ports: DatasetLoaderPorts): DatasetReceiver {
  return { begin: (events, from) => new DatasetLoading(ports, events, ports.begun(from?.replid)) };
}

class DatasetLoading implements DatasetSink {
  readonly #ports: DatasetLoaderPorts;
  readonly #events: DatasetEvents;
  readonly #sink: KeyspaceSink;
  readonly #reader: RdbReader;
  readonly #ended: () => void;
  #loadedBytes = 0;
  #isOver = false;

  constructor(ports: DatasetLoaderPorts, events: DatasetEvents, ended: () => void) {
    this.#ended = ended;
    this.#ports = ports;
    this.#events = events;
    const { keyspace } = ports;
    this.#sink = new KeyspaceSink({
      databaseCount: keyspace.count,
      openDb: () => keyspace.newDb(),
      dropExpiredBeforeMs: -1,
    });
    this.#reader = new RdbReader(this.#sink, { checksum: ports.checksum() });
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#attempt(() => this.#reader.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)));
    this.#loadedBytes += chunk.length;
    if (!this.#isOver) this.#events.progress();
  }

  end(): void {
    if (this.#isOver) return;
    this.#attempt(() => this.#reader.end());
    if (this.#isOver) return;
    this.#finish();
    this.#events.replacing();
    replaceDbs(this.#ports.keyspace, this.#sink.dbs);
    collectAfterLoad(this.#loadedBytes);
    this.#ports.replaceLibraries(this.#sink.libraries);
    warnOfLosses(this.#reader, this.#ports.warn);
    this.#ports.replaced();
    this.#events.loaded(Number(this.#sink.auxFields.get('repl-stream-db') ?? 0));
  }

  abort(): void {
    if (!this.#isOver) this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#ended();
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      this.#finish();
      this.#events.failed(error.message);
    }
  }
}

/** Empties the keyspace and puts these databases in, in one go. */
export function replaceDbs(keyspace: Keyspace, dbs: ReadonlyMap<number, Db>): void {
  keyspace.flushAll();
  for (const [index, db] of dbs) keyspace.replace(index, db);
}

/** Says what the file held and was left out. */
export function warnOfLosses(reader: RdbReader, warn: (text: string) => void): void {
  const { emptyKeysSkipped, moduleAuxSkipped } = reader.report;
  if (emptyKeysSkipped > 0) warn(`RDB: ${emptyKeysSkipped} empty keys were skipped`);
  if (moduleAuxSkipped > 0) warn(`RDB: auxiliary data of ${moduleAuxSkipped} modules was skipped`);
}
