import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import path from 'node:path';
import { unlinkFile } from '../unlink-file.ts';
import type { Spool } from './ports.ts';

/** An RDB on its way to replicas that must be told its length first: a file of ours, gone when the last has it. */
export class SpoolFile implements Spool {
  static #count = 0;
  readonly #name: string;
  readonly #file: number;
  #lengthBytes = 0;
  #isOpen = true;

  /** Throws what the disk says. */
  constructor(folder: string) {
    SpoolFile.#count += 1;
    this.#name = path.join(folder, `temp-repl-${process.pid}-${SpoolFile.#count}.rdb`);
    this.#file = openSync(this.#name, 'w+', 0o600);
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) at += writeSync(this.#file, chunk, at, chunk.length - at);
    this.#lengthBytes += chunk.length;
  }

  read(offset: number, maxBytes: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(Math.min(maxBytes, this.#lengthBytes - offset));
    const count = readSync(this.#file, bytes, 0, bytes.length, offset);
    return bytes.subarray(0, count);
  }

  discard(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    unlinkFile(this.#name);
    closeSync(this.#file);
  }
}
