import {
  closeSync,
  createWriteStream,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
  type WriteStream,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RdbReader } from '../rdb/rdb-reader.ts';

const READ_BYTES = 256 * 1024;

export interface FileSinkEvents {
  /** The disk lags behind: stop, or go on again. */
  readonly paused: (isPaused: boolean) => void;
  /** The file is in place. */
  readonly done: () => void;
  /** It is not, and what was there before still is. */
  readonly failed: (error: Error) => void;
}

/**
 * Writes an RDB under a temporary name in the same folder and puts it in place when it is complete and on disk, so
 * that a failure at any moment leaves the old file as it was.
 */
export class RdbFileSink {
  readonly #target: string;
  readonly #temporary: string;
  readonly #events: FileSinkEvents;
  readonly #stream: WriteStream;
  #isOver = false;

  constructor(target: string, events: FileSinkEvents) {
    this.#target = target;
    this.#temporary = temporaryName(target);
    this.#events = events;
    this.#stream = createWriteStream(this.#temporary, { mode: 0o600, flush: true, highWaterMark: 1 << 20 });
    this.#stream.on('drain', () => events.paused(false));
    this.#stream.on('error', (error) => this.#fail(error));
  }

  write(piece: Uint8Array): void {
    if (!this.#isOver && !this.#stream.write(piece)) this.#events.paused(true);
  }

  end(): void {
    if (this.#isOver) return;
    this.#stream.end();
    this.#stream.once('close', () => {
      if (!this.#isOver)
        this.#putInPlace().then(
          () => this.#finish(),
          (error: unknown) => this.#fail(error),
        );
    });
  }

  /** Gives the file up; the events hear nothing more. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.destroy();
    rm(this.#temporary, { force: true }).catch(() => undefined);
  }

  fail(reason: string): void {
    this.#fail(new Error(reason));
  }

  #finish(): void {
    this.#isOver = true;
    this.#events.done();
  }

  async #putInPlace(): Promise<void> {
    await rename(this.#temporary, this.#target);
    const folder = await open(path.dirname(this.#target), 'r');
    await folder.sync();
    await folder.close();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.abort();
    this.#events.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

/** The same without returning before it is done, for SAVE and SHUTDOWN. Throws what the disk says. */
export function writeRdbFileSync(target: string, write: (emit: (piece: Buffer) => void) => void): void {
  const temporary = temporaryName(target);
  const file = openSync(temporary, 'w', 0o600);
  try {
    write((piece) => {
      for (let at = 0; at < piece.length;) at += writeSync(file, piece, at);
    });
    fsyncSync(file);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a whole file into the reader while clients are served between pieces. `progress` hears the bytes read so far.
 * Throws `RdbError`, or what the disk says. Answers the bytes behind the RDB's end, which older AOFs have.
 */
export async function readRdbFile(
  name: string,
  reader: RdbReader,
  progress: (bytes: number) => void,
): Promise<Buffer> {
  const file = await open(name, 'r');
  try {
    while (!reader.isDone) {
      const piece = Buffer.allocUnsafeSlow(READ_BYTES);
      const { bytesRead } = await file.read(piece, 0, READ_BYTES, null);
      if (bytesRead === 0) break;
      const used = reader.write(piece.subarray(0, bytesRead));
      progress(bytesRead);
      if (reader.isDone) return piece.subarray(used, bytesRead);
    }
    reader.end();
    return Buffer.alloc(0);
  } finally {
    await file.close();
  }
}

/** The same without returning before it is done, for DEBUG RELOAD. */
export function readRdbFileSync(name: string, reader: RdbReader): void {
  const file = openSync(name, 'r');
  try {
    while (!reader.isDone) {
      const piece = Buffer.allocUnsafeSlow(READ_BYTES);
      const count = readSync(file, piece, 0, READ_BYTES, null);
      if (count === 0) break;
      reader.write(piece.subarray(0, count));
    }
    reader.end();
  } finally {
    closeSync(file);
  }
}

/** As redis-server names it, so that a folder's leftovers are known for what they are. */
function temporaryName(target: string): string {
  temporaryCount++;
  return path.join(path.dirname(target), `temp-${process.pid}-${temporaryCount}.rdb`);
}

let temporaryCount = 0;
