import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashValue } from '../../../../src/server/keyspace/values/hash-value.ts';
import { PackedTable } from '../../../../src/server/keyspace/values/packed-table.ts';

const step = record({
  what: constantFrom('set', 'set', 'set', 'remove', 'clone'),
  at: integer({ min: 0, max: 5000 }),
  times: integer({ min: 1, max: 1500 }),
  stride: constantFrom(1, 7, 13),
  length: constantFrom(0, 1, 3, 4, 20, 63, 70, 400),
});
const LONG = [70_000, 300_000];

function contentOf(table: PackedTable): Map<string, string> {
  const content = new Map<string, string>();
  for (let i = 0; i < table.size; i++) content.set(table.nameAt(i), table.valueAt(i));
  expect(content.size).toBe(table.size);
  return content;
}

const sorted = (map: ReadonlyMap<string, string>): [string, string][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

describe('PackedTable', () => {
  it('does what a Map does, and leaves clones as they were', () => {
    assert(
      property(array(step, { minLength: 5, maxLength: 25 }), (steps) => {
        let table = new PackedTable();
        const model = new Map<string, string>();
        const clones: [PackedTable, Map<string, string>][] = [];
        const wrong: string[] = [];
        for (const { what, at, times, stride, length } of steps) {
          if (what === 'clone') {
            const clone = table.clone();
            // Either may be the one that goes on.
            clones.push([at % 2 === 0 ? clone : table, new Map(model)]);
            if (at % 2 !== 0) table = clone;
          }
          for (let i = 0; i < times && what !== 'clone'; i++) {
            const name = `f\xff${(at + i * stride) % 3000}`.padEnd(at % 300, '.');
            if (what === 'set') {
              const size = i === 700 ? LONG[at % 2]! : length;
              const value = String(i).padEnd(size, '\xfe').slice(0, size);
              if (table.setText(name, value) === model.has(name)) wrong.push(name);
              model.set(name, value);
            } else {
              const position = table.findText(name);
              if (position >= 0 !== model.delete(name)) wrong.push(name);
              if (position >= 0) table.removeAt(position);
            }
          }
          if (clones.length > 3) clones.shift();
        }
        for (const [name, value] of model)
          if (table.valueAt(table.findText(name)) !== value) wrong.push(name);
        expect(wrong).toEqual([]);
        expect(sorted(contentOf(table))).toEqual(sorted(model));
        for (const [clone, then] of clones) expect(sorted(contentOf(clone))).toEqual(sorted(then));
      }),
      { numRuns: 15 },
    );
  });

  it('gives memory back: what is replaced and removed does not pile up', () => {
    const table = new PackedTable();
    for (let round = 0; round < 40; round++)
      for (let i = 0; i < 2000; i++) table.setText(`name${i}`, 'v'.repeat((i * 7 + round * 31) % 200));
    expect(table.bytes).toBeLessThan(2000 * 130 * 3 + 600_000);
    while (table.size > 10) table.removeAt((table.size * 7) % table.size);
    expect(table.bytes).toBeLessThan(600_000);
    for (let i = 0; i < 3; i++) table.setText('large', 'v'.repeat(1_000_000 + i * 100));
    expect(table.bytes).toBeLessThan(1_700_000);
  });
});

describe('HashValue', () => {
  it('takes bytes as it takes strings, small and large', () => {
    const hash = new HashValue();
    for (let i = 0; i < 400; i++) {
      const text = `<f${i}v\xff${i}>`;
      const buf = Buffer.from(text, 'latin1');
      const middle = text.indexOf('v');
      expect(hash.setBytes(buf, 1, middle, middle, buf.length - 1)).toBe(true);
      expect(hash.setBytes(buf, 1, middle, middle, buf.length - 1)).toBe(false);
      expect(hash.findBytes(buf, 1, middle)).toBe(i);
      expect(hash.findBytes(buf, 0, middle)).toBe(-1);
      expect(hash.get(`f${i}`)).toBe(`v\xff${i}`);
    }
    const replies: string[] = [];
    const sink = {
      bulk: (bytes: Uint8Array, start: number, end: number) => {
        replies.push(Buffer.from(bytes.subarray(start, end)).latin1Slice());
      },
      bulkString: (text: string) => {
        replies.push(text);
      },
    };
    hash.fieldInto(300, sink);
    hash.valueInto(300, sink);
    expect(replies).toEqual(['f300', 'v\xff300']);
  });
});
