import { createClient, RESP_TYPES } from 'redis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { poll } from '../../support/poll.ts';
import { onEachEngine } from './on-each-engine.ts';

for (const resp of [2, 3] as const) {
  onEachEngine(`node-redis in RESP${resp}`, (port) => {
    const make = () => createClient({ socket: { host: '127.0.0.1', port: port() }, RESP: resp });
    let client: ReturnType<typeof make>;
    let second: ReturnType<typeof make>;

    beforeAll(async () => {
      client = make();
      second = make();
      for (const each of [client, second]) each.on('error', () => undefined);
      await Promise.all([client.connect(), second.connect()]);
    });
    beforeEach(async () => {
      await client.flushAll();
    });
    afterAll(() => {
      for (const each of [client, second]) each.destroy();
    });

    it('reads and writes all types, as its own types', async () => {
      await client.set('text', 'value', { EX: 10_000 });
      expect(await client.ttl('text')).toBeGreaterThan(9_000);
      expect(await client.set('text', 'other', { NX: true })).toBeNull();
      expect(await client.hSet('hash', { one: '1', two: '2' })).toBe(2);
      expect({ ...(await client.hGetAll('hash')) }).toEqual({ one: '1', two: '2' });
      await client.zAdd('scores', [
        { score: 1.5, value: 'a' },
        { score: Infinity, value: 'b' },
      ]);
      expect(await client.zRangeWithScores('scores', 0, -1)).toEqual([
        { value: 'a', score: 1.5 },
        { value: 'b', score: Infinity },
      ]);
      expect(await client.zIncrBy('scores', 0.25, 'a')).toBe(1.75);
      expect(await client.sAdd('set', ['x', 'y'])).toBe(2);
      expect((await client.sMembers('set')).sort()).toEqual(['x', 'y']);
      expect(await client.sIsMember('set', 'x')).toBeTruthy();
      expect(await client.lPush('list', ['c', 'b', 'a'])).toBe(3);
      expect(await client.lPos('list', 'b')).toBe(1);
      expect(await client.geoAdd('places', { longitude: 13.361389, latitude: 38.115556, member: 'P' })).toBe(
        1,
      );
      const [place] = await client.geoPos('places', 'P');
      expect(Number(place?.longitude)).toBeCloseTo(13.361389, 4);
      expect(await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get('text')).toEqual(
        Buffer.from('value'),
      );
    });

    it('pipelines by itself, and carries out transactions', async () => {
      const replies = await Promise.all(Array.from({ length: 500 }, () => client.incr('count')));
      expect(replies).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
      expect(await client.multi().set('a', '1').incr('a').get('a').exec()).toEqual(['OK', 2, '2']);
      await client.watch('a');
      await second.set('a', '5');
      await expect(client.multi().set('a', '0').exec()).rejects.toThrow(/watch/i);
      expect(await client.get('a')).toBe('5');
    });

    it('hears messages of channels, patterns and shards', async () => {
      const heard: string[] = [];
      const listen = (text: string, channel: string): void => void heard.push(`${channel}=${text}`);
      const subscriber = make();
      await subscriber.connect();
      try {
        await subscriber.subscribe('news', listen);
        await subscriber.pSubscribe('other:*', listen);
        await subscriber.sSubscribe('shard', listen);
        expect(await client.publish('news', '1')).toBe(1);
        expect(await client.publish('other:x', '2')).toBe(1);
        expect(await client.sPublish('shard', '3')).toBe(1);
        await poll('three messages', async () => heard.length === 3);
        expect(heard).toEqual(['news=1', 'other:x=2', 'shard=3']);
        await subscriber.unsubscribe();
        expect(await client.publish('news', '4')).toBe(0);
      } finally {
        subscriber.destroy();
      }
    });

    it('runs scripts and functions', async () => {
      const sum = 'return redis.call("INCRBY", KEYS[1], ARGV[1])';
      expect(await client.eval(sum, { keys: ['n'], arguments: ['3'] })).toBe(3);
      const sha = await client.scriptLoad(sum);
      expect(await client.evalSha(sha, { keys: ['n'], arguments: ['4'] })).toBe(7);
      expect(await client.scriptExists([sha])).toEqual([1]);
      await client.functionLoad(
        "#!lua name=tests\nredis.register_function('echo', function(keys, args) return args end)",
        { REPLACE: true },
      );
      expect(await client.fCall('echo', { keys: [], arguments: ['a', 'b'] })).toEqual(['a', 'b']);
      const [library] = await client.functionList();
      expect(library).toMatchObject({ library_name: 'tests', engine: 'LUA' });
      const dump = await client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).functionDump();
      expect(await client.functionRestore(dump, { mode: 'FLUSH' } as never)).toBe('OK');
    });

    it('reads streams as a group', async () => {
      for (const n of ['1', '2', '3']) await client.xAdd('jobs', `${n}-1`, { n });
      await client.xGroupCreate('jobs', 'workers', '0');
      const read = await client.xReadGroup('workers', 'w', { key: 'jobs', id: '>' }, { COUNT: 2 });
      expect(JSON.parse(JSON.stringify(read))).toEqual([
        {
          name: 'jobs',
          messages: [
            { id: '1-1', message: { n: '1' } },
            { id: '2-1', message: { n: '2' } },
          ],
        },
      ]);
      expect(await client.xAck('jobs', 'workers', ['1-1'])).toBe(1);
      expect(await client.xPending('jobs', 'workers')).toMatchObject({ pending: 1, firstId: '2-1' });
      expect(await client.xInfoStream('jobs')).toMatchObject({ length: 3, groups: 1 });
    });

    it('waits on a connection of its own, and walks the keys', async () => {
      const waiting = second.blPop(['queue'], 0);
      await poll('the client to wait', async () =>
        (await client.info('clients')).includes('blocked_clients:1'),
      );
      await client.rPush('queue', 'now');
      expect({ ...(await waiting) }).toEqual({ key: 'queue', element: 'now' });
      await client.mSet(Array.from({ length: 100 }, (_, index): [string, string] => [`k${index}`, 'v']));
      const seen: string[] = [];
      for await (const keys of client.scanIterator({ MATCH: 'k*' })) seen.push(...keys);
      expect(new Set(seen).size).toBe(100);
    });
  });
}
