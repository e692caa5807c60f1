import { array, assert, bigInt, boolean, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdMap } from '../../../../src/server/keyspace/values/id-map.ts';
import {
  compareIds,
  formatId,
  MAX_ID,
  MIN_ID,
  nextId,
  parseU64,
  previousId,
  toU64,
  type StreamId,
} from '../../../../src/server/keyspace/values/stream-id.ts';
import { StreamValue } from '../../../../src/server/keyspace/values/stream-value.ts';

const id = (ms: number, seq = 0): StreamId => ({ ms, seq });
const EXACT = { isApproximate: false, limit: 0 } as const;

function idsOf(stream: StreamValue): string[] {
  return [...stream].map(([entryId]) => formatId(entryId));
}

function streamOf(count: number): StreamValue {
  const stream = new StreamValue();
  for (let i = 1; i <= count; i++) stream.append(id(i), ['f', `${i}`]);
  return stream;
}

describe('stream ids', () => {
  const u64 = bigInt({ min: 0n, max: 2n ** 64n - 1n });

  it('order, follow and precede each other as 128-bit numbers', () => {
    assert(
      property(u64, u64, u64, u64, (aMs, aSeq, bMs, bSeq) => {
        const a: StreamId = { ms: toU64(aMs), seq: toU64(aSeq) };
        const b: StreamId = { ms: toU64(bMs), seq: toU64(bSeq) };
        const difference = ((aMs << 64n) | aSeq) - ((bMs << 64n) | bSeq);
        expect(Math.sign(compareIds(a, b))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
        const next = nextId(a);
        if (next === undefined) expect(a).toEqual(MAX_ID);
        else {
          expect(compareIds(next, a)).toBe(1);
          expect(previousId(next)).toEqual(a);
        }
        expect(parseU64(`${aMs}`)).toBe(a.ms);
      }),
    );
    expect(previousId(MIN_ID)).toBeUndefined();
    expect(nextId(MAX_ID)).toBeUndefined();
    expect(previousId(id(1))).toEqual({ ms: 0, seq: 2n ** 64n - 1n });
    expect(nextId({ ms: 0, seq: Number.MAX_SAFE_INTEGER })).toEqual({ ms: 0, seq: 2n ** 53n });
    expect(parseU64('18446744073709551616')).toBeUndefined();
    expect(parseU64('01')).toBeUndefined();
  });
});

describe('IdMap', () => {
  const step = record({
    isAdd: boolean(),
    at: integer({ min: 0, max: 3000 }),
    times: integer({ min: 1, max: 500 }),
    stride: constantFrom(1, -1, 7),
  });

  it('does what a sorted array does', () => {
    assert(
      property(array(step, { maxLength: 14 }), (steps) => {
        const map = new IdMap<number>();
        const model = new Map<number, number>();
        for (const { isAdd, at, times, stride } of steps)
          for (let i = 0; i < times; i++) {
            const key = (((at + i * stride) % 2000) + 2000) % 2000;
            if (isAdd) {
              map.set(id(key >> 2, key & 3), i);
              model.set(key, i);
            } else {
              expect(map.delete(id(key >> 2, key & 3))).toBe(model.get(key));
              model.delete(key);
            }
          }
        const keys = [...model.keys()].sort((a, b) => a - b);
        expect([...map].map(([{ ms, seq }]) => Number(ms) * 4 + Number(seq))).toEqual(keys);
        expect(map.size).toBe(keys.length);
        for (let from = 0; from < 2000; from += 111) {
          const upTo = from + 333;
          const wanted = keys.filter((key) => key >= from && key <= upTo);
          for (const isReverse of [false, true]) {
            const seen: number[] = [];
            map.forEachInRange(id(from >> 2, from & 3), id(upTo >> 2, upTo & 3), isReverse, ({ ms, seq }) => {
              seen.push(Number(ms) * 4 + Number(seq));
              return seen.length < 200;
            });
            expect(seen).toEqual((isReverse ? wanted.toReversed() : wanted).slice(0, 200));
          }
          expect(map.countBelow(id(from >> 2, from & 3))).toBe(keys.filter((key) => key < from).length);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('StreamValue', () => {
  it('trims exactly, and by whole nodes when that is enough', () => {
    const stream = streamOf(1000);
    expect(stream.trim({ by: 'maxlen', maxLength: 450, isApproximate: true, limit: 0 })).toBe(500);
    expect(stream.trim({ by: 'maxlen', maxLength: 100, isApproximate: true, limit: 250 })).toBe(200);
    expect(stream.trim({ by: 'maxlen', maxLength: 250, ...EXACT })).toBe(50);
    expect(stream.trim({ by: 'minid', minId: id(990), ...EXACT })).toBe(239);
    expect(stream.size).toBe(11);
    expect(stream.firstId).toEqual(id(990));
    expect(stream.entriesAdded).toBe(1000);
  });

  it('goes on where it was after all was trimmed', () => {
    const stream = streamOf(5);
    stream.trim({ by: 'maxlen', maxLength: 0, ...EXACT });
    expect(stream.firstId).toBeUndefined();
    stream.append(id(6), ['f', 'v']);
    expect(idsOf(stream)).toEqual(['6-0']);
  });

  it('tells the lag where deletions leave it known', () => {
    const stream = streamOf(10);
    const group = stream.addGroup('g', id(4), 4);
    expect(stream.lagOf(group)).toBe(6);
    stream.delete(id(8));
    expect(stream.lagOf(group)).toBeUndefined();
    group.lastId = id(10);
    group.entriesRead = 10;
    expect(stream.lagOf(group)).toBe(0);
    expect(stream.entriesBefore(MIN_ID)).toBeUndefined();
    expect(streamOf(3).entriesBefore(MIN_ID)).toBe(0);
  });

  it('moves pending entries between consumers and clones them', () => {
    const stream = streamOf(3);
    const group = stream.addGroup('g', id(3), 3);
    const alice = group.addConsumer('alice', 1);
    const bob = group.addConsumer('bob', 1);
    group.deliver(id(1), alice, 5, 1);
    group.deliver(id(2), alice, 5, 1);
    group.deliver(id(1), bob, 6, 2);
    const copy = stream.clone();
    expect(group.acknowledge(id(1))).toBe(true);
    expect(group.acknowledge(id(1))).toBe(false);
    expect([alice.pending.size, bob.pending.size, group.pending.size]).toEqual([1, 0, 1]);
    expect(group.deleteConsumer('alice')).toBe(1);
    expect(group.pending.size).toBe(0);
    const twin = copy.groups.get('g')!;
    expect([twin.pending.size, twin.consumers.get('bob')!.pending.size]).toEqual([2, 1]);
    expect(twin.pending.get(id(1))).toMatchObject({ deliveryTimeMs: 6, deliveryCount: 2 });
  });

  it('holds ids up to the highest', () => {
    const stream = new StreamValue();
    stream.append({ ms: 2n ** 63n, seq: 0 }, ['a', 'b']);
    stream.append(MAX_ID, ['a', 'b']);
    expect(idsOf(stream)).toEqual(['9223372036854775808-0', '18446744073709551615-18446744073709551615']);
    expect(stream.get(MAX_ID)).toEqual(['a', 'b']);
    expect(stream.delete(MAX_ID)).toBe(true);
    expect(stream.maxDeletedId).toEqual(MAX_ID);
  });
});
