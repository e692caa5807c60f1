import type { Client } from '../command/client.ts';
import type { Server } from '../server.ts';

/** What a connection costs when nothing is under way: measured, 4,000 idle ones. */
const CLIENT_BYTES = 8 * 1024;
/** What a queued command costs beyond its bytes. */
const QUEUED_BYTES = 200;
const SMALLEST_BUCKET = 15;
const LARGEST_BUCKET = 33;

/** What a client makes the server hold: unread requests, unsent replies, a transaction, names it watches or follows. */
export function clientBytes(client: Client): number {
  const sent = client.transport?.pendingBytes ?? 0;
  const { multi, reply } = client;
  return (
    CLIENT_BYTES +
    client.queryCapacity +
    reply.heldBytes +
    sent +
    (multi === undefined ? 0 : multiBytes(client)) +
    client.nameBytes
  );
}

/** What its queued commands hold. */
export function multiBytes({ multi }: Client): number {
  return multi === undefined ? 0 : multi.bytes + multi.queue.length * QUEUED_BYTES;
}

/** Bytes held for all ordinary clients together. */
export function ordinaryClientBytes(server: Server): number {
  let bytes = 0;
  for (const client of server.clients.values()) if (client.isOrdinary) bytes += clientBytes(client);
  return bytes;
}

/**
 * Clients by the power of two that they hold, so that some of the largest are found without looking at all
 * (source: getMemUsageBucket in server.c).
 */
export class ClientBuckets {
  readonly #buckets = Array.from({ length: LARGEST_BUCKET + 1 }, () => new Set<Client>());

  place(client: Client, bytes: number): void {
    const power = Math.floor(Math.log2(bytes)) + 1;
    const bucket = Math.min(Math.max(power, SMALLEST_BUCKET), LARGEST_BUCKET);
    if (client.memoryBucket === bucket) return;
    this.remove(client);
    client.memoryBucket = bucket;
    this.#buckets[bucket]?.add(client);
  }

  remove(client: Client): void {
    if (client.memoryBucket < 0) return;
    this.#buckets[client.memoryBucket]?.delete(client);
    client.memoryBucket = -1;
  }

  /** The largest first, those of one bucket as they came there. Clients may be removed meanwhile. */
  *largestFirst(): Generator<Client> {
    for (let bucket = LARGEST_BUCKET; bucket >= SMALLEST_BUCKET; bucket -= 1)
      yield* this.#buckets[bucket] ?? [];
  }
}
