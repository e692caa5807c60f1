import type { Value } from '../keyspace/value.ts';
import type { ConsumerGroup } from '../keyspace/values/consumer-group.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import { ListValue } from '../keyspace/values/list-value.ts';
import { SetValue } from '../keyspace/values/set-value.ts';
import type { StreamId } from '../keyspace/values/stream-id.ts';
import { StreamValue } from '../keyspace/values/stream-value.ts';
import { ZSetValue } from '../keyspace/values/zset-value.ts';
import type { RawStreamId, StreamGroup, StreamState } from '../rdb/rdb-sink.ts';
import type { KeyRange, RdbWriter } from '../rdb/rdb-writer.ts';
import { rawStreamId } from '../rdb/stream-id.ts';
import { StreamWriter } from '../rdb/write-stream.ts';

/**
 * Writes a collection in steps: the generator yields after each element, so that a large one can be written in slices.
 * The head says how many elements follow, so the value must not change while it is being written; `substitute` carries
 * on from a copy of it when it is about to.
 */
export class ValueWriting {
  readonly #writer: RdbWriter;
  #value: Value;
  #elements: Iterator<unknown, void, undefined>;
  #written = 0;
  readonly #stream: StreamWriter | undefined;

  /** Writes the head. `key` is left out in DUMP payloads. */
  constructor(writer: RdbWriter, value: Value, key: KeyRange | undefined, expireAtMs: number) {
    this.#writer = writer;
    this.#value = value;
    this.#elements = iterate(value);
    if (value instanceof StreamValue) {
      const groups = Array.from(value.groups, ([name, group]) => describeGroup(name, group));
      this.#stream = new StreamWriter(writer, describeState(value), groups, value.bytes, key, expireAtMs);
    } else if (value instanceof HashValue && value.expiries !== undefined) {
      writer.beginExpiring(value.size, value.expiries.first, key, expireAtMs);
    } else if (value.type !== 'stream') {
      writer.begin(value.type, value.size, key, expireAtMs);
    }
  }

  /** Writes up to `count` elements. Answers whether the value is complete. */
  step(count: number): boolean {
    for (let left = count; left > 0; left--) {
      const next = this.#elements.next();
      if (next.done === true) {
        this.#stream?.end();
        return true;
      }
      this.#writeElement(next.value);
      this.#written++;
    }
    return false;
  }

  /** Goes on with an equal value in place of the one that is about to change. */
  substitute(copy: Value): void {
    this.#value = copy;
    this.#elements = iterate(copy);
    for (let skip = this.#written; skip > 0; skip--) this.#elements.next();
  }

  #writeElement(element: unknown): void {
    const writer = this.#writer;
    switch (this.#value.type) {
      case 'list':
      case 'set':
        writer.text(element as string);
        return;
      case 'zset': {
        const [member, score] = element as [string, number];
        writer.member(member, score);
        return;
      }
      case 'hash': {
        const [field, value] = element as [string, string];
        const hash = this.#value as HashValue;
        if (hash.expiries !== undefined) {
          writer.expiringField(field, value, hash.expiryOf(field));
          return;
        }
        writer.text(field);
        writer.text(value);
        return;
      }
      case 'stream': {
        const [id, fields] = element as [StreamId, readonly string[]];
        this.#stream?.entry(rawId(id), fields);
      }
    }
  }
}

/** Writes a whole collection at once. */
export function writeValue(
  writer: RdbWriter,
  value: Value,
  key: KeyRange | undefined,
  expireAtMs: number,
): void {
  new ValueWriting(writer, value, key, expireAtMs).step(Number.POSITIVE_INFINITY);
}

function iterate(value: Value): Iterator<unknown, void, undefined> {
  if (value instanceof ListValue || value instanceof HashValue) return value[Symbol.iterator]();
  if (value instanceof SetValue || value instanceof ZSetValue) return value[Symbol.iterator]();
  if (value instanceof StreamValue) return value[Symbol.iterator]();
  throw new Error(`no RDB form for a value of type ${value.type}`);
}

const rawId = ({ ms, seq }: StreamId): RawStreamId => rawStreamId(ms, seq);

function describeState(stream: StreamValue): StreamState {
  return {
    lastId: rawId(stream.lastId),
    firstId: rawId(stream.firstId ?? { ms: 0, seq: 0 }),
    maxDeletedId: rawId(stream.maxDeletedId),
    entriesAdded: stream.entriesAdded,
    length: stream.size,
  };
}

function describeGroup(name: string, group: ConsumerGroup): StreamGroup {
  return {
    name,
    lastId: rawId(group.lastId),
    entriesRead: group.entriesRead,
    pending: Array.from(group.pending, ([id, { deliveryTimeMs, deliveryCount }]) => ({
      id: rawId(id),
      deliveredAtMs: deliveryTimeMs,
      deliveries: deliveryCount,
    })),
    consumers: Array.from(
      group.consumers.values(),
      ({ name: consumer, seenTimeMs, activeTimeMs, pending }) => ({
        name: consumer,
        seenAtMs: seenTimeMs,
        activeAtMs: activeTimeMs,
        pending: Array.from(pending, ([id]) => rawId(id)),
      }),
    ),
  };
}
