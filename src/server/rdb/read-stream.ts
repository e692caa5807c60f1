import { ListpackReader } from './packed/listpack-reader.ts';
import { MalformedData } from './rdb-error.ts';
import { RDB_TYPE } from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import type { RawStreamId, RdbSink, StreamConsumer, StreamGroup, StreamPending } from './rdb-sink.ts';
import { completeGroup, type StreamCounters } from './stream-counters.ts';
import { addToStreamId, rawUint64 } from './stream-id.ts';

const ID_BYTES = 16;
const FLAG_DELETED = 1;
const FLAG_SAME_FIELDS = 2;

type Reading<T> = Generator<undefined, T, undefined>;

/** Types 15, 19 (7.0: counters) and 21 (7.2: active time of consumers). `counters` complete the first. */
export function* readStream(
  input: RdbInput,
  sink: RdbSink,
  type: number,
  counters: StreamCounters | undefined,
): Reading<void> {
  const hasCounters = type !== RDB_TYPE.stream;
  while (!input.readLength()) yield;
  const nodes = input.value;
  let live = 0;
  for (let i = 0; i < nodes; i++) {
    while (!input.readString()) yield;
    if (input.end - input.start !== ID_BYTES)
      throw new MalformedData('a stream node whose ID is not 16 bytes');
    const base = input.text();
    while (!input.readString()) yield;
    live += readNode(new ListpackReader(input.bytes, input.start, input.end), base, sink);
  }
  while (!input.readLength()) yield;
  const length = input.value;
  if (length !== live) throw new MalformedData(`a stream of ${live} entries that claims ${length}`);
  const lastId = yield* readId(input);
  const firstId = hasCounters ? yield* readId(input) : counters?.state.firstId;
  const maxDeletedId = hasCounters ? yield* readId(input) : counters?.state.maxDeletedId;
  const entriesAdded = hasCounters ? yield* readCount(input) : counters?.state.entriesAdded;
  sink.streamState({ lastId, firstId, maxDeletedId, entriesAdded, length });
  while (!input.readLength()) yield;
  const groups = input.value;
  for (let i = 0; i < groups; i++) {
    const group = yield* readGroup(input, hasCounters, type === RDB_TYPE.stream3);
    if (!sink.streamGroup(hasCounters ? group : completeGroup(group, counters, i)))
      throw new MalformedData('a consumer group that is there twice');
  }
}

/**
 * One node: `count deleted num-fields field… 0`, then per entry `flags ms seq [num-fields] [field] value… lp-count`,
 * IDs relative to the node's (`src/t_stream.c`). Answers the number of entries that are not deleted.
 */
function readNode(packed: ListpackReader, base: RawStreamId, sink: RdbSink): number {
  const live = packed.nextInteger();
  const total = live + packed.nextInteger();
  const masterFields: string[] = [];
  for (let left = packed.nextInteger(); left > 0; left--) masterFields.push(packed.next());
  packed.next();
  let seen = 0;
  for (let i = 0; i < total; i++) {
    const flags = packed.nextInteger();
    const ms = packed.next();
    const seq = packed.next();
    const fields = readEntryFields(packed, masterFields, (flags & FLAG_SAME_FIELDS) !== 0);
    packed.next();
    if ((flags & FLAG_DELETED) !== 0) continue;
    seen++;
    const id = addToStreamId(base, ms, seq);
    if (!sink.entry(id, fields)) throw new MalformedData('stream entries out of order');
  }
  if (seen !== live || packed.hasNext)
    throw new MalformedData('a stream node whose counts contradict its entries');
  return live;
}

function readEntryFields(packed: ListpackReader, masterFields: readonly string[], isSame: boolean): string[] {
  const fields: string[] = [];
  if (isSame) {
    for (const field of masterFields) fields.push(field, packed.next());
    return fields;
  }
  for (let left = packed.nextInteger(); left > 0; left--) fields.push(packed.next(), packed.next());
  return fields;
}

function* readGroup(input: RdbInput, hasCounters: boolean, hasActiveTime: boolean): Reading<StreamGroup> {
  while (!input.readString()) yield;
  const name = input.text();
  const lastId = yield* readId(input);
  const entriesRead = hasCounters ? yield* readCount(input) : undefined;
  while (!input.readLength()) yield;
  const pendingCount = input.value;
  const pending: StreamPending[] = [];
  const owned = new Map<RawStreamId, boolean>();
  for (let i = 0; i < pendingCount; i++) {
    while (!input.readBytes(ID_BYTES)) yield;
    const id = input.text();
    while (!input.readInt64()) yield;
    const deliveredAtMs = input.value;
    while (!input.readLength()) yield;
    if (owned.has(id)) throw new MalformedData('a pending entry that is there twice');
    owned.set(id, false);
    pending.push({ id, deliveredAtMs, deliveries: input.value });
  }
  while (!input.readLength()) yield;
  const consumerCount = input.value;
  const consumers: StreamConsumer[] = [];
  const names = new Set<string>();
  for (let i = 0; i < consumerCount; i++) {
    const consumer = yield* readConsumer(input, hasActiveTime);
    if (names.has(consumer.name)) throw new MalformedData('a consumer that is there twice');
    names.add(consumer.name);
    for (const id of consumer.pending) {
      if (owned.get(id) !== false)
        throw new MalformedData("a consumer's entry that its group doesn't have pending");
      owned.set(id, true);
    }
    consumers.push(consumer);
  }
  for (const isOwned of owned.values()) {
    if (!isOwned) throw new MalformedData('a pending entry without a consumer');
  }
  return { name, lastId, entriesRead, pending, consumers };
}

function* readConsumer(input: RdbInput, hasActiveTime: boolean): Reading<StreamConsumer> {
  while (!input.readString()) yield;
  const name = input.text();
  while (!input.readInt64()) yield;
  const seenAtMs = input.value;
  if (hasActiveTime) while (!input.readInt64()) yield;
  const activeAtMs = input.value;
  while (!input.readLength()) yield;
  const count = input.value;
  const pending: RawStreamId[] = [];
  for (let i = 0; i < count; i++) {
    while (!input.readBytes(ID_BYTES)) yield;
    pending.push(input.text());
  }
  return { name, seenAtMs, activeAtMs, pending };
}

function* readId(input: RdbInput): Reading<RawStreamId> {
  while (!input.readLength()) yield;
  const ms = rawUint64(input.high, input.low);
  while (!input.readLength()) yield;
  return ms + rawUint64(input.high, input.low);
}

/** A counter that is stored as unsigned but means -1 by all bits set. */
function* readCount(input: RdbInput): Reading<number> {
  while (!input.readLength()) yield;
  return input.high >= 0x80000000 ? -1 : input.value;
}
