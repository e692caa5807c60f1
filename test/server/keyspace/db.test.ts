import {
  assert,
  array,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  constant,
  uint8Array,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Db } from '../../../src/server/keyspace/db.ts';
import type { Value } from '../../../src/server/keyspace/value.ts';

class Box implements Value {
  readonly type = 'list';
  readonly size = 1;
  readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  clone(): Box {
    return new Box(this.bytes);
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

function setString(db: Db, key: string, value: string, keepTtl = false): number {
  const k = bytesOf(key);
  const v = bytesOf(value);
  return db.setString(k, 0, k.length, v, 0, v.length, keepTtl);
}

function dump(db: Db): Map<string, string> {
  const all = new Map<string, string>();
  db.forEach((ref) =>
    all.set(db.keyString(ref), db.isString(ref) ? db.valueString(ref) : `box ${db.object(ref).bytes}`),
  );
  return all;
}

/** Lengths around the borders of size classes, blocks and blobs. */
const LENGTHS = [
  0, 1, 7, 8, 40, 41, 100, 128, 200, 511, 600, 5000, 8300, 16_000, 16_361, 16_400, 40_000, 70_000,
];
const KEYS = [
  ...Array.from({ length: 40 }, (_, i) => `key:${i}`),
  '',
  '__proto__',
  'k'.repeat(300),
  'q'.repeat(20_000),
  'r'.repeat(66_000),
  '\0\xff',
];

const operation = oneof(
  record({ kind: constant('set' as const), key: constantFrom(...KEYS), length: constantFrom(...LENGTHS) }),
  record({ kind: constant('resize' as const), key: constantFrom(...KEYS), length: constantFrom(...LENGTHS) }),
  record({
    kind: constant('box' as const),
    key: constantFrom(...KEYS),
    length: integer({ min: 1, max: 99 }),
  }),
  record({ kind: constant('delete' as const), key: constantFrom(...KEYS), length: constant(0) }),
  record({
    kind: constant('expire' as const),
    key: constantFrom(...KEYS),
    length: integer({ min: 1, max: 9999 }),
  }),
  record({ kind: constant('persist' as const), key: constantFrom(...KEYS), length: constant(0) }),
  record({
    kind: constant('rename' as const),
    key: constantFrom(...KEYS),
    length: integer({ min: 0, max: KEYS.length - 1 }),
  }),
);

describe('Db', () => {
  it('holds what a Map would hold, whatever is done to it', () => {
    assert(
      property(array(operation, { maxLength: 120 }), integer(), (operations, seed) => {
        const db = new Db(seed);
        const model = new Map<string, string>();
        const times = new Map<string, number>();
        for (const [step, { kind, key, length }] of operations.entries()) {
          const ref = db.findString(key);
          expect(ref !== 0).toBe(model.has(key));
          const known = model.get(key);
          if (kind === 'set') {
            const value = String.fromCharCode(97 + (step % 26)).repeat(length);
            setString(db, key, value, step % 3 === 0);
            model.set(key, value);
            if (step % 3 !== 0) times.delete(key);
          } else if (kind === 'box') {
            const k = bytesOf(key);
            db.setObject(k, 0, k.length, new Box(length));
            model.set(key, `box ${length}`);
            times.delete(key);
          } else if (known === undefined) {
            continue;
          } else if (kind === 'resize' && db.isString(ref)) {
            db.resizeString(ref, length);
            model.set(key, known.slice(0, length).padEnd(length, '\0'));
          } else if (kind === 'delete') {
            db.delete(ref);
            model.delete(key);
            times.delete(key);
          } else if (kind === 'expire') {
            db.setExpire(ref, length);
            times.set(key, length);
          } else if (kind === 'persist') {
            expect(db.persist(ref)).toBe(times.delete(key));
          } else if (kind === 'rename') {
            const target = KEYS[length] ?? '';
            if (target === key) continue;
            const old = db.findString(target);
            if (old !== 0) db.delete(old);
            const t = bytesOf(target);
            db.rename(db.findString(key), t, 0, t.length);
            model.set(target, known);
            model.delete(key);
            times.delete(target);
            const time = times.get(key);
            if (time !== undefined) times.set(target, time);
            times.delete(key);
          }
        }
        expect(dump(db)).toEqual(model);
        expect(db.size).toBe(model.size);
        expect(db.expires.count).toBe(times.size);
        for (const key of model.keys()) expect(db.expireAt(db.findString(key))).toBe(times.get(key) ?? -1);
        for (const key of model.keys()) db.delete(db.findString(key));
        expect(db.size).toBe(0);
        // Nothing leaks: what is left is tables.
        expect(db.usedBytes).toBeLessThan(4096);
      }),
      { numRuns: 150 },
    );
  });

  it('visits in SCAN every key that stays, however the table grows and shrinks meanwhile', () => {
    assert(
      property(integer(), array(integer({ min: -300, max: 300 }), { maxLength: 30 }), (seed, changes) => {
        const db = new Db(seed);
        for (let i = 0; i < 100; i += 1) setString(db, `stays:${i}`, 'x');
        const seen = new Set<string>();
        let extra = 0;
        let cursor = 0;
        let step = 0;
        do {
          cursor = db.scan(cursor, (ref) => seen.add(db.keyString(ref)));
          const change = changes[step] ?? 0;
          for (let i = 0; i < change; i += 1) setString(db, `extra:${extra++}`, 'y');
          for (let i = 0; i > change && extra > 0; i -= 1) db.delete(db.findString(`extra:${--extra}`));
          step += 1;
        } while (cursor !== 0);
        for (let i = 0; i < 100; i += 1) expect(seen.has(`stays:${i}`)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('walks one point in time while everything changes, for several walkers at once', () => {
    assert(
      property(integer(), array(integer({ min: 0, max: 399 }), { maxLength: 300 }), (seed, touched) => {
        const db = new Db(seed);
        for (let i = 0; i < 200; i += 1) setString(db, `key:${i}`, `old ${i}`);
        const first = new Map<string, string>();
        const second = new Map<string, string>();
        const collect = (into: Map<string, string>) => (ref: number) => {
          const key = db.keyString(ref);
          expect(into.has(key)).toBe(false);
          into.set(key, db.valueString(ref));
        };
        const before = dump(db);
        const walk = db.walk(collect(first));
        let between = before;
        let later: ReturnType<Db['walk']> | undefined;
        for (const [step, n] of touched.entries()) {
          const ref = db.findString(`key:${n}`);
          if (n % 5 === 0 && ref !== 0) db.delete(ref);
          else if (n % 7 === 0 && ref !== 0) db.setExpire(ref, 1);
          else setString(db, `key:${n}`, `new ${step}`);
          if (step % 3 === 0) walk.step(1);
          if (step === 20) {
            between = dump(db);
            later = db.walk(collect(second));
          }
          if (step > 20 && step % 2 === 0) later?.step(2);
        }
        while (!walk.step(7));
        while (later?.step(7) === false);
        expect(first).toEqual(before);
        if (later !== undefined) expect(second).toEqual(between);
        walk.close();
        later?.close();
        expect(db.walks.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('grows in steps without losing a key', () => {
    const db = new Db(7);
    for (let i = 0; i < 20_000; i += 1) setString(db, `key:${i}`, String(i));
    while (db.rehashStep(100));
    expect(db.size).toBe(20_000);
    for (let i = 0; i < 20_000; i += 1) expect(db.valueString(db.findString(`key:${i}`))).toBe(String(i));
    for (let i = 0; i < 19_990; i += 1) db.delete(db.findString(`key:${i}`));
    while (db.rehashStep(100));
    expect([...dump(db).keys()].sort()).toEqual(Array.from({ length: 10 }, (_, i) => `key:${19_990 + i}`));
  });

  it('gives random entries of all there are', () => {
    const db = new Db(1);
    expect(db.randomEntry(() => 0)).toBe(0);
    for (let i = 0; i < 50; i += 1) setString(db, `key:${i}`, 'x');
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const seen = new Set<string>();
    for (let draw = 0; draw < 5000; draw += 1) seen.add(db.keyString(db.randomEntry(random)));
    expect(seen.size).toBe(50);
  });

  it('finds the same keys whether they were expected or not', () => {
    const db = new Db(7);
    const none = bytesOf('none');
    db.expect(none, 0, none.length);
    db.fetchExpected();
    for (const key of KEYS) setString(db, key, `value of ${key}`);
    for (let i = 0; i < 40_000; i += 1) setString(db, `k${i}`, 'x'.repeat(i % 90));
    while (db.rehashStep(1000));
    expect(db.isLarge).toBe(true);
    const asked = [...KEYS, 'missing', ...Array.from({ length: 500 }, (_, i) => `k${i * 90}`)].map(bytesOf);
    const before = asked.map((key) => db.find(key, 0, key.length));
    for (const key of asked) db.expect(key, 0, key.length);
    db.fetchExpected();
    expect(asked.map((key) => db.find(key, 0, key.length))).toEqual(before);
    for (const [i, key] of asked.entries()) {
      db.expect(key, 0, key.length);
      if (i % 5 === 0) db.fetchExpected();
    }
    expect(asked.map((key) => db.find(key, 0, key.length))).toEqual(before);
    expect(before.filter((ref) => ref === 0)).toHaveLength(56);
  });

  it('finds binary keys by their bytes', () => {
    assert(
      property(array(uint8Array({ maxLength: 40 }), { maxLength: 50 }), (keys) => {
        const db = new Db(3);
        const distinct = new Set(keys.map((key) => Buffer.from(key).toString('latin1')));
        for (const key of keys) db.setString(key, 0, key.length, key, 0, key.length);
        expect(db.size).toBe(distinct.size);
        for (const key of keys) expect(db.valueBytes(db.find(key, 0, key.length))).toEqual(Buffer.from(key));
      }),
    );
  });
});
