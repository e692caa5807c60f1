import { afterEach, describe, expect, it } from 'vitest';
import { connect, type Client } from '../../src/observe/client.ts';
import { digestBatch } from '../../src/observe/digest-batch.ts';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { startNode, type ReplicationNode } from './replication-nodes.ts';

const FILL: readonly (readonly string[])[] = [
  ['SET', 'string', 'value', 'PXAT', '4102444800007'],
  ['SET', 'number', '12345'],
  ['SET', 'long', 'x'.repeat(100_000)],
  ['RPUSH', 'list', 'b', 'a', '', '7'],
  ['SADD', 'numbers', '3', '1', '20'],
  ['SADD', 'words', 'b', 'a', 'Ünïcode', 'Z'],
  ['HSET', 'hash', 'g', 'w', 'f', 'v', 'number', '1'],
  ['ZADD', 'zset', '1', 'b', '1', 'a', '-3', 'c', '0.1', 'd', '1e300', 'e', 'inf', 'f'],
];
const KEYS = ['none', 'string', 'number', 'long', 'list', 'numbers', 'words', 'hash', 'zset'];

/** Equal only if the script, and the bundled server's command, compute the same whatever the encoding. */
describe('digests of many keys', () => {
  const nodes: ReplicationNode[] = [];
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const node of nodes.splice(0)) await node.stop();
  });

  async function start(engine: TestEngine, flags: readonly string[], fill = FILL) {
    const node = await startNode(engine, flags);
    nodes.push(node);
    for (const [name = '', ...args] of fill) await node.client.call(name, ...args);
    const { port } = node;
    const endpoint = { id: engine, host: '127.0.0.1', port, tls: null, auth: { user: null } };
    const client = await connect(endpoint, { password: null, timeoutMs: 10_000 });
    clients.push(client);
    const options = { readsExpiryTimes: true, isBundled: engine === 'bundled' };
    return async (names: readonly string[]) => {
      const found = await digestBatch(
        client,
        names.map((name) => Buffer.from(name)),
        options,
      );
      if (found === null) throw new Error(`${engine} refused`);
      return found;
    };
  }

  it.runIf(hasEngine('redis'))('are the same on every engine and in every encoding', async () => {
    const flat = await start('redis', []);
    const tables = await start(
      'redis',
      ['hash-max-listpack-entries', 'set-max-intset-entries', 'zset-max-listpack-entries'].flatMap((name) => [
        `--${name}`,
        '1',
      ]),
      FILL.toReversed(),
    );
    const bundled = await start('bundled', []);
    for (const key of KEYS) {
      const { digest } = await flat([key]);
      expect((await tables([key])).digest, key).toBe(digest);
      expect((await bundled([key])).digest, key).toBe(digest);
    }
    const all = await flat(KEYS);
    expect(await bundled(KEYS)).toEqual(all);
    expect(all.large).toEqual([]);
  });

  it.runIf(hasEngine('redis')).each(['redis', 'bundled'] as const)(
    'differ after any change on %s, and leave out what is too large',
    async (engine) => {
      const digest = await start(engine, []);
      const [node] = nodes;
      const seen = new Set([(await digest(KEYS)).digest]);
      const changes = [
        ['SET', 'none', ''],
        ['PEXPIREAT', 'string', '4102444800008'],
        ['APPEND', 'long', 'x'],
        ['LSET', 'list', '2', 'c'],
        ['SREM', 'words', 'Z'],
        ['HSET', 'hash', 'f', 'u'],
        ['ZADD', 'zset', '0.2', 'd'],
      ];
      for (const [name = '', ...args] of changes) {
        await node?.client.call(name, ...args);
        seen.add((await digest(KEYS)).digest);
      }
      expect(seen.size).toBe(changes.length + 1);
      await node?.client.sadd('words', ...Array.from({ length: 5_001 }, (_, index) => `member ${index}`));
      expect((await digest(KEYS)).large).toEqual([Buffer.from('words')]);
    },
  );
});
