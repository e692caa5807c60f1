import {
  closeSync,
  createWriteStream,
  fsyncSync,
  openSync,
  promises,
  readSync,
  renameSync,
  rmSync,
  writeSync,
  type WriteStream,
} from 'node:fs';
import path from 'node:path';
import type { RdbReader } from '../rdb/rdb-reader.ts';
import type { EmitPiece } from '../rdb/rdb-writer.ts';

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
  readonly #stream: WriteStream | undefined;
  #isOver = false;

  constructor(target: string, events: FileSinkEvents) {
    this.#target = target;
    this.#temporary = temporaryName(target);
    this.#events = events;
    this.#stream = this.#open();
  }

  /** Opens at once, so that no file can appear after the work was given up. A failure is told in a later turn. */
  #open(): WriteStream | undefined {
    try {
      const fd = openSync(this.#temporary, 'w', 0o600);
      const stream = createWriteStream(this.#temporary, { fd, flush: true, highWaterMark: 1 << 20 });
      stream.on('drain', () => this.#events.paused(false));
      stream.on('error', (error) => this.#fail(error));
      return stream;
    } catch (error) {
      process.nextTick(() => this.#fail(error));
      return undefined;
    }
  }

  /** `taken` is called when the piece is with the kernel. */
  write(piece: Uint8Array, taken: () => void): void {
    if (!this.#isOver && this.#stream?.write(piece, taken) === false) this.#events.paused(true);
  }

  end(): void {
    if (this.#isOver || this.#stream === undefined) return;
    this.#stream.end();
    this.#stream.once('close', () => {
      if (this.#isOver) return;
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
    this.#stream?.destroy();
    rmSync(this.#temporary, { force: true });
  }

  fail(reason: string): void {
    this.#fail(new Error(reason));
  }

  #finish(): void {
    this.#isOver = true;
    this.#events.done();
  }

  async #putInPlace(): Promise<void> {
    await promises.rename(this.#temporary, this.#target);
    const folder = await promises.open(path.dirname(this.#target), 'r');
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
export function writeRdbFileSync(target: string, write: (emit: EmitPiece) => void): void {
  const temporary = temporaryName(target);
  const file = openSync(temporary, 'w', 0o600);
  try {
    write((piece, giveBack) => {
      for (let at = 0; at < piece.length;) at += writeSync(file, piece, at);
      giveBack();
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

/** Work on a file in steps: yields the bytes dealt with, so that its driver may let others work in between. */
export type FileSteps<T> = Generator<number, T, undefined>;

/** Hands a file to `take`, piece by piece. Throws what the disk says. */
export function* readPieces(name: string, take: (piece: Buffer) => void): FileSteps<void> {
  const file = openSync(name, 'r');
  try {
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(READ_BYTES);
      const count = readSync(file, piece, 0, READ_BYTES, null);
      if (count === 0) return;
      take(piece.subarray(0, count));
      yield count;
    }
  } finally {
    closeSync(file);
  }
}

/** Reads a dump file into the reader. Throws `RdbError`, or what the disk says. */
export function* readRdbFile(name: string, reader: RdbReader): FileSteps<void> {
  yield* readPieces(name, (piece) => reader.write(piece));
  reader.end();
}

/** Takes the steps with pauses in which clients are served. `progress` hears the bytes of each. */
export async function runWithPauses<T>(steps: FileSteps<T>, progress: (bytes: number) => void): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    progress(step.value);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes the steps without a pause, for commands that answer when all is done. */
export function runAtOnce<T>(steps: FileSteps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As redis-server names it, so that a folder's leftovers are known for what they are. */
function temporaryName(target: string): string {
  temporaryCount++;
  return path.join(path.dirname(target), `temp-${process.pid}-${temporaryCount}.rdb`);
}

let temporaryCount = 0;
