import { Redis } from 'ioredis';
import { RateLimiterQueue, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { poll } from '../../support/poll.ts';
import { onEachEngine } from './on-each-engine.ts';

onEachEngine('rate-limiter-flexible', (port) => {
  let client: Redis;

  beforeAll(() => {
    client = new Redis(port(), '127.0.0.1', { enableOfflineQueue: true });
  });
  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(() => client.disconnect());

  it('lets through what the limit allows of many at once, and no more', async () => {
    const limiter = new RateLimiterRedis({ storeClient: client, points: 5, duration: 60 });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => limiter.consume('user')));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).toBeInstanceOf(RateLimiterRes);
    expect(refused?.reason).toMatchObject({ remainingPoints: 0 });
    const state = await limiter.get('user');
    expect(state).toMatchObject({ consumedPoints: 20, remainingPoints: 0 });
    expect(state?.msBeforeNext).toBeGreaterThan(1000);
    await expect(limiter.consume('someone else')).resolves.toMatchObject({ remainingPoints: 4 });
  });

  it('opens again when the time is over', async () => {
    const limiter = new RateLimiterRedis({ storeClient: client, points: 1, duration: 1 });
    const both = await Promise.allSettled([limiter.consume('user'), limiter.consume('user')]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const next = await poll('the next window', async () => limiter.consume('user').catch(() => undefined));
    expect(next).toMatchObject({ consumedPoints: 1 });
  });

  it('blocks, rewards, penalises and forgets', async () => {
    const limiter = new RateLimiterRedis({
      storeClient: client,
      points: 2,
      duration: 60,
      blockDuration: 300,
      keyPrefix: 'login',
    });
    await limiter.consume('user', 2);
    await expect(limiter.consume('user')).rejects.toBeInstanceOf(RateLimiterRes);
    expect(await client.ttl('login:user')).toBeGreaterThan(60);
    await limiter.delete('user');
    expect(await limiter.get('user')).toBeNull();
    expect(await limiter.penalty('user', 2)).toMatchObject({ consumedPoints: 2 });
    expect(await limiter.reward('user', 1)).toMatchObject({ consumedPoints: 1 });
    await limiter.block('user', 100);
    await expect(limiter.consume('user')).rejects.toBeInstanceOf(RateLimiterRes);
  });

  it('makes requests wait for their turn', async () => {
    const limiter = new RateLimiterRedis({ storeClient: client, points: 2, duration: 1 });
    const queue = new RateLimiterQueue(limiter);
    const startedAt = Date.now();
    await Promise.all(Array.from({ length: 4 }, () => queue.removeTokens(1, 'user')));
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(900);
  });
});
