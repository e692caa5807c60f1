import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBundledServer, type BundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer, type RealServer } from '../support/real-server.ts';

const FOOTER_BYTES = 10;
const NUMBERS = [
  '0',
  '-1',
  '7',
  '127',
  '128',
  '-128',
  '-129',
  '32767',
  '32768',
  '-32769',
  '2147483647',
].concat([
  '2147483648',
  '-2147483648',
  '-2147483649',
  '99999999999',
  '01',
  '-0',
  '+1',
  '1.5',
  '- 1',
  '12x',
  '',
  '-',
]);
const TEXTS = [
  'a'.repeat(20),
  'a'.repeat(21),
  'a'.repeat(100),
  'abc'.repeat(7),
  'abc'.repeat(500),
  `${'x'.repeat(300)}${'y'.repeat(300)}`,
  'the quick brown fox jumps over the lazy dog',
  'user:1000:name=alice;user:1001:name=alice;user:1002:name=alice;',
  JSON.stringify({ id: 1, name: 'alice', tags: ['one', 'two', 'one', 'two'], other: { name: 'alice' } }),
];

describe.skipIf(!hasEngine('redis'))('strings in DUMP', () => {
  let bundled: BundledServer;
  let redis: RealServer;
  let connections: RawConnection[];
  beforeAll(async () => {
    [bundled, redis] = await Promise.all([startBundledServer(), startRealServer('redis-server')]);
    connections = await Promise.all([bundled, redis].map(async ({ port }) => RawConnection.open(port)));
  });
  afterAll(async () => {
    for (const connection of connections) connection.close();
    await Promise.all([bundled.stop(), redis.stop()]);
  });

  /** Payloads of a value on both, without version and checksum. */
  async function dump(text: string): Promise<string[]> {
    return Promise.all(
      connections.map(async (connection) => {
        await connection.call('SET', 'k', text);
        // Not as a number, which is written another way.
        await connection.call('APPEND', 'k', '');
        return payloadOf(await connection.call('DUMP', 'k')).slice(0, -FOOTER_BYTES);
      }),
    );
  }

  it.each(['yes', 'no'])(
    'are the bytes that redis-server writes (rdbcompression %s)',
    async (compression) => {
      for (const connection of connections)
        await connection.call('CONFIG', 'SET', 'rdbcompression', compression);
      for (const text of [...NUMBERS, ...TEXTS]) {
        const [ours, theirs] = await dump(text);
        expect([text, ours]).toEqual([text, theirs]);
      }
    },
  );

  it('are restored on the other side', async () => {
    for (const connection of connections) await connection.call('CONFIG', 'SET', 'rdbcompression', 'yes');
    const words = Array.from({ length: 6000 }, (_, i) => `word${String((i * 7919) % 97)}`).join(' ');
    for (const text of [words, words.repeat(3), ...TEXTS, ...NUMBERS]) {
      for (const [from, to] of [connections, connections.toReversed()] as RawConnection[][]) {
        await from!.call('SET', 'k', text);
        const payload = payloadOf(await from!.call('DUMP', 'k'));
        expect(await to!.call('RESTORE', 'copy', '0', payload, 'REPLACE')).toBe('+OK\r\n');
        expect(payloadOf(await to!.call('GET', 'copy'))).toBe(text);
      }
    }
    const [ours] = await dump(words);
    expect(ours?.length).toBeLessThan(words.length / 4);
  });
});

function payloadOf(bulk: string): string {
  return bulk.slice(bulk.indexOf('\r\n') + 2, -2);
}
