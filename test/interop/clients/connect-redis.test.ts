import { RedisStore } from 'connect-redis';
import type { SessionData } from 'express-session';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { poll } from '../../support/poll.ts';
import { onEachEngine } from './on-each-engine.ts';

onEachEngine('connect-redis', (port) => {
  const make = () => createClient({ socket: { host: '127.0.0.1', port: port() } });
  let client: ReturnType<typeof make>;
  let store: RedisStore;
  const session = (user: string, maxAge = 600_000): SessionData => ({
    cookie: { maxAge, expires: new Date(Date.now() + maxAge) },
    user,
  });

  beforeAll(async () => {
    client = make();
    await client.connect();
    store = new RedisStore({ client, prefix: 'session:', ttl: 100 });
  });
  beforeEach(async () => {
    await client.flushAll();
  });
  afterAll(() => client.destroy());

  it('keeps a session and gives it back', async () => {
    await store.set('abc', session('anna'));
    expect(await store.get('abc')).toMatchObject({ user: 'anna' });
    expect(await client.ttl('session:abc')).toBeGreaterThan(500);
    expect(await store.get('unknown')).toBeNull();
    await store.destroy('abc');
    expect(await store.get('abc')).toBeNull();
  });

  it('keeps a session alive that is touched, and lets go of one that is not', async () => {
    await store.set('short', session('bert', 1000));
    await store.set('touched', session('carl', 30_000));
    await store.touch('touched', session('carl', 300_000));
    expect(await client.ttl('session:touched')).toBeGreaterThan(30);
    await poll('the session to end', async () => (await store.get('short')) === null);
    expect(await store.get('touched')).toMatchObject({ user: 'carl' });
  });

  it('lists, counts and clears what is its own', async () => {
    await client.set('not a session', '1');
    for (let index = 0; index < 250; index += 1) await store.set(`id${index}`, session(`user ${index}`));
    expect(await store.length()).toBe(250);
    expect(((await store.ids()) as string[]).length).toBe(250);
    const all = (await store.all()) as { readonly id: string; readonly user: string }[];
    expect(new Set(all.map(({ user }) => user)).size).toBe(250);
    await store.clear();
    expect(await store.length()).toBe(0);
    expect(await client.get('not a session')).toBe('1');
  });
});
