import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../src/show/verify-report.ts';
import { treeYaml } from '../support/applied-tree.ts';
import { Deployment } from '../support/deployment.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';

/** A million by hand: `REPLCTL_VERIFY_KEYS=1000000`. */
const KEYS =
  process.env['REPLCTL_VERIFY_KEYS'] === undefined ? null : Number(process.env['REPLCTL_VERIFY_KEYS']);
/** 2100 */
const EXPIRY = 4_102_444_800_000;

describe.each(ENGINES)('replctl verify on %s', (engine) => {
  let deployment: Deployment | null = null;
  afterEach(async () => {
    await deployment?.destroy();
    deployment = null;
  });

  /** A master `a` and its replica `b`. */
  async function pair(config?: string): Promise<{ d: Deployment; a: number; b: number }> {
    const [a = 0, b = 0] = await freePorts(2);
    const tree = new Map([
      [a, null],
      [b, a],
    ]);
    const d = new Deployment(treeYaml(engine, tree, config));
    deployment = d;
    await d.ok('up');
    return { d, a, b };
  }

  it.runIf(hasEngine(engine))(
    'finds what was changed beside the stream, and only that, while writes go on',
    async () => {
      const { d, a, b } = await pair();
      const master = d.client(a);
      await master.connect();
      await master.set('string', 'v', 'PX', 3_600_000);
      await master.rpush('list', 'a', 'b');
      await master.sadd('set', 'a', 'b', 'c');
      await master.zadd('zset', '0.1', 'a', '1e300', 'b');
      await master.hset('hash', 'f', 'v', 'g', 'w');
      await master.xadd('stream', '1-1', 'f', 'v');
      await master.xgroup('CREATE', 'stream', 'group', '0');
      await master.select(2);
      await master.set(Buffer.from([255, 0, 254]), 'binary key');
      await d.converged(a, [b]);
      const writer = d.client(a);
      await writer.connect();
      const load = setInterval(() => {
        for (let index = 0; index < 50; index++) void writer.incr(`hot:${index}`);
      }, 5);
      const calm = await d.run(['verify', '--json']);
      clearInterval(load);
      expect(calm.code, calm.stdout + calm.stderr).toBe(0);
      const { isSame, differences: none, cut } = JSON.parse(calm.stdout) as VerifyReport;
      expect({ isSame, none, isAtOnePoint: cut !== null }).toEqual({
        isSame: true,
        none: [],
        isAtOnePoint: engine === 'bundled',
      });

      await d.converged(a, [b]);
      const replica = d.client(b);
      await replica.connect();
      await replica.config('SET', 'replica-read-only', 'no');
      await replica.pexpire('string', 1_800_000);
      await replica.hset('hash', 'f', 'altered');
      await replica.del('list');
      await replica.set('extra', '1');
      await replica.select(2);
      await replica.set(Buffer.from([255, 0, 254]), 'altered');
      const found = await d.run(['verify', '--json']);
      expect(found.code).toBe(4);
      const { differences } = JSON.parse(found.stdout) as VerifyReport;
      const known = differences.map(({ node, database, key, what }) => [node, database, key, what]);
      expect(known).toHaveLength(5);
      expect(known).toEqual(
        expect.arrayContaining([
          [String(b), 0, 'string', 'expiry'],
          [String(b), 0, 'hash', 'value'],
          [String(b), 0, 'list', 'missing'],
          [String(b), 0, 'extra', 'extra'],
          [String(b), 2, { base64: '/wD+' }, 'value'],
        ]),
      );
    },
  );

  it.runIf(hasEngine(engine))(
    'finds one altered key and one altered expiry among many, and nothing else, at full write load',
    { timeout: 600_000 },
    async () => {
      const { d, a, b } = await pair('defaults: {config: {repl-backlog-size: 64mb}}\n');
      const count = KEYS ?? 100_000;
      const master = d.client(a);
      await master.connect();
      for (let start = 0; start < count; start += 1_000) {
        const pipeline = master.pipeline();
        for (let key = start; key < start + 1_000; key++)
          pipeline.set(`key:${key}`, `value ${key}`, 'PXAT', EXPIRY + key);
        await pipeline.exec();
      }
      await d.converged(a, [b]);
      const replica = d.client(b);
      await replica.connect();
      await replica.config('SET', 'replica-read-only', 'no');
      await replica.set(`key:${count / 2 + 1}`, 'altered', 'KEEPTTL');
      await replica.pexpireat('key:7', EXPIRY + 8);
      const load = overwrite(master, count);
      const result = await d.run(['verify', '--json', '--quiet']);
      const written = await load.stop();
      expect(result.code, result.stdout + result.stderr).toBe(4);
      const { differences, compared, tookMs } = JSON.parse(result.stdout) as VerifyReport;
      process.stderr.write(
        `verify of ${compared} keys on ${engine} during ${written} writes: ${tookMs} ms\n`,
      );
      expect(compared).toBeGreaterThanOrEqual(count);
      expect(new Set(differences.map(({ key, what }) => `${JSON.stringify(key)} ${what}`))).toEqual(
        new Set([`"key:${count / 2 + 1}" value`, '"key:7" expiry']),
      );
    },
  );
});

/** Writes to all keys but the two that are looked for, as fast as it can when it is by hand. */
function overwrite(client: Redis, count: number): { stop: () => Promise<number> } {
  const state = { isStopped: false, written: 0 };
  const run = async (): Promise<number> => {
    while (!state.isStopped) {
      const pipeline = client.pipeline();
      for (let index = 0; index < 50; index++) {
        state.written += 1;
        const key = (state.written * 7919) % count;
        if (key !== 7 && key !== count / 2 + 1) pipeline.set(`key:${key}`, `written ${state.written}`);
      }
      await pipeline.exec();
      if (KEYS === null) await sleep(5);
    }
    return state.written;
  };
  const running = run();
  return {
    stop: () => {
      state.isStopped = true;
      return running;
    },
  };
}
