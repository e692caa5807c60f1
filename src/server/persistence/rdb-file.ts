import {
  close,
  closeSync,
  fsync,
  fsyncSync,
  openSync,
  promises,
  readSync,
  renameSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { RdbReader } from '../rdb/rdb-reader.ts';
import type { EmitPiece } from '../rdb/rdb-writer.ts';

const READ_BYTES = 256 * 1024;
/** So much may wait for the disk before the walk pauses. */
const HIGH_WATER_BYTES = 1024 * 1024;

export interface FileSinkEvents {
  /** The disk lags behind: stop, or go on again. */
  readonly paused: (isPaused: boolean) => void;
  /** The file is in place. */
  readonly done: () => void;
  /** It is not, and what was there before still is. */
  readonly failed: (error: Error) => void;
}

interface Lent {
  readonly piece: Uint8Array;
  readonly taken: () => void;
}

/**
 * Writes an RDB under a temporary name in the same folder and puts it in place when it is complete and on disk, so
 * that a failure at any moment leaves the old file as it was. Threads of the pool do the writing; Node's streams would
 * be loaded for it in the midst of the first BGSAVE, which takes 7 ms.
 */
export class RdbFileSink {
  readonly #target: string;
  readonly #temporary: string;
  readonly #events: FileSinkEvents;
  readonly #file: number | undefined;
  readonly #queue: Lent[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #isPaused = false;
  #isEnding = false;
  #isOver = false;

  constructor(target: string, events: FileSinkEvents) {
    this.#target = target;
    this.#temporary = temporaryName(target);
    this.#events = events;
    this.#file = this.#open();
  }

  /** Opens at once, so that no file can appear after the work was given up. A failure is told in a later turn. */
  #open(): number | undefined {
    try {
      return openSync(this.#temporary, 'w', 0o600);
    } catch (error) {
      process.nextTick(() => this.#fail(error));
      return undefined;
    }
  }

  /** `taken` is called when the piece is with the kernel. */
  write(piece: Uint8Array, taken: () => void): void {
    if (this.#isOver || this.#file === undefined) return;
    this.#queue.push({ piece, taken });
    this.#queuedBytes += piece.length;
    if (this.#queuedBytes >= HIGH_WATER_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#events.paused(true);
    }
    if (!this.#isWriting) this.#writeFirst(this.#file, 0);
  }

  end(): void {
    if (this.#isOver || this.#file === undefined) return;
    this.#isEnding = true;
    if (!this.#isWriting) this.#complete(this.#file);
  }

  /** Gives the file up; the events hear nothing more. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    rmSync(this.#temporary, { force: true });
    // A thread that writes has to be done with it first.
    if (this.#file !== undefined && !this.#isWriting) close(this.#file, ignore);
  }

  fail(reason: string): void {
    this.#fail(new Error(reason));
  }

  /** Writes the first piece of the queue from `from` on, and then the next. */
  #writeFirst(file: number, from: number): void {
    const [first] = this.#queue;
    if (first === undefined) {
      this.#drained(file);
      return;
    }
    const { piece, taken } = first;
    this.#work(
      file,
      (done) => write(file, piece, from, piece.length - from, null, done),
      (count) => {
        const to = from + count;
        if (to < piece.length) {
          this.#writeFirst(file, to);
          return;
        }
        this.#queue.shift();
        this.#queuedBytes -= piece.length;
        taken();
        this.#writeFirst(file, 0);
      },
    );
  }

  #drained(file: number): void {
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#events.paused(false);
    }
    if (this.#isEnding && !this.#isWriting) this.#complete(file);
  }

  #complete(file: number): void {
    this.#work(
      file,
      (done) => fsync(file, (error) => done(error, 0)),
      () => {
        // From here on nobody else is to close it.
        this.#isWriting = true;
        close(file, (error) => {
          if (this.#isOver) return;
          if (error !== null) {
            this.#fail(error);
            return;
          }
          this.#putInPlace().then(
            () => this.#finish(),
            (reason: unknown) => this.#fail(reason),
          );
        });
      },
    );
  }

  /** Lets a thread of the pool do something with the file, one at a time. */
  #work(
    file: number,
    begin: (done: (error: Error | null, count: number) => void) => void,
    goOn: (count: number) => void,
  ): void {
    this.#isWriting = true;
    begin((error, count) => {
      this.#isWriting = false;
      if (this.#isOver) close(file, ignore);
      else if (error !== null) this.#fail(error);
      else goOn(count);
    });
  }

  #finish(): void {
    if (this.#isOver) return;
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

/** The file is given up: what closing it says is of no use. */
function ignore(): void {}

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
