import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import { compareAtCut, type CutComparison } from '../../src/apply/compare-at-cut.ts';
import type { Member } from '../../src/apply/settle-suspects.ts';
import { connect } from '../../src/observe/client.ts';
import { hasEngine } from '../support/engines.ts';
import { awaitInSync, follow, readInfo, startNode, type ReplicationNode } from './replication-nodes.ts';

const CUTS = 8;
/** By each of three writers meanwhile, at least. */
const WRITES = 1_000;

/** `a`, with the replicas `b` and `d`, and `c` below `b`; a redis-server follows too where there is one. */
describe('digests at one point of the stream', () => {
  const nodes: ReplicationNode[] = [];
  const members: Member[] = [];
  let real: ReplicationNode | null = null;

  beforeAll(async () => {
    for (const id of ['a', 'b', 'c', 'd']) {
      const node = await startNode('bundled');
      nodes.push(node);
      const endpoint = { id, host: '127.0.0.1', port: node.port, tls: null, auth: { user: null } };
      const client = await connect(endpoint, { password: null, timeoutMs: 20_000 });
      members.push({ id, client, readsExpiryTimes: true, isBundled: true });
    }
    const [a, b, c, d] = nodes;
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('no nodes');
    await follow(b, a.port);
    await follow(d, a.port);
    await awaitInSync(a, [b, d]);
    await follow(c, b.port);
    if (hasEngine('redis')) {
      real = await startNode('redis');
      await follow(real, a.port);
    }
    await awaitInSync(a, real === null ? [b, c, d] : [b, c, d, real]);
  });
  afterAll(async () => {
    for (const { client } of members) client.close();
    for (const node of [...nodes, ...(real === null ? [] : [real])]) await node.stop();
  });

  const compare = (timeoutMs = 20_000): Promise<CutComparison | null> => {
    const [master, ...replicas] = members;
    if (master === undefined) throw new Error('no master');
    const { signal } = new AbortController();
    return compareAtCut(master, replicas, { sample: null, timeoutMs, signal, onProgress: () => undefined });
  };
  const node = (index: number): ReplicationNode => {
    const found = nodes[index];
    if (found === undefined) throw new Error(`no node ${index}`);
    return found;
  };

  it('raise no false alarm at full write load, and find what was changed beside the stream', async () => {
    const load = [1, 2, 3].map((seed) => new Load(node(0).port, seed));
    const offsets: number[] = [];
    while (offsets.length < CUTS || load.some(({ written }) => written < WRITES)) {
      const found = await compare();
      expect(found?.differences, `cut ${offsets.length}`).toEqual([]);
      offsets.push(found?.cut.offset ?? NaN);
    }
    expect(offsets.toSorted((x, y) => x - y)).toEqual(offsets);
    const replica = node(2).client;
    await replica.config('SET', 'replica-read-only', 'no');
    await replica.select(5);
    await replica.set('extra', '1');
    await replica.select(0);
    await replica.set('calm', 'altered');
    await replica.pexpire('calm:expiring', 1_000_000);
    const found = await compare();
    await Promise.all(load.map((writer) => writer.stop()));
    expect(
      found?.differences.map(({ node: id, database, key, what }) => [id, database, String(key), what]),
    ).toEqual(
      expect.arrayContaining([
        ['c', 5, 'extra', 'extra'],
        ['c', 0, 'calm', 'value'],
        ['c', 0, 'calm:expiring', 'expiry'],
      ]),
    );
    expect(found?.differences).toHaveLength(3);
    await replica.select(5);
    await replica.del('extra');
    await replica.select(0);
    await node(0).client.set('calm', 'as it was');
    await node(0).client.del('calm:expiring');
    if (real !== null) {
      await awaitInSync(node(0), [real]);
      expect((await readInfo(real)).get('master_link_status')).toBe('up');
    }
  });

  it('are not to be had while writes are paused or inside a transaction', async () => {
    const { client } = node(0);
    await client.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    expect(await compare()).toBeNull();
    await client.call('CLIENT', 'UNPAUSE');
    const replies = await client.multi().call('DEBUG', 'DIGEST-CUT', 'BEGIN', 'a', '1').exec();
    expect(String(replies?.[0]?.[0])).toContain('not for transactions');
    expect((await compare())?.differences).toEqual([]);
  });

  it('are given up when a replica does not come to the place', async () => {
    await node(3).client.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    await expect(compare(300)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await node(3).client.call('CLIENT', 'UNPAUSE');
    expect((await compare())?.differences).toEqual([]);
  });

  it('list all that is missing, over several replies', async () => {
    const names = Array.from({ length: 2_500 }, (_, index) => `many:${index}`);
    await node(0).client.mset(Object.fromEntries(names.map((name) => [name, 'v'])));
    expect((await compare())?.differences).toEqual([]);
    await node(2).client.flushall();
    const found = await compare();
    expect(new Set(found?.differences.map(({ node: id, what }) => `${id} ${what}`))).toEqual(
      new Set(['c missing']),
    );
    expect(found?.differences).toHaveLength(found?.compared ?? NaN);
    expect(found?.compared).toBeGreaterThan(2_500);
  });
});

/** Writes what makes a stream difficult, as fast as it can: effects told otherwise, units of many, several databases. */
class Load {
  written = 0;
  private readonly client: Redis;
  private readonly running: Promise<void>;
  private isStopped = false;
  private state: number;

  constructor(port: number, seed: number) {
    this.state = seed;
    this.client = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
    this.running = this.run();
  }

  stop(): Promise<void> {
    this.isStopped = true;
    return this.running;
  }

  private below(n: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) | 0;
    return (this.state >>> 8) % n;
  }

  private async run(): Promise<void> {
    const { client } = this;
    await client.set('calm', 'as it was');
    await client.set('calm:expiring', 'v', 'PX', 3_600_000);
    await client.call('XGROUP', 'CREATE', 'stream', 'group', '0', 'MKSTREAM').catch(() => null);
    while (!this.isStopped) {
      const pipeline = client.pipeline();
      for (let left = 40; left > 0; left -= 1) this.step(pipeline, this.written++);
      await pipeline.exec();
    }
    client.disconnect();
  }

  private step(pipeline: ReturnType<Redis['pipeline']>, n: number): void {
    const key = this.below(200);
    const steps: (() => unknown)[] = [
      () => pipeline.set(`short:${key}`, String(n), 'PX', 1 + this.below(60)),
      () => pipeline.get(`short:${key}`),
      () => pipeline.set(`key:${key}`, 'x'.repeat(this.below(200))),
      () => pipeline.append(`key:${key}`, 'y'),
      () => pipeline.sadd('members', n, n + 1, n + 2).spop('members', 2),
      () =>
        pipeline.zadd('large', this.below(100), `m${this.below(3_000)}`).zremrangebyrank('large', 2_500, -1),
      () => pipeline.lpush('list', n, 'y').ltrim('list', 0, 900),
      () => pipeline.hincrbyfloat('hash', `f${this.below(700)}`, 0.1),
      () => pipeline.xadd('stream', 'MAXLEN', '~', 100, '*', 'f', n),
      () => pipeline.call('XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', 2, 'STREAMS', 'stream', '>'),
      () => pipeline.select(this.below(3)),
      () =>
        pipeline
          .call('MULTI')
          .set(`a:${key}`, n)
          .select(4)
          .incr('sum')
          .select(0)
          .spop('members')
          .call('EXEC'),
      () => pipeline.eval(SCRIPT, 2, `s:${key}`, 'members', n),
      () => pipeline.rename(`key:${key}`, `key:${key + 1}`),
      () => pipeline.move(`a:${key}`, 6).select(6).del(`a:${key}`).select(0),
      () => pipeline.pexpire(`key:${key}`, this.below(50)),
      () => this.below(40) === 0 && pipeline.swapdb(1, 2),
      () => this.below(40) === 0 && pipeline.select(1).flushdb().select(0),
      () => this.below(40) === 0 && pipeline.call('WAIT', 1, 1),
    ];
    steps[this.below(steps.length)]?.();
  }
}

const SCRIPT = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', 20)
redis.call('SELECT', 3)
redis.call('INCR', 'scripted')
redis.call('SELECT', 0)
redis.call('SPOP', KEYS[2])
return redis.call('SADD', KEYS[2], ARGV[1])`;
