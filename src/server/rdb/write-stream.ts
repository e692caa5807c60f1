import { ListpackWriter } from './packed/listpack-writer.ts';
import { RDB_TYPE } from './rdb-format.ts';
import type { RawStreamId, StreamGroup, StreamState } from './rdb-sink.ts';
import type { KeyRange, RdbWriter, WriterVersion } from './rdb-writer.ts';
import { formatStreamCounters, STREAM_COUNTERS_AUX } from './stream-counters.ts';
import { streamIdDelta } from './stream-id.ts';

const ENTRIES_PER_NODE = 64;
/** Mean bytes of an entry from which on each gets a node of its own, so that no listpack grows beyond its format. */
const BIG_ENTRY_BYTES = 64 * 1024;
const FLAG_SAME_FIELDS = 2;
const NO_ID = '\0'.repeat(16);

/**
 * Writes one stream: construct (writes the head), `entry` for each of `state.length` entries in order, `end`.
 * `bytes` is a rough size of all entries. Entries go out as whole nodes.
 */
export class StreamWriter {
  readonly #writer: RdbWriter;
  readonly #state: StreamState;
  readonly #groups: readonly StreamGroup[];
  readonly #listpack = new ListpackWriter();
  readonly #entriesPerNode: number;
  #entriesLeft: number;
  #nodeLeft = 0;
  #base: RawStreamId = NO_ID;
  #masterFields: readonly string[] = [];

  constructor(
    writer: RdbWriter,
    state: StreamState,
    groups: readonly StreamGroup[],
    bytes: number,
    key: KeyRange | undefined,
    expireAtMs: number,
  ) {
    this.#writer = writer;
    this.#state = state;
    this.#groups = groups;
    this.#entriesLeft = state.length;
    this.#entriesPerNode = bytes > state.length * BIG_ENTRY_BYTES ? 1 : ENTRIES_PER_NODE;
    if (writer.version === 9 && key !== undefined) {
      writer.aux(STREAM_COUNTERS_AUX, formatStreamCounters(state, groups));
    }
    writer.keyHeader(typeOfVersion(writer.version), expireAtMs);
    if (key !== undefined) writer.range(key.bytes, key.start, key.end);
    writer.length(Math.ceil(state.length / this.#entriesPerNode));
  }

  /** `fields` alternates field and value. */
  entry(id: RawStreamId, fields: readonly string[]): void {
    if (this.#nodeLeft === 0) this.#beginNode(id, fields);
    this.#writeEntry(id, fields);
    this.#entriesLeft--;
    this.#nodeLeft--;
    if (this.#nodeLeft > 0) return;
    const node = this.#listpack.finish();
    this.#writer.text(this.#base);
    this.#writer.range(node, 0, node.length);
  }

  end(): void {
    const writer = this.#writer;
    const state = this.#state;
    writer.length(state.length);
    this.#id(state.lastId);
    if (writer.version >= 10) {
      this.#id(state.firstId ?? NO_ID);
      this.#id(state.maxDeletedId ?? NO_ID);
      writer.length(state.entriesAdded ?? state.length);
    }
    writer.length(this.#groups.length);
    for (const group of this.#groups) this.#writeGroup(group);
  }

  #beginNode(id: RawStreamId, fields: readonly string[]): void {
    const listpack = this.#listpack;
    this.#nodeLeft = Math.min(this.#entriesPerNode, this.#entriesLeft);
    this.#base = id;
    this.#masterFields = fields;
    listpack.reset();
    listpack.integer(this.#nodeLeft);
    listpack.integer(0);
    listpack.integer(fields.length / 2);
    for (let i = 0; i < fields.length; i += 2) listpack.text(fields[i] as string);
    listpack.integer(0);
  }

  #writeEntry(id: RawStreamId, fields: readonly string[]): void {
    const listpack = this.#listpack;
    const isSame = this.#hasMasterFields(fields);
    const delta = streamIdDelta(id, this.#base);
    const pairs = fields.length / 2;
    listpack.integer(isSame ? FLAG_SAME_FIELDS : 0);
    listpack.integer(delta.ms);
    listpack.integer(delta.seq);
    if (!isSame) listpack.integer(pairs);
    for (let i = 0; i < fields.length; i += 2) {
      if (!isSame) listpack.text(fields[i] as string);
      listpack.text(fields[i + 1] as string);
    }
    listpack.integer(isSame ? pairs + 3 : pairs * 2 + 4);
  }

  #hasMasterFields(fields: readonly string[]): boolean {
    const master = this.#masterFields;
    if (fields.length !== master.length) return false;
    for (let i = 0; i < fields.length; i += 2) if (fields[i] !== master[i]) return false;
    return true;
  }

  #writeGroup(group: StreamGroup): void {
    const writer = this.#writer;
    writer.text(group.name);
    this.#id(group.lastId);
    if (writer.version >= 10) {
      const entriesRead = group.entriesRead ?? -1;
      if (entriesRead < 0) writer.length64(0xffffffff, 0xffffffff);
      else writer.length(entriesRead);
    }
    writer.length(group.pending.length);
    for (const { id, deliveredAtMs, deliveries } of group.pending) {
      this.#rawId(id);
      writer.int64(deliveredAtMs);
      writer.length(deliveries);
    }
    writer.length(group.consumers.length);
    for (const consumer of group.consumers) {
      writer.text(consumer.name);
      writer.int64(consumer.seenAtMs);
      if (writer.version >= 11) writer.int64(consumer.activeAtMs);
      writer.length(consumer.pending.length);
      for (const id of consumer.pending) this.#rawId(id);
    }
  }

  #id(id: RawStreamId): void {
    const bytes = Buffer.from(id, 'latin1');
    this.#writer.length64(bytes.readUInt32BE(0), bytes.readUInt32BE(4));
    this.#writer.length64(bytes.readUInt32BE(8), bytes.readUInt32BE(12));
  }

  #rawId(id: RawStreamId): void {
    const bytes = Buffer.from(id, 'latin1');
    this.#writer.raw(bytes, 0, bytes.length);
  }
}

const typeOfVersion = (version: WriterVersion): number =>
  version === 9 ? RDB_TYPE.stream : version === 10 ? RDB_TYPE.stream2 : RDB_TYPE.stream3;
