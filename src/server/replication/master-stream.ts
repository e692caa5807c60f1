import type { Client } from '../command/client.ts';
import type { Server } from '../server.ts';
import type { StreamApplier } from './ports.ts';

/**
 * Executes a master's stream through a client of its own kind: obeyed without gates, never answered. A transaction
 * counts as applied only with its EXEC, so that a cut inside it is repaired by receiving it again from MULTI on.
 */
export class MasterStream implements StreamApplier {
  readonly #server: Server;
  #client: Client | undefined;
  #appliedOffset = 0;
  #selectedDb = 0;
  /** Bytes of commands queued behind a MULTI. */
  #queuedBytes = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  get appliedOffset(): number {
    return this.#appliedOffset;
  }

  get selectedDb(): number {
    return this.#client?.dbIndex ?? this.#selectedDb;
  }

  restart(offset: number, db: number | null): void {
    const selectedDb = db ?? this.selectedDb;
    this.#client?.close();
    const client = this.#server.connect();
    client.kind = 'master';
    client.isTrusted = true;
    client.isSilent = true;
    client.dbIndex = selectedDb;
    client.appliedListener = { applied: (_buf, start, end) => this.#applied(client, end - start) };
    this.#client = client;
    this.#appliedOffset = offset;
    this.#selectedDb = selectedDb;
    this.#queuedBytes = 0;
  }

  feed(chunk: Uint8Array): number {
    const client = this.#client;
    if (client === undefined) throw new Error('a stream must be started before it is fed');
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#server.receive(client, bytes, 0, bytes.length);
    return this.#appliedOffset;
  }

  #applied(client: Client, bytes: number): void {
    // A stream that was restarted meanwhile speaks for itself.
    if (client !== this.#client) return;
    this.#queuedBytes += bytes;
    if (client.multi !== undefined) return;
    this.#appliedOffset += this.#queuedBytes;
    this.#queuedBytes = 0;
  }
}
