import { truncateSync } from 'node:fs';
import type { AofFolder } from '../aof/aof-folder.ts';
import { CommandLogReader, LogFormatError } from '../aof/command-log-reader.ts';
import { filesOf, type AofFile, type AofManifest } from '../aof/manifest.ts';
import type { Client } from '../command/client.ts';
import { RdbError } from '../rdb/rdb-error.ts';
import { RdbReader } from '../rdb/rdb-reader.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import { warnOfLosses } from './dataset-loader.ts';
import { KeyspaceSink } from './keyspace-sink.ts';
import { readPieces, type FileSteps } from './rdb-file.ts';

const MAGIC_BYTES = 5;

/** A log that can't be loaded; what to do about it has been logged. */
export class LogLoadError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogLoadError';
  }
}

export interface LogLoadPorts {
  readonly server: Server;
  readonly replaceLibraries: (libraries: readonly string[]) => void;
}

/**
 * Executes the whole append-only log: base, then increments. Only the last file may be cut short, and only with
 * `aof-load-truncated`; its file is shortened to the last whole command then. Throws `LogLoadError`.
 */
export function* loadAppendOnlyLog(
  folder: AofFolder,
  manifest: AofManifest,
  ports: LogLoadPorts,
): FileSteps<void> {
  const files = filesOf(manifest);
  const { server } = ports;
  for (const [index, file] of files.entries()) {
    const startMs = server.clock.monotonic();
    const isCut = yield* loadFile(folder, file, ports);
    if (isCut && index < files.length - 1)
      refuse(server, 'Fatal error: the truncated file is not the last file');
    const seconds = ((server.clock.monotonic() - startMs) / 1000).toFixed(3);
    server.log('notice', `DB loaded from ${file.type} file ${file.name}: ${seconds} seconds`);
  }
}

/** Answers whether the file was cut and has been shortened. */
function* loadFile(folder: AofFolder, file: AofFile, ports: LogLoadPorts): FileSteps<boolean> {
  const name = folder.pathOf(file);
  const loading = new LogFileLoading(file, ports);
  try {
    yield* readPieces(name, (piece) => loading.write(piece));
    const cutAt = loading.end();
    if (cutAt === undefined) return false;
    shorten(ports.server, file, name, cutAt);
    return true;
  } finally {
    loading.close();
  }
}

function shorten(server: Server, file: AofFile, name: string, cutAt: number): void {
  if (!server.config.flag('aof-load-truncated')) {
    refuse(
      server,
      `Unexpected end of file reading the append only file ${file.name}. You can: 1) Make a backup of your AOF ` +
        'file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the ' +
        "'aof-load-truncated' configuration option to yes and restart the server.",
    );
  }
  server.log('warning', `!!! Warning: short read while loading the AOF file ${file.name}!!!`);
  server.log('warning', `!!! Truncating the AOF ${file.name} at offset ${cutAt} !!!`);
  truncateSync(name, cutAt);
  server.log('warning', `AOF ${file.name} loaded anyway because aof-load-truncated is enabled`);
}

/** One file: commands, or an RDB and then commands. */
class LogFileLoading {
  readonly #file: AofFile;
  readonly #ports: LogLoadPorts;
  readonly #client: Client;
  #start: Buffer = Buffer.alloc(0);
  #rdb: { readonly reader: RdbReader; readonly sink: KeyspaceSink } | undefined;
  #commands: CommandLogReader | undefined;

  constructor(file: AofFile, ports: LogLoadPorts) {
    this.#file = file;
    this.#ports = ports;
    this.#client = ports.server.connect();
    this.#client.isTrusted = true;
    this.#client.isSilent = true;
  }

  write(piece: Buffer): void {
    if (this.#commands !== undefined) this.#runCommands(this.#commands, piece);
    else if (this.#rdb !== undefined) this.#readRdb(this.#rdb.reader, piece);
    else this.#begin(Buffer.concat([this.#start, piece]));
  }

  /** Where the last whole command ended, if the file goes on behind it. */
  end(): number | undefined {
    const { server } = this.#ports;
    if (this.#commands === undefined && this.#start.length > 0) {
      this.#commands = new CommandLogReader((args) => this.#run(args), 0);
      this.#runCommands(this.#commands, this.#start);
    }
    const rdb = this.#rdb?.reader;
    if (rdb !== undefined && !rdb.isDone) this.#attempt(() => rdb.end());
    const commands = this.#commands;
    if (commands === undefined || (!commands.isCut && !commands.isInTransaction)) return undefined;
    if (commands.isInTransaction) {
      server.log('warning', `Revert incomplete MULTI/EXEC transaction in AOF file ${this.#file.name}`);
    }
    return commands.validUpTo;
  }

  close(): void {
    this.#ports.server.transactions.discard(this.#client);
    this.#client.close();
  }

  #begin(bytes: Buffer): void {
    if (bytes.length < MAGIC_BYTES) {
      this.#start = bytes;
      return;
    }
    const magic = bytes.latin1Slice(0, MAGIC_BYTES);
    if (magic !== 'REDIS' && magic !== 'VALKE') {
      this.#commands = new CommandLogReader((args) => this.#run(args), 0);
      this.#runCommands(this.#commands, bytes);
      return;
    }
    const { server } = this.#ports;
    server.log('notice', 'Reading RDB base file on AOF loading...');
    const sink = new KeyspaceSink({
      databaseCount: server.keyspace.count,
      openDb: (index) => server.keyspace.db(index),
      dropExpiredBeforeMs: -1,
    });
    const reader = new RdbReader(sink, { checksum: server.config.flag('rdbchecksum') });
    this.#rdb = { reader, sink };
    this.#readRdb(reader, bytes);
  }

  #readRdb(reader: RdbReader, piece: Buffer): void {
    const used = this.#attempt(() => reader.write(piece));
    if (!reader.isDone) return;
    const { server, replaceLibraries } = this.#ports;
    warnOfLosses(reader, (text) => server.log('warning', text));
    const libraries = this.#rdb?.sink.libraries ?? [];
    if (libraries.length > 0) replaceLibraries(libraries);
    this.#commands = new CommandLogReader((args) => this.#run(args), reader.offset);
    if (used < piece.length) {
      server.log('notice', 'Reading the remaining AOF tail...');
      this.#runCommands(this.#commands, piece.subarray(used));
    }
  }

  #runCommands(commands: CommandLogReader, piece: Buffer): void {
    this.#ports.server.refreshTime();
    this.#attempt(() => commands.write(piece));
  }

  #run(args: Args): boolean {
    const { server } = this.#ports;
    const client = this.#client;
    if (server.commands.find(args) === undefined) {
      refuse(server, `Unknown command '${args.string(0)}' reading the append only file ${this.#file.name}`);
    }
    server.executor.execute(client, args);
    server.executor.settleTime();
    client.reply.truncate(0);
    return client.multi === undefined;
  }

  #attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { server } = this.#ports;
      if (error instanceof RdbError) {
        server.log('warning', `Error reading the RDB base file ${this.#file.name}: ${error.message}`);
        refuse(server, `Error reading the RDB base file ${this.#file.name}, AOF loading aborted`, error);
      }
      if (!(error instanceof LogFormatError)) throw error;
      refuse(
        server,
        `Bad file format reading the append only file ${this.#file.name}: make a backup of your AOF file, then use ` +
          `./redis-check-aof --fix <filename.manifest> (${error.message})`,
        error,
      );
    }
  }
}

function refuse(server: Server, message: string, cause?: unknown): never {
  server.log('warning', message);
  throw new LogLoadError(message, { cause });
}
