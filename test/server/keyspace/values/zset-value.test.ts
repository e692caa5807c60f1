import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ENCODING_LIMITS } from '../../../../src/server/keyspace/values/encoding.ts';
import { ZSetValue } from '../../../../src/server/keyspace/values/zset-value.ts';

const step = record({
  isAdd: boolean(),
  at: integer({ min: 0, max: 5000 }),
  times: integer({ min: 1, max: 600 }),
  stride: constantFrom(1, 7, 13),
  score: constantFrom(0, 1, -2.5, Infinity, -Infinity, 1e300),
});

function inOrder(model: Map<string, number>): [string, number][] {
  return [...model].sort(([a, x], [b, y]) => (x < y || (x === y && a < b) ? -1 : 1));
}

describe('ZSetValue', () => {
  it('keeps members by score and bytes, with ranks and ranges', () => {
    assert(
      property(array(step, { maxLength: 16 }), (steps) => {
        const zset = new ZSetValue();
        const model = new Map<string, number>();
        for (const { isAdd, at, times, stride, score } of steps)
          for (let i = 0; i < times; i++) {
            const member = `m${(at + i * stride) % 2500}`;
            const value = i % 4 === 0 ? score : (at * 31 + i * 17) % 300;
            if (isAdd) expect(zset.set(member, value)).toBe(!model.has(member));
            else expect(zset.delete(member)).toBe(model.delete(member));
            if (isAdd && model.get(member) !== value) model.set(member, value);
          }
        const sorted = inOrder(model);
        expect([...zset]).toEqual(sorted);
        const clone = zset.clone();
        expect([...clone]).toEqual(sorted);
        const { size } = zset;
        expect(size).toBe(model.size);
        for (let i = 0; i < size; i += 37) {
          const [member, score] = sorted[i]!;
          expect(zset.rank(member)).toBe(i);
          expect(zset.score(member)).toBe(score);
          const upTo = Math.min(size, i + 90);
          for (const isReverse of [false, true]) {
            const seen: [string, number][] = [];
            zset.forEachInRange(i, upTo, isReverse, (m, s) => seen.push([m, s]));
            const wanted = sorted.slice(i, upTo);
            expect(seen).toEqual(isReverse ? wanted.reverse() : wanted);
          }
          expect(zset.countBefore((s) => s < score)).toBe(sorted.findIndex(([, s]) => s === score));
        }
        const from = size >> 2;
        const to = size - (size >> 2);
        expect(zset.deleteRange(from, to)).toBe(to - from);
        expect([...zset]).toEqual([...sorted.slice(0, from), ...sorted.slice(to)]);
        expect([...clone]).toEqual(sorted);
        expect(clone.deleteRange(0, size)).toBe(size);
        expect([...clone]).toEqual([]);
        expect(zset.size).toBe(size - (to - from));
      }),
      { numRuns: 25 },
    );
  });

  it('stays in order through growing, draining and growing again', () => {
    const zset = new ZSetValue();
    for (let i = 0; i < 20_000; i++) zset.set(`m${i}`, i);
    for (let i = 0; i < 20_000; i++) if (i % 50 !== 0) zset.delete(`m${(i * 7919) % 20_000}`);
    const left = [...zset].map(([, score]) => score);
    expect(left).toHaveLength(400);
    expect(left).toEqual(left.toSorted((a, b) => a - b));
    for (let i = 0; i < 5000; i++) zset.set(`m${i}`, -i);
    expect(zset.rank('m4999')).toBe(0);
    const scores = [...zset].map(([, score]) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => a - b));
  });

  it('names its encoding as Redis does', () => {
    const zset = ZSetValue.of([['a', 1]]);
    expect(zset.encoding(DEFAULT_ENCODING_LIMITS)).toBe('listpack');
    for (let i = 0; i < 200; i++) zset.set(`m${i}`, i);
    zset.deleteRange(0, 150);
    expect(zset.encoding(DEFAULT_ENCODING_LIMITS)).toBe('skiplist');
  });
});
