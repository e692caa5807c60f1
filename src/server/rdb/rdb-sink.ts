export type CollectionType = 'list' | 'set' | 'zset' | 'hash' | 'stream';

/**
 * A stream ID as 16 bytes, milliseconds then sequence, both big-endian, in a binary string: compares like the number
 * it is and is exact over all of 128 bits.
 */
export type RawStreamId = string;

export interface StreamState {
  readonly lastId: RawStreamId;
  /** Undefined when the file is older than 7.0 and doesn't say. */
  readonly firstId: RawStreamId | undefined;
  readonly maxDeletedId: RawStreamId | undefined;
  readonly entriesAdded: number | undefined;
  readonly length: number;
}

export interface StreamPending {
  readonly id: RawStreamId;
  readonly deliveredAtMs: number;
  readonly deliveries: number;
}

export interface StreamConsumer {
  readonly name: string;
  readonly seenAtMs: number;
  /** -1 when it never fetched anything; the same as `seenAtMs` in files older than 7.2. */
  readonly activeAtMs: number;
  readonly pending: readonly RawStreamId[];
}

export interface StreamGroup {
  readonly name: string;
  readonly lastId: RawStreamId;
  /** -1 when unknown to the server that wrote it, undefined when the file is older than 7.0. */
  readonly entriesRead: number | undefined;
  readonly pending: readonly StreamPending[];
  readonly consumers: readonly StreamConsumer[];
}

/**
 * Where a reader puts what it reads.
 *
 * Byte ranges are valid during the call only. Elements are binary strings (one latin1 char a byte). Between `begin`
 * and `end` come the calls that fit the type; those which return a boolean answer false for a duplicate, which makes
 * the file corrupt. A throw ends the reading and reaches whoever feeds the reader.
 */
export interface RdbSink {
  selectDb(index: number): void;
  /** Announced sizes of the selected database. Unverified: a hint, never a number to allocate by. */
  resizeDb(keys: number, expires: number): void;
  aux(name: string, value: string): void;
  functionLibrary(code: string): void;
  /** `expireAtMs` is Unix time, or -1 for none. */
  string(
    key: Buffer,
    keyStart: number,
    keyEnd: number,
    value: Buffer,
    valueStart: number,
    valueEnd: number,
    expireAtMs: number,
  ): void;
  begin(type: CollectionType, key: Buffer, keyStart: number, keyEnd: number, expireAtMs: number): void;
  /** Next element of a list, or member of a set. */
  element(value: string): boolean;
  member(member: string, score: number): boolean;
  /** `expireAtMs`, of the field alone, is Unix time, or -1 for none. */
  field(field: string, value: string, expireAtMs?: number): boolean;
  /** Entries come in the order of their IDs. `fields` alternates field and value. */
  entry(id: RawStreamId, fields: string[]): boolean;
  streamState(state: StreamState): void;
  streamGroup(group: StreamGroup): boolean;
  /** `isEmpty` (never with streams): nothing was stored under this key, and the key is to be dropped as Redis does. */
  end(isEmpty: boolean): void;
}
