import {
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';

export type FsyncPolicy = 'always' | 'everysec' | 'no';

const INITIAL_BYTES = 64 * 1024;
const MAX_KEPT_BYTES = 1024 * 1024;
/** How long writing waits for a sync in progress, which would block it, before it goes ahead all the same. */
const MAX_POSTPONE_MS = 2000;

/**
 * The open increment of the log: gathers commands, writes them, syncs them.
 *
 * `append` only copies. `write` hands all gathered bytes to the kernel in one piece (a kill of the process loses
 * nothing written), `syncNow` and `syncSoon` bring them to the disk.
 */
export class AofAppender {
  /** Bytes in the file, without those only gathered. */
  size: number;
  /** Why the last write failed; cleared by one that succeeds. */
  lastError: Error | undefined;
  #file: number;
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;
  #isSyncing = false;
  #isUnsynced = false;
  #postponedSinceMs = -1;
  #isClosed = false;

  /** Opens the file for appending, making it if need be. Throws what the disk says. */
  constructor(name: string) {
    this.#file = openSync(name, 'a', 0o644);
    this.size = fstatSync(this.#file).size;
  }

  get pendingBytes(): number {
    return this.#length;
  }

  /** Whether something written isn't known to be on disk. */
  get isUnsynced(): boolean {
    return this.#isUnsynced;
  }

  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#length + length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#length);
    this.#length += length;
  }

  /**
   * Writes what was gathered. Answers false when it could not (`lastError` says why); then the file ends where it did
   * before and the bytes are still gathered.
   */
  write(): boolean {
    if (this.#length === 0) return true;
    let written = 0;
    try {
      while (written < this.#length) {
        written += writeSync(this.#file, this.#buffer, written, this.#length - written);
      }
    } catch (error) {
      this.lastError = error instanceof Error ? error : new Error(String(error));
      this.#undo(written);
      return false;
    }
    this.lastError = undefined;
    this.size += this.#length;
    this.#length = 0;
    this.#isUnsynced = true;
    this.#postponedSinceMs = -1;
    if (this.#buffer.length > MAX_KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    return true;
  }

  /** `write`, but not while a sync is in progress, for at most two seconds; answers false then. */
  writeUnlessSyncing(nowMs: number): boolean {
    if (!this.#isSyncing || this.#length === 0) return this.write();
    if (this.#postponedSinceMs < 0) this.#postponedSinceMs = nowMs;
    if (nowMs - this.#postponedSinceMs < MAX_POSTPONE_MS) return false;
    return this.write();
  }

  /** Brings everything written to the disk before it returns. Throws what the disk says. */
  syncNow(): void {
    if (!this.#isUnsynced) return;
    fdatasyncSync(this.#file);
    this.#isUnsynced = false;
  }

  /** Brings what is written now to the disk beside other work, one such at a time. `done` hears the outcome. */
  syncSoon(done: (error: Error | null) => void): void {
    if (!this.#isUnsynced || this.#isSyncing || this.#isClosed) return;
    this.#isSyncing = true;
    this.#isUnsynced = false;
    fdatasync(this.#file, (error) => {
      this.#isSyncing = false;
      if (error !== null) this.#isUnsynced = true;
      if (this.#isClosed) close(this.#file);
      else done(error);
    });
  }

  /** Closes once everything written is on disk, without waiting for it. `done` hears what the disk said. */
  retire(done: (error: Error | null) => void): void {
    this.#isClosed = true;
    if (this.#isSyncing) return;
    fdatasync(this.#file, (error) => {
      close(this.#file);
      done(error);
    });
  }

  /** Closes without writing what is only gathered. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isSyncing) closeSync(this.#file);
  }

  /** Takes back what a failed write left: half a command would make the log unreadable. */
  #undo(written: number): void {
    if (written === 0) return;
    try {
      ftruncateSync(this.#file, this.size);
    } catch {
      // The part that was written has to stay; what follows must continue it.
      this.#buffer.copyWithin(0, written, this.#length);
      this.#length -= written;
      this.size += written;
    }
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + length));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
