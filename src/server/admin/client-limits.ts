import type { Client } from '../command/client.ts';
import type { Server } from '../server.ts';

/** What a watched key costs beyond its name. */
const NAME_BYTES = 80;

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
        this.#clientsBytes = wanted < 0 ? (config.number('maxmemory') * -wanted) / 100 : wanted;
      });
    server.checkOutputLimit = (client) => {
      this.#checkOutput(client);
      if (!client.isClosed) this.#account(client);
    };
    server.accountClient = (client) => {
      if (client.isClosed) return;
      this.#account(client);
      if (this.#clientsBytes > 0 && server.clientBytes > this.#clientsBytes) this.#evict();
    };
    server.onGone.push((client) => {
      this.#overSince.delete(client);
      server.clientBytes -= client.heldBytes;
      client.heldBytes = 0;
    });
    server.onTick.push(() => this.#sweep());
  }

  #sweep(): void {
    const server = this.#server;
    for (const client of this.#overSince.keys()) this.#checkOutput(client);
    for (const client of server.clients.values()) this.#account(client);
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

  /** `maxmemory-clients`: the clients that hold most go first, until all together hold no more than that. */
  #evict(): void {
    const { clients, stats } = this.#server;
    const limit = this.#clientsBytes;
    if (limit === 0 || this.#server.clientBytes <= limit) return;
    const held = [...clients.values()]
      .filter(({ kind, isNoEvict }) => (kind === 'normal' || kind === 'pubsub') && !isNoEvict)
      .map((client) => ({ client, bytes: clientBytes(client) }))
      .sort((a, b) => b.bytes - a.bytes);
    let total = held.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { client, bytes } of held) {
      if (total <= limit) return;
      total -= bytes;
      stats.evictedClients += 1;
      this.#server.log(
        'notice',
        `Evicting client: id=${String(client.id)} addr=${client.transport?.peer ?? ''}`,
      );
      client.close(true);
    }
  }

  #account(client: Client): void {
    if (client.kind === 'replica' || client.kind === 'master') return;
    const bytes = clientBytes(client);
    this.#server.clientBytes += bytes - client.heldBytes;
    client.heldBytes = bytes;
  }

  /** Replicas are cut by replication itself. */
  #checkOutput(client: Client): void {
    const limit = this.#limits[client.kind === 'pubsub' ? 'pubsub' : 'normal'];
    if (limit === undefined || client.kind === 'replica' || client.kind === 'master') return;
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

/** What a client makes the server hold: unread requests, unsent replies, a transaction, names it watches. */
export function clientBytes(client: Client): number {
  const sent = client.transport?.pendingBytes ?? 0;
  return (
    client.queryCapacity + client.reply.buf.length + sent + (client.multi?.bytes ?? 0) + namesBytes(client)
  );
}

function namesBytes({ watched }: Client): number {
  let bytes = 0;
  if (watched !== undefined) for (const name of watched) bytes += name.length + NAME_BYTES;
  return bytes;
}

/** Bytes held for all ordinary clients together. */
export function ordinaryClientBytes(server: Server): number {
  let bytes = 0;
  for (const client of server.clients.values())
    if (client.kind === 'normal' || client.kind === 'pubsub') bytes += clientBytes(client);
  return bytes;
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
