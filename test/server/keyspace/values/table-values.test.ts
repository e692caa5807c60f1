import { array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareInt64,
  DEFAULT_ENCODING_LIMITS,
  isInt64,
} from '../../../../src/server/keyspace/values/encoding.ts';
import { HashValue } from '../../../../src/server/keyspace/values/hash-value.ts';
import { SetValue } from '../../../../src/server/keyspace/values/set-value.ts';

const step = record({
  isAdd: boolean(),
  at: integer({ min: 0, max: 3000 }),
  times: integer({ min: 1, max: 400 }),
  stride: constantFrom(1, 3, 7),
});

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}

describe('HashValue', () => {
  it('does what a Map does, in its order while small', () => {
    assert(
      property(array(step, { maxLength: 20 }), (steps) => {
        const hash = new HashValue();
        const model = new Map<string, string>();
        let largest = 0;
        for (const { isAdd, at, times, stride } of steps)
          for (let i = 0; i < times; i++) {
            const field = `f${(at + i * stride) % 1500}`;
            if (isAdd) expect(hash.set(field, `${at}`)).toBe(!model.has(field));
            else expect(hash.delete(field)).toBe(model.delete(field));
            if (isAdd) model.set(field, `${at}`);
            largest = Math.max(largest, model.size);
            expect(hash.get(field)).toBe(model.get(field));
          }
        const entries = [...hash.clone()];
        if (largest <= 128) expect(entries).toEqual([...model]);
        expect(entries.toSorted(byName)).toEqual([...model].toSorted(byName));
        expect(hash.size).toBe(model.size);
        for (const field of model.keys()) expect(hash.get(field)).toBe(model.get(field));
      }),
      { numRuns: 30 },
    );
  });

  it('keeps names of the object prototype as plain fields', () => {
    const hash = HashValue.of([['__proto__', '1']]);
    expect(hash.get('__proto__')).toBe('1');
    expect(hash.get('constructor')).toBeUndefined();
  });

  it('names its encoding as Redis 7.2 does', () => {
    const hash = HashValue.of([['f', 'v']]);
    expect(hash.encoding(DEFAULT_ENCODING_LIMITS)).toBe('listpack');
    hash.set('g', 'x'.repeat(65));
    hash.delete('g');
    expect(hash.encoding(DEFAULT_ENCODING_LIMITS)).toBe('hashtable');
  });
});

describe('SetValue', () => {
  it('does what a Set does, with integers and without', () => {
    assert(
      property(array(step, { maxLength: 20 }), boolean(), (steps, isInteger) => {
        const set = new SetValue();
        const model = new Set<string>();
        for (const { isAdd, at, times, stride } of steps)
          for (let i = 0; i < times; i++) {
            const member = `${isInteger ? '' : 'm'}${((at + i * stride) % 900) - 400}`;
            if (isAdd) expect(set.add(member)).toBe(!model.has(member));
            else expect(set.delete(member)).toBe(model.delete(member));
            if (isAdd) model.add(member);
            expect(set.has(member)).toBe(isAdd);
          }
        expect([...set.clone()].toSorted()).toEqual([...model].toSorted());
        expect(set.size).toBe(model.size);
        if (set.size > 0) {
          const at = set.size >> 1;
          expect(model.has(set.memberAt(at))).toBe(true);
          const gone = set.deleteAt(at);
          expect(set.has(gone)).toBe(false);
          expect(set.size).toBe(model.size - 1);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps a small set of integers ascending', () => {
    const set = SetValue.of(['10', '-3', '9223372036854775807', '2', '-9223372036854775808', '0']);
    expect([...set]).toEqual(['-9223372036854775808', '-3', '0', '2', '10', '9223372036854775807']);
    expect(set.encoding(DEFAULT_ENCODING_LIMITS)).toBe('intset');
    set.add('x');
    expect(set.encoding(DEFAULT_ENCODING_LIMITS)).toBe('listpack');
    expect(set.has('10')).toBe(true);
  });

  it('meets in a scan every member that stays from its start to its end', () => {
    assert(
      property(
        integer({ min: 0, max: 1200 }),
        integer({ min: 1, max: 50 }),
        integer(),
        (size, count, seed) => {
          const set = new SetValue();
          for (let i = 0; i < size; i++) set.add(`m${i}`);
          const staying = new Set(Array.from({ length: size }, (_, i) => `m${i}`));
          const seen = new Set<string>();
          let random = seed;
          let cursor = 0;
          let steps = 0;
          do {
            cursor = set.scan(cursor, count, (member) => seen.add(member));
            for (let i = 0; i < 10 && set.size > 0; i++) {
              random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
              staying.delete(set.deleteAt(random % set.size));
              if (random % 3 === 0) set.add(`n${random}`);
            }
            steps++;
          } while (cursor !== 0);
          for (const member of staying) expect(seen).toContain(member);
          expect(steps).toBeLessThanOrEqual(Math.ceil(size / count) + 1);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('isInt64', () => {
  it('takes only what Redis writes as an integer', () => {
    const good = ['0', '-1', '42', '9223372036854775807', '-9223372036854775808'];
    const bad = ['', '-', '-0', '00', '+1', ' 1', '1.0', '9223372036854775808', '-9223372036854775809', 'x'];
    expect(good.filter((text) => !isInt64(text))).toEqual([]);
    expect(bad.filter((text) => isInt64(text))).toEqual([]);
    expect(good.toSorted(compareInt64)).toEqual(good.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)));
  });
});
