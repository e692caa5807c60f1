import type { Value } from '../keyspace/value.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import { ListValue } from '../keyspace/values/list-value.ts';
import { SetValue } from '../keyspace/values/set-value.ts';
import { compareIds, MIN_ID, type StreamId } from '../keyspace/values/stream-id.ts';
import { StreamValue } from '../keyspace/values/stream-value.ts';
import { ZSetValue } from '../keyspace/values/zset-value.ts';
import { MalformedData } from '../rdb/rdb-error.ts';
import type { CollectionType, RawStreamId, StreamGroup, StreamState } from '../rdb/rdb-sink.ts';
import { splitStreamId } from '../rdb/stream-id.ts';

/** The part of an `RdbSink` that builds collections, one at a time, from what is said between `begin` and `end`. */
export abstract class CollectionBuilder {
  /** The collection being built. */
  protected value: Value = new ListValue();
  #lastEntryId: StreamId | undefined;

  protected startValue(type: CollectionType): void {
    this.value = emptyValue(type);
    this.#lastEntryId = undefined;
  }

  element(element: string): boolean {
    if (this.value instanceof SetValue) return this.value.add(element);
    if (this.value instanceof ListValue) this.value.pushBack(element);
    return true;
  }

  member(member: string, score: number): boolean {
    return this.value instanceof ZSetValue && this.value.set(member, score);
  }

  field(field: string, value: string, expireAtMs = -1): boolean {
    if (!(this.value instanceof HashValue) || !this.value.set(field, value)) return false;
    if (expireAtMs >= 0) this.value.setExpiry(field, expireAtMs);
    return true;
  }

  entry(rawId: RawStreamId, fields: string[]): boolean {
    const id = splitStreamId(rawId);
    if (this.#lastEntryId !== undefined && compareIds(this.#lastEntryId, id) >= 0) return false;
    this.#lastEntryId = id;
    this.#stream().restore(id, fields);
    return true;
  }

  streamState(state: StreamState): void {
    const stream = this.#stream();
    stream.lastId = splitStreamId(state.lastId);
    stream.maxDeletedId = state.maxDeletedId === undefined ? MIN_ID : splitStreamId(state.maxDeletedId);
    stream.entriesAdded = state.entriesAdded ?? state.length;
  }

  streamGroup(group: StreamGroup): boolean {
    const stream = this.#stream();
    if (stream.groups.has(group.name)) return false;
    const lastId = splitStreamId(group.lastId);
    const entriesRead = group.entriesRead ?? stream.entriesBefore(lastId) ?? -1;
    const built = stream.addGroup(group.name, lastId, entriesRead);
    const pending = new Map(group.pending.map((entry) => [entry.id, entry]));
    for (const { name, seenAtMs, activeAtMs, pending: ids } of group.consumers) {
      const consumer = built.addConsumer(name, seenAtMs, activeAtMs);
      for (const id of ids) {
        const entry = pending.get(id);
        if (entry === undefined) return false;
        built.deliver(splitStreamId(id), consumer, entry.deliveredAtMs, entry.deliveries);
      }
    }
    return true;
  }

  #stream(): StreamValue {
    if (this.value instanceof StreamValue) return this.value;
    throw new MalformedData('stream data outside a stream');
  }
}

function emptyValue(type: CollectionType): Value {
  switch (type) {
    case 'list':
      return new ListValue();
    case 'set':
      return new SetValue();
    case 'zset':
      return new ZSetValue();
    case 'hash':
      return new HashValue();
    case 'stream':
      return new StreamValue();
  }
}
