import { array, bigInt, constantFrom, double, integer, oneof, record, string, uniqueArray } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { rawStreamId } from '../../../src/server/rdb/stream-id.ts';
import type { StreamConsumer, StreamGroup, StreamPending } from '../../../src/server/rdb/rdb-sink.ts';
import type { RecordedEntry, RecordedKey, RecordedValue } from './recording-sink.ts';

/** Any bytes, numbers that RDBs store specially, and lengths around the borders of the length encoding. */
const text: Arbitrary<string> = oneof(
  string({ unit: integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 80 }),
  bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  constantFrom(63, 64, 16_383, 16_384, 70_000).map((length) => 'x'.repeat(length)),
);

const time = integer({ min: 0, max: 2 ** 43 });
const uint64 = bigInt({ min: 0n, max: 2n ** 64n - 1n });
const id = oneof(
  record({ ms: integer({ min: 0, max: 2 ** 42 }).map(BigInt), seq: integer({ min: 0, max: 9 }).map(BigInt) }),
  record({ ms: uint64, seq: uint64 }),
).map(({ ms, seq }) => rawStreamId(ms, seq));
const sortedIds = uniqueArray(id, { maxLength: 100 }).map((ids) => ids.sort());
const someFields: Arbitrary<string[]> = oneof(
  constantFrom('1', '2').map((each) => ['a', each, 'b', each]),
  array(text, { minLength: 1, maxLength: 3 }).map((names) => names.flatMap((name) => [name, `v${name}`])),
);

const streamEntries: Arbitrary<RecordedEntry[]> = sortedIds.chain((ids) =>
  array(someFields, { minLength: ids.length, maxLength: ids.length }).map((fields) =>
    ids.map((each, index) => ({ id: each, fields: fields[index] ?? [] })),
  ),
);

const group: Arbitrary<StreamGroup> = record({
  name: text,
  lastId: id,
  entriesRead: integer({ min: -1, max: 1_000_000 }),
  owners: uniqueArray(record({ name: text, seenAtMs: time, activeAtMs: oneof(time, constantFrom(-1)) }), {
    selector: (owner) => owner.name,
    minLength: 1,
    maxLength: 3,
  }),
  pendingIds: sortedIds,
  deliveredAtMs: time,
  deliveries: integer({ min: 1, max: 300 }),
}).map(({ name, lastId, entriesRead, owners, pendingIds, deliveredAtMs, deliveries }) => {
  const pending: StreamPending[] = pendingIds.map((each) => ({ id: each, deliveredAtMs, deliveries }));
  const consumers: StreamConsumer[] = owners.map((owner, index) => ({
    ...owner,
    pending: pendingIds.filter((_, at) => at % owners.length === index),
  }));
  return { name, lastId, entriesRead, pending, consumers };
});

const stream: Arbitrary<RecordedValue> = record({
  entries: streamEntries,
  ids: record({ lastId: id, firstId: id, maxDeletedId: id, entriesAdded: integer({ min: 0, max: 2 ** 40 }) }),
  groups: uniqueArray(group, { selector: (each) => each.name, maxLength: 2 }),
}).map(({ entries, ids, groups }) => ({
  type: 'stream',
  entries,
  state: { ...ids, length: entries.length },
  groups,
}));

const elements = array(text, { minLength: 1, maxLength: 20 });
const uniqueTexts = uniqueArray(text, { minLength: 1, maxLength: 20 });
const score = double({ noNaN: true });

const value: Arbitrary<RecordedValue> = oneof(
  text.map((each): RecordedValue => ({ type: 'string', value: each })),
  elements.map((each): RecordedValue => ({ type: 'list', elements: each })),
  uniqueTexts.map((each): RecordedValue => ({ type: 'set', elements: each })),
  record({ members: uniqueTexts, scores: array(score, { minLength: 20, maxLength: 20 }) }).map(
    ({ members, scores }): RecordedValue => ({
      type: 'zset',
      members: members.map((member, index) => [member, scores[index] ?? 0]),
    }),
  ),
  uniqueTexts.map((names): RecordedValue => ({
    type: 'hash',
    fields: names.map((name) => [name, name.slice(1)]),
  })),
  stream,
);

export const arbitraryKeys: Arbitrary<RecordedKey[]> = uniqueArray(
  record({
    db: integer({ min: 0, max: 15 }),
    key: text,
    expireAtMs: oneof(constantFrom(-1), time),
    value,
  }),
  { selector: ({ db, key }) => `${db} ${key}`, maxLength: 12 },
).map((keys) => keys.sort((a, b) => a.db - b.db));
