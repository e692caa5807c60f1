import { afterEach, describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../src/show/verify-report.ts';
import { treeYaml } from '../support/applied-tree.ts';
import { Deployment } from '../support/deployment.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';

describe.each(ENGINES)('replctl verify on %s', (engine) => {
  let deployment: Deployment | null = null;
  afterEach(async () => {
    await deployment?.destroy();
    deployment = null;
  });

  it.runIf(hasEngine(engine))(
    'finds what was changed beside the stream, and only that, while writes go on',
    async () => {
      const [a = 0, b = 0] = await freePorts(2);
      const d = new Deployment(
        treeYaml(
          engine,
          new Map([
            [a, null],
            [b, a],
          ]),
        ),
      );
      deployment = d;
      await d.ok('up');
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
      expect(JSON.parse(calm.stdout)).toMatchObject({ isSame: true, differences: [] });

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
});
