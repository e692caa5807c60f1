import { Redis } from 'ioredis';
import Redlock, { type Lock } from 'redlock';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { onEachEngine } from './on-each-engine.ts';

onEachEngine('redlock', (port) => {
  let client: Redis;
  const locker = (retryCount = 2_000): Redlock =>
    new Redlock([client], { retryCount, retryDelay: 20, retryJitter: 20 });

  beforeAll(() => {
    client = new Redis(port(), '127.0.0.1');
  });
  afterAll(() => client.disconnect());

  it('lets one of many hold a lock at a time', async () => {
    let holders = 0;
    let most = 0;
    const hold = async (): Promise<void> => {
      const lock = await locker().lock('shared', 20_000);
      holders += 1;
      most = Math.max(most, holders);
      await client.incr('held');
      holders -= 1;
      await lock.unlock();
    };
    await Promise.all(Array.from({ length: 8 }, hold));
    expect(most).toBe(1);
    expect(await client.get('held')).toBe('8');
    expect(await client.exists('shared')).toBe(0);
  });

  it('refuses a lock that another holds, extends it, and releases only its own', async () => {
    const lock = await locker().lock(['a', 'b'], 20_000);
    await expect(Promise.resolve(locker(0).lock('b', 1000))).rejects.toMatchObject({ name: 'LockError' });
    const longer: Lock = await lock.extend(60_000);
    expect(await client.pttl('a')).toBeGreaterThan(20_000);
    await client.set('a', 'someone else');
    await client.set('b', 'someone else');
    await expect(Promise.resolve(longer.unlock())).rejects.toMatchObject({ name: 'LockError' });
    expect(await client.mget('a', 'b')).toEqual(['someone else', 'someone else']);
  });

  it('gets a lock whose holder let it run out', async () => {
    const forgotten = await locker().lock('left', 300);
    const next = await locker().lock('left', 20_000);
    expect(next.value).not.toBe(forgotten.value);
    expect(Date.now()).toBeGreaterThanOrEqual(forgotten.expiration - 10);
    await next.unlock();
  });
});
