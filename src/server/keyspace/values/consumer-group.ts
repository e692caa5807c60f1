import { IdMap } from './id-map.ts';
import type { StreamId } from './stream-id.ts';

/** An entry delivered to a consumer and not yet acknowledged. */
export interface PendingEntry {
  consumer: Consumer;
  deliveryTimeMs: number;
  deliveryCount: number;
}

export interface Consumer {
  readonly name: string;
  /** When it last tried to read or claim, in Unix milliseconds. */
  seenTimeMs: number;
  /** When it last got something, in Unix milliseconds; -1 before. */
  activeTimeMs: number;
  readonly pending: IdMap<PendingEntry>;
}

const CONSUMER_BYTES = 200;
const PENDING_BYTES = 120;

/** A consumer group of a stream. An entry pending is held once, by the group and by its consumer. */
export class ConsumerGroup {
  lastId: StreamId;
  /** Entries ever read through the group, or -1 when that can't be known. */
  entriesRead: number;
  readonly pending = new IdMap<PendingEntry>();
  readonly consumers = new Map<string, Consumer>();

  constructor(lastId: StreamId, entriesRead: number) {
    this.lastId = lastId;
    this.entriesRead = entriesRead;
  }

  get bytes(): number {
    return CONSUMER_BYTES * (1 + this.consumers.size) + this.pending.size * PENDING_BYTES;
  }

  /** Adds a consumer that is not there yet. */
  addConsumer(name: string, seenTimeMs: number, activeTimeMs = -1): Consumer {
    const consumer: Consumer = { name, seenTimeMs, activeTimeMs, pending: new IdMap() };
    this.consumers.set(name, consumer);
    return consumer;
  }

  /** Removes a consumer with all that is pending at it, and returns how many entries these were. */
  deleteConsumer(name: string): number | undefined {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return undefined;
    for (const [id] of consumer.pending) this.pending.delete(id);
    this.consumers.delete(name);
    return consumer.pending.size;
  }

  /** Makes an entry pending at `consumer`, taking it from the one it was pending at. */
  deliver(id: StreamId, consumer: Consumer, deliveryTimeMs: number, deliveryCount: number): PendingEntry {
    const known = this.pending.get(id);
    if (known !== undefined) {
      this.reassign(id, known, consumer);
      known.deliveryTimeMs = deliveryTimeMs;
      known.deliveryCount = deliveryCount;
      return known;
    }
    const entry: PendingEntry = { consumer, deliveryTimeMs, deliveryCount };
    this.pending.set(id, entry);
    consumer.pending.set(id, entry);
    return entry;
  }

  /** Moves a pending entry to another consumer. */
  reassign(id: StreamId, entry: PendingEntry, consumer: Consumer): void {
    if (entry.consumer === consumer) return;
    entry.consumer.pending.delete(id);
    entry.consumer = consumer;
    consumer.pending.set(id, entry);
  }

  /** Takes an entry off the pending ones and says whether it was one. */
  acknowledge(id: StreamId): boolean {
    const entry = this.pending.delete(id);
    entry?.consumer.pending.delete(id);
    return entry !== undefined;
  }

  clone(): ConsumerGroup {
    const copy = new ConsumerGroup(this.lastId, this.entriesRead);
    for (const { name, seenTimeMs, activeTimeMs } of this.consumers.values())
      copy.addConsumer(name, seenTimeMs, activeTimeMs);
    for (const [id, { consumer, deliveryTimeMs, deliveryCount }] of this.pending)
      copy.deliver(id, copy.consumers.get(consumer.name)!, deliveryTimeMs, deliveryCount);
    return copy;
  }
}
