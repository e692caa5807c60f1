import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const BATCH = 16;

/**
 * Writers that do what applications do: unique values, every acknowledgement counted, and when the connection breaks
 * or the node is no master any more, find the one that is and go on.
 */
export class WriteLoad {
  readonly acked = new Set<string>();
  private readonly ports: readonly number[];
  private readonly pauseMs: number;
  private isStopped = false;
  private readonly writers: Promise<void>[];

  /** As fast as they can, or with a pause after each batch. */
  constructor(ports: readonly number[], writers = 4, pauseMs = 0) {
    this.ports = ports;
    this.pauseMs = pauseMs;
    this.writers = Array.from({ length: writers }, (_, index) => this.write(index));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.writers);
  }

  /** Acknowledged writes that a node has not got. */
  async missingOn(port: number): Promise<string[]> {
    const client = new Redis(port, '127.0.0.1');
    try {
      const keys = [...this.acked];
      const missing: string[] = [];
      for (let start = 0; start < keys.length; start += 5000) {
        const some = keys.slice(start, start + 5000);
        const values = await client.mget(some);
        missing.push(...some.filter((_, index) => values[index] === null));
      }
      return missing;
    } finally {
      client.disconnect();
    }
  }

  private async write(writer: number): Promise<void> {
    let client: Redis | null = null;
    for (let round = 0; !this.isStopped; round++) {
      client ??= await this.connectToMaster();
      if (client === null) continue;
      const connected = client;
      const keys = Array.from({ length: BATCH }, (_, index) => `w${writer}:${round}:${index}`);
      const results = await Promise.allSettled(keys.map((key) => connected.set(key, key)));
      for (const [index, result] of results.entries()) {
        if (result.status === 'fulfilled' && result.value === 'OK') this.acked.add(keys[index] ?? '');
      }
      if (results.some(({ status }) => status === 'rejected')) {
        client.disconnect();
        client = null;
      }
      if (this.pauseMs > 0) await sleep(this.pauseMs);
    }
    client?.disconnect();
  }

  private async connectToMaster(): Promise<Redis | null> {
    for (const port of this.ports) {
      const client = new Redis({
        port,
        host: '127.0.0.1',
        lazyConnect: true,
        retryStrategy: () => null,
        maxRetriesPerRequest: 0,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        if (/^role:master/m.test(await client.info('replication'))) return client;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
      client.disconnect();
    }
    await sleep(5);
    return null;
  }
}
