import { array, assert, constantFrom, integer, oneof, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_ENCODING_LIMITS } from '../../../../src/server/keyspace/values/encoding.ts';
import { ListValue } from '../../../../src/server/keyspace/values/list-value.ts';

const element = oneof(
  constantFrom('a', 'b', 'c'),
  string({ maxLength: 4, unit: 'binary-ascii' }),
  constantFrom(10, 40, 99, 100, 700, 999, 1000, 5000, 9000).map((length) => '\r\n$'.padEnd(length, '\xff')),
);
const step = record({
  what: constantFrom(
    'pushBack',
    'pushFront',
    'pushFrontBytes',
    'popBack',
    'popFront',
    'set',
    'insert',
    'remove',
    'trim',
  ),
  element,
  at: integer({ min: 0, max: 2000 }),
  times: integer({ min: 1, max: 150 }),
});

const bulk = (texts: readonly string[]): string =>
  texts.map((text) => `$${text.length}\r\n${text}\r\n`).join('');

function rangeOf(list: ListValue, from: number, to: number): string {
  let copied = '';
  list.copyRange(from, to, {
    raw: (bytes, start, end) => {
      copied += Buffer.from(bytes.subarray(start, end)).latin1Slice();
    },
  });
  return copied;
}

describe('ListValue', () => {
  it('does what an array does', () => {
    assert(
      property(array(step, { maxLength: 40 }), (steps) => {
        let list = new ListValue();
        let model: string[] = [];
        const clones: [ListValue, string[]][] = [];
        for (const { what, element, at, times } of steps) {
          for (let i = 0; i < times; i++) {
            const text = i % 3 === 0 ? element : `${element}${i}`;
            const position = model.length === 0 ? 0 : (at + i * 7) % model.length;
            if (what === 'pushBack') {
              list.pushBack(text);
              model.push(text);
            } else if (what === 'pushFront') {
              list.pushFront(text);
              model.unshift(text);
            } else if (what === 'pushFrontBytes') {
              list.pushFrontBytes(Buffer.from(`<${text}>`, 'latin1'), 1, text.length + 1);
              model.unshift(text);
            } else if (what === 'popBack') expect(list.popBack()).toBe(model.pop());
            else if (what === 'popFront') expect(list.popFront()).toBe(model.shift());
            else if (what === 'set') {
              expect(list.set(position - model.length, text)).toBe(model.length > 0);
              if (model.length > 0) model[position] = text;
            } else if (what === 'insert') {
              list.insert(position, text);
              model.splice(position, 0, text);
            }
          }
          // Either may be the one that goes on.
          if (at % 3 > 0) {
            const clone = list.clone();
            clones.push([at % 2 === 0 ? clone : list, model.slice()]);
            if (at % 2 !== 0) list = clone;
            if (clones.length > 4) clones.shift();
          }
          if (what === 'remove') {
            const isFromBack = at % 2 === 0;
            const matches = [...model.keys()].filter((i) => model[i] === element);
            const gone = new Set(isFromBack ? matches.slice(-times) : matches.slice(0, times));
            expect(list.removeEqual(element, times, isFromBack)).toBe(gone.size);
            model = model.filter((_, i) => !gone.has(i));
          }
          if (what === 'trim' && model.length > 0) {
            const from = at % model.length;
            list.trim(from, from + times * 3);
            model = model.slice(from, from + times * 3);
          }
        }
        expect([...list]).toEqual(model);
        for (const [clone, then] of clones) expect([...clone]).toEqual(then);
        for (const isBackwards of [false, true]) {
          const found: number[] = [];
          list.forEachEqual('a', isBackwards, Infinity, (position) => found.push(position) < 5);
          const all = [...model.keys()].filter((i) => model[i] === 'a');
          expect(found).toEqual((isBackwards ? all.toReversed() : all).slice(0, 5));
        }
        expect([...list.clone()]).toEqual(model);
        expect(list.size).toBe(model.length);
        for (let i = 0; i < model.length; i += 17) {
          expect(list.at(i)).toBe(model[i]);
          expect(list.at(-i - 1)).toBe(model.at(-i - 1));
          expect(rangeOf(list, i, Math.min(model.length, i + 140))).toBe(bulk(model.slice(i, i + 140)));
        }
        expect(list.at(model.length)).toBeUndefined();
        expect(list.bytes).toBe(ListValue.of(model).bytes);
      }),
      { numRuns: 30 },
    );
  });

  it('names its encoding as Redis 7.2 does', () => {
    const list = ListValue.of(['x']);
    expect(list.encoding(DEFAULT_ENCODING_LIMITS)).toBe('listpack');
    for (let i = 0; i < 100; i++) list.pushBack('y'.repeat(100));
    expect(list.encoding(DEFAULT_ENCODING_LIMITS)).toBe('quicklist');
    while (list.size > 60) list.popBack();
    expect(list.encoding(DEFAULT_ENCODING_LIMITS)).toBe('quicklist');
    while (list.size > 30) list.popBack();
    expect(list.encoding(DEFAULT_ENCODING_LIMITS)).toBe('listpack');
    expect(list.encoding({ ...DEFAULT_ENCODING_LIMITS, listMaxListpackSize: 10 })).toBe('quicklist');
  });

  it('leaves the original alone when a clone changes', () => {
    const list = ListValue.of(['a', 'b']);
    const copy = list.clone();
    copy.pushBack('c');
    copy.set(0, 'z');
    expect([...list]).toEqual(['a', 'b']);
  });
});
