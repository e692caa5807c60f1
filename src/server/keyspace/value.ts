/**
 * What a key can hold.
 *
 * Strings live as bytes in the keyspace's arena and never become objects. Every other type is an instance of one of
 * the classes in `values/`, kept in an array beside the arena. Elements, fields and members are *binary strings*: one
 * char per byte, latin1, so that they can be keys of a Map and travel through `Buffer.latin1Write` unchanged.
 */
export type ValueType = 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream';

export type ObjectType = Exclude<ValueType, 'string'>;

/**
 * The contract of every collection.
 *
 * A collection that becomes empty is removed from the keyspace by the command that emptied it (streams excepted, as in
 * Redis). Nothing in it reads a clock, draws random numbers but through what it was handed, or knows the key it is
 * kept under.
 */
export interface Value {
  readonly type: ObjectType;
  /** Number of elements, fields, members or entries. */
  readonly size: number;
  /** Estimate of the bytes held, for used_memory, MEMORY USAGE and eviction; O(1), kept up to date by the value. */
  readonly bytes: number;
  /** An independent deep copy, for COPY and for a snapshot that needs the old form of an entry about to change. */
  clone(): Value;
}

/** Redis' numbers for the types, as DEBUG DIGEST and RDB-independent tools use them. */
export const TYPE_NUMBER: Readonly<Record<ValueType, number>> = {
  string: 0,
  list: 1,
  set: 2,
  zset: 3,
  hash: 4,
  stream: 6,
};
