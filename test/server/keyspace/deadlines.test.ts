import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { expect, it } from 'vitest';
import { Deadlines } from '../../../src/server/keyspace/deadlines.ts';

const step = tuple(
  constantFrom('set', 'set', 'set', 'delete', 'take', 'clone'),
  integer({ min: 0, max: 12 }),
  integer({ min: 0, max: 40 }),
);

it('knows the earliest of what was set, whatever came after', () => {
  assert(
    property(array(step, { maxLength: 200 }), (steps) => {
      let deadlines = new Deadlines();
      const model = new Map<string, number>();
      for (const [verb, number, time] of steps) {
        const name = `n${number}`;
        if (verb === 'set') {
          deadlines.set(name, time);
          model.set(name, time);
        } else if (verb === 'delete') {
          expect(deadlines.delete(name)).toBe(model.delete(name));
        } else if (verb === 'take') {
          const due = [...model].filter(([, at]) => at < time);
          const taken = deadlines.takeBefore(time, number);
          expect(new Set(taken).size).toBe(taken.length);
          expect(taken.length).toBe(Math.min(number, due.length));
          for (const one of taken) expect(due.map(([known]) => known)).toContain(one);
          for (const one of taken) model.delete(one);
        } else {
          deadlines = deadlines.clone();
        }
        expect(deadlines.size).toBe(model.size);
        expect(deadlines.timeOf(name)).toBe(model.get(name) ?? -1);
        const first = Math.min(...model.values());
        expect(deadlines.first).toBe(first);
        expect(model.get(deadlines.firstName ?? '') ?? Infinity).toBe(first);
      }
      expect([...deadlines.names()].toSorted()).toEqual([...model.keys()].toSorted());
    }),
  );
});

it('keeps no more than twice what it holds', () => {
  const deadlines = new Deadlines();
  for (let i = 0; i < 100; i += 1) deadlines.set(`n${i}`, i);
  const before = deadlines.bytes;
  for (let i = 0; i < 10_000; i += 1) deadlines.set(`n${i % 100}`, i);
  expect(deadlines.bytes).toBe(before);
  expect(deadlines.first).toBe(9900);
  for (let i = 0; i < 100; i += 1) deadlines.delete(`n${i}`);
  expect(deadlines.bytes).toBe(0);
  expect(deadlines.first).toBe(Infinity);
});
