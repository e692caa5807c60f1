import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const REPLY_TIMEOUT_MS = 300;

/** Looks again and again how many nodes say that they are master. */
export class MasterWatch {
  private isStopped = false;
  private readonly watching: Promise<number>;

  constructor(ports: readonly number[]) {
    this.watching = this.watch(ports);
  }

  /** The most at any time. */
  stop(): Promise<number> {
    this.isStopped = true;
    return this.watching;
  }

  private async watch(ports: readonly number[]): Promise<number> {
    let most = 0;
    while (!this.isStopped) {
      await sleep(5);
      const roles = await Promise.all(ports.map(readRole));
      // Two answers are never from the same instant: only what is said twice in a row counts.
      if (roles.filter((role) => role === 'master').length > 1) {
        const again = await Promise.all(ports.map(readRole));
        most = Math.max(
          most,
          again.filter((role, index) => role === 'master' && roles[index] === role).length,
        );
      }
    }
    return most;
  }
}

/** null when it is down or stopped, or cuts its clients off since it was demoted. */
async function readRole(port: number): Promise<string | null> {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: REPLY_TIMEOUT_MS,
    commandTimeout: REPLY_TIMEOUT_MS,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return /^role:(\w+)/m.exec(await client.info('replication'))?.[1] ?? null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  } finally {
    client.disconnect();
  }
}
