import type { Spool } from '../../src/server/replication/ports.ts';

/** In memory, on a disk that is full when `isFull` says so. */
export class MemorySpool implements Spool {
  #bytes = Buffer.alloc(0);
  readonly #isFull: () => boolean;

  constructor(isFull: () => boolean = () => false) {
    this.#isFull = isFull;
  }

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  write(chunk: Uint8Array): void {
    if (this.#isFull()) throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  read(offset: number, maxBytes: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + maxBytes);
  }

  discard(): void {
    this.#bytes = Buffer.alloc(0);
  }
}
