import type { Value } from '../value.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { STRING_OVERHEAD_BYTES } from './encoding.ts';
import { IdMap } from './id-map.ts';
import { compareIds, isSameId, MIN_ID, type StreamId } from './stream-id.ts';

/** `stream-node-max-entries` and `stream-node-max-bytes`, 0 for no limit: what `~` trims by. */
export interface StreamNodeLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

export const DEFAULT_STREAM_NODE_LIMITS: StreamNodeLimits = { maxEntries: 100, maxBytes: 4096 };

/** Which entries to trim, oldest first; an approximate trim takes whole nodes only, and at most `limit` entries. */
export type StreamTrim = { readonly isApproximate: boolean; readonly limit: number } & (
  { readonly by: 'maxlen'; readonly maxLength: number } | { readonly by: 'minid'; readonly minId: StreamId }
);

const EMPTY_BYTES = 400;
const ENTRY_BYTES = 56;

/**
 * A stream: entries (fields and values in turn) by id, the counters that outlive them, and its consumer groups.
 *
 * Kept as Redis 7.2 keeps it: `entriesAdded` counts every entry ever added, `maxDeletedId` the highest id that XDEL
 * took, and from both a group's lag is told where it can be.
 */
export class StreamValue implements Value {
  readonly type = 'stream';
  lastId: StreamId = MIN_ID;
  maxDeletedId: StreamId = MIN_ID;
  entriesAdded = 0;
  private entries = new IdMap<readonly string[]>();
  private groupByName: Map<string, ConsumerGroup> | undefined;
  private entryBytes = 0;

  get size(): number {
    return this.entries.size;
  }

  get bytes(): number {
    let bytes = EMPTY_BYTES + this.entryBytes;
    if (this.groupByName !== undefined) for (const group of this.groupByName.values()) bytes += group.bytes;
    return bytes;
  }

  /** Consumer groups by name. */
  get groups(): ReadonlyMap<string, ConsumerGroup> {
    return (this.groupByName ??= new Map());
  }

  get firstId(): StreamId | undefined {
    return this.entries.firstId;
  }

  /** Id of the last entry still there. */
  get lastEntryId(): StreamId | undefined {
    return this.entries.lastId;
  }

  /** Nodes that hold the entries, as XINFO STREAM tells them. */
  get nodeCount(): number {
    return this.entries.chunkCount;
  }

  encoding(): 'stream' {
    return 'stream';
  }

  /** Adds an entry; its id must be above `lastId`. The caller gives the fields and values away. */
  append(id: StreamId, fields: readonly string[], limits = DEFAULT_STREAM_NODE_LIMITS): void {
    this.restore(id, fields, limits);
    this.lastId = id;
    this.entriesAdded++;
  }

  /** Adds an entry as a loaded file has it: above those there, leaving `lastId` and the counters alone. */
  restore(id: StreamId, fields: readonly string[], limits = DEFAULT_STREAM_NODE_LIMITS): void {
    let chars = 0;
    for (const field of fields) chars += field.length;
    this.entries.append(
      id,
      fields,
      { entries: limits.maxEntries || Infinity, bytes: limits.maxBytes || Infinity },
      chars + fields.length * 2 + 8,
    );
    this.entryBytes += bytesOf(fields);
  }

  get(id: StreamId): readonly string[] | undefined {
    return this.entries.get(id);
  }

  /** XDEL of one entry. */
  delete(id: StreamId): boolean {
    const fields = this.entries.delete(id);
    if (fields === undefined) return false;
    this.entryBytes -= bytesOf(fields);
    if (compareIds(id, this.maxDeletedId) > 0) this.maxDeletedId = id;
    return true;
  }

  /** Removes the oldest entries and returns how many went. */
  trim(trim: StreamTrim): number {
    let excess =
      trim.by === 'maxlen' ? Math.max(0, this.size - trim.maxLength) : this.entries.countBelow(trim.minId);
    if (trim.isApproximate) excess = this.wholeNodes(excess, trim.limit);
    for (const fields of this.entries.deleteFirst(excess)) this.entryBytes -= bytesOf(fields);
    return excess;
  }

  /** Visits entries with `from` ≤ id ≤ `to`, downwards when `isReverse`, until `visit` returns false. */
  forEachInRange(
    from: StreamId,
    to: StreamId,
    isReverse: boolean,
    visit: (id: StreamId, fields: readonly string[]) => boolean | void,
  ): void {
    this.entries.forEachInRange(from, to, isReverse, visit);
  }

  /** Entries in order; may be paused for as long as nothing changes the stream. */
  [Symbol.iterator](): Generator<readonly [StreamId, readonly string[]], void, undefined> {
    return this.entries[Symbol.iterator]();
  }

  /** Adds a group that is not there yet. */
  addGroup(name: string, lastId: StreamId, entriesRead: number): ConsumerGroup {
    const group = new ConsumerGroup(lastId, entriesRead);
    (this.groupByName ??= new Map()).set(name, group);
    return group;
  }

  deleteGroup(name: string): boolean {
    return this.groupByName?.delete(name) ?? false;
  }

  /** How many entries a group has still to read, or undefined when deletions make that unknown. */
  lagOf(group: ConsumerGroup): number | undefined {
    if (this.entriesAdded === 0) return 0;
    if (group.entriesRead !== -1 && !this.hasDeletedAfter(group.lastId))
      return this.entriesAdded - group.entriesRead;
    const read = this.entriesBefore(group.lastId);
    return read === undefined ? undefined : this.entriesAdded - read;
  }

  /** Whether an entry at or above `id`, and not below the first one there, was deleted. */
  hasDeletedAfter(id: StreamId): boolean {
    const { firstId, maxDeletedId } = this;
    if (firstId === undefined || isSameId(maxDeletedId, MIN_ID)) return false;
    return compareIds(firstId, maxDeletedId) <= 0 && compareIds(id, maxDeletedId) <= 0;
  }

  /** How many entries were ever added up to `id`, or undefined when that can't be told. */
  entriesBefore(id: StreamId): number | undefined {
    const { firstId, entriesAdded, maxDeletedId } = this;
    if (entriesAdded === 0) return 0;
    const toLast = compareIds(id, this.lastId);
    if (firstId === undefined) {
      if (toLast <= 0) return entriesAdded;
    } else if (toLast < 0) {
      const hasGaps = !isSameId(maxDeletedId, MIN_ID) && compareIds(maxDeletedId, firstId) >= 0;
      const toFirst = compareIds(id, firstId);
      if (hasGaps || toFirst > 0) return undefined;
      return entriesAdded - this.size + (toFirst === 0 ? 1 : 0);
    }
    return toLast === 0 ? entriesAdded : undefined;
  }

  clone(): StreamValue {
    const copy = new StreamValue();
    copy.lastId = this.lastId;
    copy.maxDeletedId = this.maxDeletedId;
    copy.entriesAdded = this.entriesAdded;
    copy.entries = this.entries.clone((fields) => fields);
    copy.entryBytes = this.entryBytes;
    if (this.groupByName !== undefined)
      copy.groupByName = new Map([...this.groupByName].map(([name, group]) => [name, group.clone()]));
    return copy;
  }

  /** How many of the oldest `excess` entries make up whole nodes, in steps that keep within `limit` (0 for none). */
  private wholeNodes(excess: number, limit: number): number {
    let whole = 0;
    for (const size of this.entries.chunkSizes()) {
      if (whole + size > excess || (limit > 0 && whole + size > limit)) break;
      whole += size;
    }
    return whole;
  }
}

function bytesOf(fields: readonly string[]): number {
  let bytes = ENTRY_BYTES + fields.length * STRING_OVERHEAD_BYTES;
  for (const field of fields) bytes += field.length;
  return bytes;
}
