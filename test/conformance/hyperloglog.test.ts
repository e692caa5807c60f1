import { describe, expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { conformance } from './conformance.ts';

const { ports, same } = conformance(['--notify-keyspace-events', 'KEAn']);

const many = Array.from({ length: 3000 }, (_, n) => `element:${n}`);

same('PFADD, PFCOUNT and PFMERGE', [
  'pfadd a',
  'get a',
  'object encoding a',
  'pfadd a',
  'pfcount a',
  'get a',
  'pfadd a x y z "" x',
  'get a',
  'pfadd a x y',
  'pfcount a',
  'get a',
  'pfcount a',
  'pfadd b y z q',
  'pfcount a b nothing',
  'pfcount nothing',
  'pfcount nothing nowhere',
  'exists nothing',
  'pfmerge c a b',
  'get c',
  'pfcount c',
  'pfmerge c',
  'get c',
  'pfmerge new',
  'get new',
  'pfmerge newer nothing',
  'pfdebug decode c',
  'type a',
  'strlen a',
  'expire a 1000',
  'pfadd a more',
  'ttl a',
  'pfadd',
  'pfcount',
  'pfmerge',
]);
same('growing into the dense form', [
  ['pfadd', 'a', ...many.slice(0, 500)],
  'get a',
  'pfdebug encoding a',
  ['pfadd', 'a', ...many.slice(0, 2000)],
  'get a',
  'pfdebug encoding a',
  'pfdebug decode a',
  'pfcount a',
  ['pfadd', 'a', ...many],
  'pfcount a',
  'get a',
  ['pfadd', 'b', ...many.slice(0, 100)],
  'pfmerge b a',
  'get b',
  ['pfadd', 'c', ...many.slice(0, 50)],
  'pfmerge d c b',
  'get d',
  'pfdebug todense c',
  'pfdebug todense c',
  'get c',
  'pfcount c',
  ['pfadd', 'e', ...many.slice(0, 30)],
  'pfcount e',
  'pfdebug getreg e',
  'get e',
  'pfdebug getreg e',
]);
same('hll-sparse-max-bytes', [
  'config set hll-sparse-max-bytes 100',
  ['pfadd', 'a', ...many.slice(0, 20)],
  'pfdebug encoding a',
  ['pfadd', 'a', ...many.slice(0, 40)],
  'pfdebug encoding a',
  'get a',
  'config set hll-sparse-max-bytes 0',
  'pfadd b x',
  'get b',
  'pfdebug encoding b',
  'config set hll-sparse-max-bytes 3000',
]);
same('what is not a sketch', [
  'set s text',
  'set i 12',
  'lpush l 1',
  'pfadd s a',
  'pfadd i a',
  'pfadd l a',
  'object encoding s',
  'pfcount s',
  'pfcount l',
  'pfcount n s',
  'pfcount n l',
  'pfmerge d s',
  'pfmerge l n',
  'pfmerge s n',
  'pfdebug encoding s',
  'pfdebug encoding l',
  'pfdebug encoding n',
  'pfdebug nope n',
  'pfadd a x',
  'pfdebug nope a',
  'pfdebug encoding',
  'pfdebug encoding a b',
  'set short "HYLL\\x01"',
  'pfadd short a',
  'set odd "HYLL\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff"',
  'pfcount odd',
  'set dense "HYLL\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff"',
  'pfcount dense',
]);
same(
  'sketches someone wrote into',
  ['7f\\xfe', '7f', '7f\\xff\\x00', '7f\\xff\\x80', '80', '40', '00\\x00\\x00'].flatMap((runs, n) => [
    `set k${n} "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x${runs}"`,
    `pfcount k${n}`,
    `pfcount k${n} k${n}`,
    `pfmerge m${n} k${n}`,
    `pfdebug decode k${n}`,
    `copy k${n} t${n}`,
    `pfdebug todense t${n}`,
    `object encoding k${n}`,
  ]),
);
same('a count of its own making', [
  'set k "HYLL\\x01\\x00\\x00\\x00\\x05\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff"',
  'object encoding k',
  'pfcount k',
  'object encoding k',
  'get k',
  'pfadd k x',
  'pfcount k',
]);
same('keyspace events', [
  '@b psubscribe __keyevent*',
  'pfadd a x',
  '@b?',
  '@b?',
  'pfadd a x',
  'pfcount a',
  'pfmerge c a',
  '@b?',
  '@b?',
  'pfmerge c a',
  '@b?',
  'pfdebug todense c',
  'set end 1',
  '@b?',
]);
same('events of new keys', [
  '@b psubscribe __keyevent@0__:*',
  ...[
    'set a 1',
    'setbit b 1 1',
    'incr c',
    'incrbyfloat d 1',
    'append e x',
    'setrange f 0 x',
    'bitop or g a b',
    'rename g h',
    'copy h i',
    'lpush l 1',
    'sort l store m',
    'sadd s 1',
    'sunionstore t s',
    'zadd z 1 x',
    'zunionstore y 1 z',
  ].flatMap((line) => [line, '@b?', '@b?']),
  '@b?',
  'set a 2',
  '@b?',
]);
same('what WATCH and MULTI see', [
  'pfadd a x',
  'watch a',
  'pfcount a',
  'multi',
  'pfcount a',
  'exec',
  'watch a',
  'pfcount a',
  'multi',
  'pfadd a x y',
  'pfcount a',
  'exec',
]);

describe.skipIf(!hasEngine('redis'))('thousands of sketches', () => {
  for (const seed of [1, 2, 3]) {
    it(`are the same bytes, and load from each other, seed ${seed}`, async () => {
      const random = new SeededRandom(seed);
      const { bundled, redis } = ports();
      const both = await Promise.all([RawConnection.open(bundled), RawConnection.open(redis)]);
      const [ours, theirs] = both;
      const call = async (...argv: string[]): Promise<string> => {
        const [a, b] = await Promise.all([ours.call(...argv), theirs.call(...argv)]);
        if (a !== b) expect.soft({ seed, argv, reply: a }).toEqual({ seed, argv, reply: b });
        return a;
      };
      const key = (): string => `h${random.below(12)}`;
      try {
        await call('FLUSHALL');
        await call('CONFIG', 'SET', 'hll-sparse-max-bytes', String(random.pick([200, 1500, 3000, 6000])));
        for (let n = 0; n < 1500; n += 1) {
          const target = key();
          const draw = random.below(100);
          const elements = Array.from({ length: random.below(12) }, () => `${random.below(20_000)}`);
          if (draw < 75) await call('PFADD', target, ...elements);
          else if (draw < 85) await call('PFCOUNT', target, ...(draw < 80 ? [] : [key(), key()]));
          else if (draw < 90) await call('PFMERGE', target, key(), key());
          else if (draw < 92) await call('DEL', target);
          else await call('GET', target);
        }
        for (let n = 0; n < 12; n += 1) {
          const name = `h${n}`;
          await call('GET', name);
          await call('PFCOUNT', name);

          for (const [from, to] of [both, [theirs, ours]] as const) {
            const dump = bulk(await from.call('DUMP', name));
            if (dump === undefined) continue;
            expect(await to.call('RESTORE', `${name}:copy`, '0', dump, 'REPLACE')).toBe('+OK\r\n');
            expect(await to.call('GET', `${name}:copy`)).toBe(await from.call('GET', name));
          }
        }
      } finally {
        await call('CONFIG', 'SET', 'hll-sparse-max-bytes', '3000');
        for (const connection of both) connection.close();
      }
    });
  }
});

/** What a bulk reply holds. */
function bulk(reply: string): string | undefined {
  return reply.startsWith('$-1') || reply.startsWith('_')
    ? undefined
    : reply.slice(reply.indexOf('\r\n') + 2, -2);
}
