import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { poll } from '../../support/poll.ts';
import { onEachEngine } from './on-each-engine.ts';

onEachEngine('ioredis', (port) => {
  const open: Redis[] = [];
  const connect = (): Redis => {
    const made = new Redis(port(), '127.0.0.1');
    open.push(made);
    return made;
  };
  let client: Redis;

  beforeAll(() => {
    client = connect();
  });
  beforeEach(async () => {
    await client.flushall();
  });
  afterAll(() => {
    for (const each of open) each.disconnect();
  });

  it('sends a thousand commands in a pipeline and gets each reply', async () => {
    const batch = client.pipeline();
    for (let index = 0; index < 1000; index += 1) batch.set(`key:${index}`, `value ${index}`).incr('count');
    batch.lpush('key:0', 'x');
    const results = (await batch.exec()) ?? [];
    expect(results).toHaveLength(2001);
    expect(results[1999]).toEqual([null, 1000]);
    expect(results[2000]?.[0]?.message).toMatch(/^WRONGTYPE/);
    expect(await client.mget('key:1', 'key:999', 'none')).toEqual(['value 1', 'value 999', null]);
    expect(await client.dbsize()).toBe(1001);
  });

  it('keeps binary values', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await client.set(bytes, bytes);
    expect(await client.getBuffer(bytes)).toEqual(bytes);
  });

  it('carries out transactions, and none that a watched key spoils', async () => {
    expect(await client.multi().set('a', '1').incr('a').get('a').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
      [null, '2'],
    ]);
    const other = connect();
    await client.watch('a');
    await other.set('a', '7');
    expect(await client.multi().set('a', '0').exec()).toBeNull();
    expect(await client.get('a')).toBe('7');
    await expect(client.multi().call('set', 'a').exec()).rejects.toThrow(/^EXECABORT/);
  });

  it('publishes to channels and patterns', async () => {
    const subscriber = connect();
    const heard: string[] = [];
    subscriber.on('message', (channel, text) => heard.push(`${channel}=${text}`));
    subscriber.on('pmessage', (pattern, channel, text) => heard.push(`${pattern}:${channel}=${text}`));
    expect(await subscriber.subscribe('news', 'other')).toBe(2);
    expect(await subscriber.psubscribe('n*')).toBe(3);
    expect(await client.publish('news', 'first')).toBe(2);
    await subscriber.unsubscribe('news');
    expect(await client.publish('news', 'second')).toBe(1);
    await poll('three messages', async () => heard.length === 3);
    expect(heard).toEqual(['news=first', 'n*:news=first', 'n*:news=second']);
  });

  it('runs scripts of its own, again after the server forgot them', async () => {
    const scripted = connect();
    scripted.defineCommand('addAll', {
      numberOfKeys: 1,
      lua: `local sum = tonumber(redis.call('GET', KEYS[1]) or '0')
            for _, value in ipairs(ARGV) do sum = sum + tonumber(value) end
            redis.call('SET', KEYS[1], sum)
            return {sum, KEYS[1], #ARGV}`,
    });
    const addAll = async (...args: (string | number)[]): Promise<unknown> => {
      const run: unknown = Reflect.get(scripted, 'addAll');
      return typeof run === 'function' ? await (Reflect.apply(run, scripted, args) as Promise<unknown>) : run;
    };
    expect(await addAll('sum', 1, 2, 3)).toEqual([6, 'sum', 3]);
    expect(await addAll('sum', 4)).toEqual([10, 'sum', 1]);
    await client.script('FLUSH');
    expect(await addAll('sum', 5)).toEqual([15, 'sum', 1]);
  });

  it('reads a stream as a group, acknowledges, and claims what another left', async () => {
    for (let index = 1; index <= 5; index += 1) await client.xadd('jobs', `${index}-0`, 'n', String(index));
    await client.xgroup('CREATE', 'jobs', 'workers', '0');
    const first = await client.xreadgroup('GROUP', 'workers', 'w1', 'COUNT', 3, 'STREAMS', 'jobs', '>');
    expect(first).toEqual([
      [
        'jobs',
        [
          ['1-0', ['n', '1']],
          ['2-0', ['n', '2']],
          ['3-0', ['n', '3']],
        ],
      ],
    ]);
    expect(await client.xack('jobs', 'workers', '1-0')).toBe(1);
    const claimed = await client.xautoclaim('jobs', 'workers', 'w2', 0, '0');
    expect(claimed.slice(0, 2)).toEqual([
      '0-0',
      [
        ['2-0', ['n', '2']],
        ['3-0', ['n', '3']],
      ],
    ]);
    const reader = connect();
    const waiting = reader.xread('BLOCK', 0, 'STREAMS', 'jobs', '$');
    await poll('the reader to wait', async () =>
      (await client.info('clients')).includes('blocked_clients:1'),
    );
    await client.xadd('jobs', '9-1', 'late', 'yes');
    expect(await waiting).toEqual([['jobs', [['9-1', ['late', 'yes']]]]]);
  });

  it('waits for list and sorted set elements', async () => {
    const waiter = connect();
    const popped = waiter.blpop('queue', 'urgent', 0);
    await poll('the client to wait', async () =>
      (await client.info('clients')).includes('blocked_clients:1'),
    );
    await client.rpush('urgent', 'now');
    expect(await popped).toEqual(['urgent', 'now']);
    const smallest = waiter.bzpopmin('scores', 0);
    await poll('the client to wait', async () =>
      (await client.info('clients')).includes('blocked_clients:1'),
    );
    await client.zadd('scores', 2, 'two', 1, 'one');
    expect(await smallest).toEqual(['scores', 'one', '1']);
    expect(await waiter.blmove('none', 'elsewhere', 'LEFT', 'RIGHT', 0.05)).toBeNull();
  });

  it('walks the keys and fields by its scan streams', async () => {
    const names = Array.from({ length: 500 }, (_, index) => `scan:${index}`);
    await client.mset(names.flatMap((name) => [name, '1']));
    const seen = new Set<string>();
    for await (const keys of client.scanStream({ match: 'scan:*', count: 50 })) {
      for (const key of keys as string[]) seen.add(key);
    }
    expect([...seen].sort()).toEqual(names.sort());
  });

  it('finds its way back after the connection was killed', async () => {
    const victim = connect();
    victim.on('error', () => undefined);
    const id = await victim.client('ID');
    expect(await client.client('KILL', 'ID', id)).toBe(1);
    await poll('a new connection', async () => (await victim.client('ID').catch(() => id)) !== id);
    expect(await victim.ping()).toBe('PONG');
  });
});
