import type { Client } from '../command/client.ts';
import type { Transport } from '../net/transport.ts';
import type { Server } from '../server.ts';
import type { StreamApplier } from './ports.ts';

export interface MasterStreamPorts {
  /** Address of the master, as CLIENT LIST shows it. */
  readonly peer: () => string;
  /** CLIENT KILL: the link is to be cut. */
  readonly cut: () => void;
}

/**
 * Executes a master's stream through a client of its own kind: obeyed without gates, never answered. A transaction
 * counts as applied only with its EXEC, so that a cut inside it is repaired by receiving it again from MULTI on.
 */
export class MasterStream implements StreamApplier {
  readonly #server: Server;
  readonly #ports: MasterStreamPorts;
  #client: Client | undefined;
  #transport: LinkedTransport | undefined;
  #appliedOffset = 0;
  #selectedDb = 0;
  /** Bytes of commands queued behind a MULTI. */
  #queuedBytes = 0;

  constructor(server: Server, ports: MasterStreamPorts) {
    this.#server = server;
    this.#ports = ports;
  }

  get appliedOffset(): number {
    return this.#appliedOffset;
  }

  get selectedDb(): number {
    return this.#client?.dbIndex ?? this.#selectedDb;
  }

  restart(offset: number, db: number | null): void {
    const selectedDb = db ?? this.selectedDb;
    if (this.#transport !== undefined) this.#transport.isMuted = true;
    this.#client?.close();
    const transport = new LinkedTransport(this.#ports);
    const client = this.#server.createClient(transport);
    client.kind = 'master';
    client.isTrusted = true;
    client.isSilent = true;
    client.dbIndex = selectedDb;
    client.appliedListener = { applied: (_buf, start, end) => this.#applied(client, end - start) };
    this.#client = client;
    this.#transport = transport;
    this.#appliedOffset = offset;
    this.#selectedDb = selectedDb;
    this.#queuedBytes = 0;
  }

  /** Shows the master among the clients while the link is up. */
  show(isUp: boolean): void {
    const client = this.#client;
    if (client === undefined || client.isClosed) return;
    if (isUp) this.#server.clients.set(client.id, client);
    else this.#server.clients.delete(client.id);
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

/** What the master's client holds for a connection: nothing is answered on it, and killing it cuts the link. */
class LinkedTransport implements Transport {
  readonly pendingBytes = 0;
  readonly local = '';
  readonly fd = -1;
  readonly isUnixSocket = false;
  isMuted = false;
  readonly #ports: MasterStreamPorts;

  constructor(ports: MasterStreamPorts) {
    this.#ports = ports;
  }

  get peer(): string {
    return this.#ports.peer();
  }

  write(): void {}

  writeNow(_bytes: Uint8Array, length: number): number {
    return length;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.close();
  }

  close(): void {
    if (this.isMuted) return;
    this.isMuted = true;
    this.#ports.cut();
  }
}
