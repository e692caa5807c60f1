import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBundledServer, type BundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer, type RealServer } from '../support/real-server.ts';

const digits = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
const words = (count: number): string[] => Array.from({ length: count }, (_, n) => `w${n}`);
const pairs = (count: number): string[] => words(count).flatMap((word) => [word, 'v']);
const scored = (count: number): string[] => words(count).flatMap((word, n) => [String(n), word]);
const long = (length: number): string => 'x'.repeat(length);

/** Commands in a row on keys named `k`; after each, OBJECT ENCODING of k is compared. */
const CASES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'a number': [
    ['set', 'k', '12345'],
    ['incr', 'k'],
    ['append', 'k', '1'],
    ['set', 'k', '1'],
    ['incrbyfloat', 'k', '1'],
  ],
  'numbers at their limits': [
    ['set', 'k', '9223372036854775807'],
    ['set', 'k', '9223372036854775808'],
    ['set', 'k', '-9223372036854775808'],
    ['set', 'k', '01'],
    ['set', 'k', '-0'],
    ['set', 'k', ' 1'],
  ],
  'short and long strings': [
    ['set', 'k', long(44)],
    ['set', 'k', long(45)],
    ['setrange', 'k', '0', 'a'],
    ['set', 'k', ''],
  ],
  'a string grown': [
    ['set', 'k', 'ab'],
    ['append', 'k', 'c'],
    ['getset', 'k', 'd'],
    ['setrange', 'k', '1', 'z'],
  ],
  'bits in a string': [
    ['setbit', 'k', '1', '1'],
    ['bitop', 'not', 'k', 'k'],
    ['set', 'k', '1'],
    ['setbit', 'k', '1', '0'],
  ],
  'a copied string': [
    ['set', 'j', 'a'],
    ['append', 'j', 'b'],
    ['copy', 'j', 'k'],
    ['rename', 'j', 'k'],
  ],
  'a hash by its count': [
    ['hset', 'k', ...pairs(512)],
    ['hset', 'k', 'more', 'v'],
    ['hdel', 'k', ...words(500)],
  ],
  'a hash by its lengths': [
    ['hset', 'k', 'f', long(64)],
    ['hset', 'k', 'f', long(65)],
    ['hset', 'k', 'f', 'v'],
  ],
  'a hash by a field': [['hset', 'k', long(65), 'v']],
  'a hash counted in': [
    ['hincrby', 'k', 'f', '1'],
    ['hincrbyfloat', 'k', 'f', '0.5'],
    ['hsetnx', 'k', long(70), 'v'],
  ],
  'a set of numbers': [
    ['sadd', 'k', ...digits(512)],
    ['sadd', 'k', '512'],
    ['srem', 'k', ...digits(500)],
  ],
  'a set of numbers and a word': [
    ['sadd', 'k', ...digits(100)],
    ['sadd', 'k', 'w'],
    ['srem', 'k', 'w'],
  ],
  'many numbers and a word': [
    ['sadd', 'k', ...digits(200)],
    ['sadd', 'k', 'w'],
  ],
  'a set of words': [
    ['sadd', 'k', ...words(128)],
    ['sadd', 'k', 'more'],
    ['srem', 'k', ...words(120)],
  ],
  'a set of long words': [
    ['sadd', 'k', long(64)],
    ['sadd', 'k', long(65)],
  ],
  'a set of a number and a long word': [
    ['sadd', 'k', '1'],
    ['sadd', 'k', long(65)],
  ],
  'sets made of sets': [
    ['sadd', 'a', ...digits(10)],
    ['sadd', 'b', ...words(10)],
    ['sunionstore', 'k', 'a', 'b'],
    ['sinterstore', 'k', 'a', 'a'],
    ['sdiffstore', 'k', 'b', 'a'],
    ['smove', 'b', 'k', 'w1'],
  ],
  'a sorted set by its count': [
    ['zadd', 'k', ...scored(128)],
    ['zadd', 'k', '1', 'more'],
    ['zrem', 'k', ...words(120)],
  ],
  'a sorted set by its lengths': [
    ['zadd', 'k', '1', long(64)],
    ['zadd', 'k', '1', long(65)],
    ['zrem', 'k', long(65)],
  ],
  'sorted sets made of others': [
    ['zadd', 'a', ...scored(100)],
    ['zadd', 'b', '1', long(70)],
    ['zunionstore', 'k', '1', 'a'],
    ['zunionstore', 'k', '2', 'a', 'b'],
    ['zrangestore', 'k', 'a', '0', '-1'],
    ['zinterstore', 'k', '1', 'b'],
    ['zdiffstore', 'k', '1', 'a'],
    ['geoadd', 'k', '1', '1', 'x'],
  ],
  'a list by its size': [
    ['rpush', 'k', ...words(10)],
    ['rpush', 'k', long(8000)],
    ['rpush', 'k', long(200)],
    ['rpop', 'k'],
    ['rpop', 'k'],
    ['ltrim', 'k', '0', '1'],
  ],
  'a list of one long element': [
    ['rpush', 'k', long(9000)],
    ['lset', 'k', '0', 'a'],
    ['rpush', 'k', 'b'],
  ],
  'a list set and inserted into': [
    ['rpush', 'k', 'a', 'b'],
    ['lset', 'k', '0', long(9000)],
    ['linsert', 'k', 'after', 'b', 'c'],
    ['lrem', 'k', '0', long(9000)],
  ],
  'a list moved to': [
    ['rpush', 'j', long(9000), 'b'],
    ['lmove', 'j', 'k', 'right', 'left'],
    ['lmove', 'j', 'k', 'left', 'left'],
  ],
  'a list sorted into': [
    ['rpush', 'j', '3', '1', '2'],
    ['sort', 'j', 'store', 'k'],
  ],
  'a list by its entries': [
    ['config', 'set', 'list-max-listpack-size', '4'],
    ['rpush', 'k', ...words(4)],
    ['rpush', 'k', 'more'],
    ['rpop', 'k', '2'],
    ['rpop', 'k', '1'],
  ],
  'limits of one': [
    ['config', 'set', 'hash-max-listpack-entries', '1'],
    ['hset', 'k', 'a', '1'],
    ['hset', 'k', 'b', '1'],
  ],
  'a stream': [['xadd', 'k', '1-1', 'f', 'v']],
};

/**
 * OBJECT ENCODING as Redis 7.2 has it, beside Valkey 8, which keeps its encodings; the redis-server of Debian is a 7.0,
 * without listpacks for sets and lists.
 */
describe.skipIf(!hasEngine('valkey'))('OBJECT ENCODING', () => {
  let bundled: BundledServer | undefined;
  let valkey: RealServer | undefined;
  beforeAll(async () => {
    [bundled, valkey] = await Promise.all([startBundledServer(), startRealServer('valkey-server')]);
  });
  afterAll(async () => {
    await Promise.all([bundled?.stop(), valkey?.stop()]);
  });

  const encodings = async (port: number, commands: readonly (readonly string[])[]): Promise<string[]> => {
    const connection = await RawConnection.open(port);
    try {
      await connection.call('FLUSHALL');
      await connection.call(
        'CONFIG',
        'SET',
        'hash-max-listpack-entries',
        '512',
        'list-max-listpack-size',
        '-2',
      );
      const seen: string[] = [];
      for (const argv of commands) {
        await connection.call(...argv);
        const encoding = await connection.call('OBJECT', 'ENCODING', 'k');
        seen.push(`${argv.join(' ').slice(0, 60)} → ${encoding.replaceAll('\r\n', ' ')}`);
      }
      return seen;
    } finally {
      connection.close();
    }
  };

  for (const [title, commands] of Object.entries(CASES)) {
    it(title, async () => {
      const theirs = await encodings(valkey?.port ?? 0, commands);
      expect(await encodings(bundled?.port ?? 0, commands)).toEqual(theirs);
    });
  }
});
