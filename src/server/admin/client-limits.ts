import type { Client } from '../command/client.ts';
import type { Server } from '../server.ts';
import { ClientBuckets, clientBytes } from './client-memory.ts';

/** A smaller `maxmemory-clients` is not heeded: nobody could talk to the server (getClientEvictionLimit). */
const MIN_CLIENTS_BYTES = 128 * 1024;
/** Room kept for a request is given up when the rest of it does not come. */
const QUERY_IDLE_MS = 2000;

interface OutputLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softMs: number;
}

/** Ends clients that are idle too long, or do not take what they asked for. */
export class ClientLimits {
  readonly #server: Server;
  /** Since when a client is over its soft limit. */
  readonly #overSince = new Map<Client, number>();
  readonly #buckets = new ClientBuckets();
  #limits: Readonly<Record<string, OutputLimit>> = {};
  #idleMs = 0;
  /** `maxmemory-clients` in bytes, 0 for no limit. */
  #clientsBytes = 0;
  #lastSweepMs = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  attach(): void {
    const server = this.#server;
    server.config.onChange('client-output-buffer-limit', (value) => {
      this.#limits = readLimits(value);
    });
    server.config.onChange('timeout', (value) => {
      this.#idleMs = Number(value) * 1000;
    });
    for (const name of ['maxmemory-clients', 'maxmemory'])
      server.config.onChange(name, () => {
        const { config } = server;
        const wanted = config.number('maxmemory-clients');
        const bytes = wanted < 0 ? Math.floor((config.number('maxmemory') * -wanted) / 100) : wanted;
        this.#clientsBytes = bytes === 0 ? 0 : Math.max(bytes, MIN_CLIENTS_BYTES);
        for (const client of server.clients.values()) this.#account(client);
      });
    server.checkOutputLimit = (client) => {
      this.#checkOutput(client);
      if (!client.isClosed) this.#account(client);
    };
    server.accountClient = (client) => {
      if (client.isClosed) return;
      // Who is over a limit of its own goes first, and may make room enough for the others.
      if (this.#clientsBytes > 0) this.#checkOutput(client);
      if (!client.isClosed) this.#account(client);
      this.#evict();
    };
    server.evictClients = () => this.#evict();
    server.onGone.push((client) => {
      this.#overSince.delete(client);
      this.#buckets.remove(client);
      server.clientBytes -= client.heldBytes;
      client.heldBytes = 0;
    });
    server.onTick.push(() => this.#sweep());
  }

  #sweep(): void {
    const server = this.#server;
    for (const client of this.#overSince.keys()) this.#checkOutput(client);
    for (const client of server.clients.values()) {
      if (server.now - client.lastActiveAt > QUERY_IDLE_MS) client.trimQuery();
      this.#account(client);
    }
    this.#evict();
    if (this.#idleMs === 0 || server.now - this.#lastSweepMs < 1000) return;
    this.#lastSweepMs = server.now;
    for (const client of server.clients.values()) {
      if (client.kind !== 'normal' || client.block !== undefined) continue;
      if (server.now - client.lastActiveAt <= this.#idleMs) continue;
      server.log('verbose', 'Closing idle client');
      client.close(true);
    }
  }

  /** `maxmemory-clients`: the largest clients go first, until all together are below it (evictClients). */
  #evict(): void {
    const server = this.#server;
    const limit = this.#clientsBytes;
    if (limit === 0 || server.clientBytes < limit) return;
    for (const client of this.#buckets.largestFirst()) {
      server.stats.evictedClients += 1;
      server.log(
        'notice',
        `Evicting client: id=${String(client.id)} addr=${client.transport?.peer ?? ''} name=${client.name} tot-mem=${String(client.heldBytes)}`,
      );
      client.close(true);
      if (server.clientBytes < limit) return;
    }
  }

  #account(client: Client): void {
    // `maxmemory-clients` counts these alone; replicas and masters have limits of their own.
    const bytes = client.isOrdinary ? clientBytes(client) : 0;
    this.#server.clientBytes += bytes - client.heldBytes;
    client.heldBytes = bytes;
    if (this.#clientsBytes > 0 && bytes > 0 && !client.isNoEvict) this.#buckets.place(client, bytes);
    else this.#buckets.remove(client);
  }

  /** Replicas are cut by replication itself. */
  #checkOutput(client: Client): void {
    const limit = this.#limits[client.kind === 'pubsub' ? 'pubsub' : 'normal'];
    if (limit === undefined || !client.isOrdinary) return;
    const bytes = (client.transport?.pendingBytes ?? 0) + client.reply.length;
    const isOverSoft = limit.softBytes > 0 && bytes > limit.softBytes;
    if (!isOverSoft) this.#overSince.delete(client);
    const since = this.#overSince.get(client) ?? this.#server.now;
    if (isOverSoft) this.#overSince.set(client, since);
    const isOverHard = limit.hardBytes > 0 && bytes > limit.hardBytes;
    if (!isOverHard && !(isOverSoft && this.#server.now - since > limit.softMs)) return;
    this.#server.log(
      'warning',
      `Client id=${String(client.id)} addr=${client.transport?.peer ?? ''} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    );
    client.close(true);
  }
}

function readLimits(value: string): Record<string, OutputLimit> {
  const words = value.split(' ');
  const limits: Record<string, OutputLimit> = {};
  for (let at = 0; at + 3 < words.length; at += 4)
    limits[words[at] ?? ''] = {
      hardBytes: Number(words[at + 1]),
      softBytes: Number(words[at + 2]),
      softMs: Number(words[at + 3]) * 1000,
    };
  return limits;
}
