/** An unsigned 64-bit number: a bigint only where a number would not be exact, so `===` and `<` work on both. */
export type U64 = number | bigint;

/** The id of a stream entry. */
export interface StreamId {
  readonly ms: U64;
  readonly seq: U64;
}

const U64_MAX = 0xffff_ffff_ffff_ffffn;

export const MIN_ID: StreamId = { ms: 0, seq: 0 };
export const MAX_ID: StreamId = { ms: U64_MAX, seq: U64_MAX };

/** The canonical form of an unsigned 64-bit number. */
export function toU64(value: bigint): U64 {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Reads an unsigned 64-bit number as Redis writes it, or undefined. */
export function parseU64(text: string): U64 | undefined {
  if (!/^(?:0|[1-9]\d{0,19})$/.test(text)) return undefined;
  if (text.length < 16) return Number(text);
  const value = BigInt(text);
  return value > U64_MAX ? undefined : toU64(value);
}

export function compareIds(a: StreamId, b: StreamId): number {
  if (a.ms !== b.ms) return a.ms < b.ms ? -1 : 1;
  if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1;
  return 0;
}

export function isSameId(a: StreamId, b: StreamId): boolean {
  return a.ms === b.ms && a.seq === b.seq;
}

export function formatId(id: StreamId): string {
  return `${id.ms}-${id.seq}`;
}

/** The id after `id`, or undefined after the last. */
export function nextId({ ms, seq }: StreamId): StreamId | undefined {
  if (seq !== U64_MAX) return { ms, seq: increment(seq) };
  return ms === U64_MAX ? undefined : { ms: increment(ms), seq: 0 };
}

/** The id before `id`, or undefined before 0-0. */
export function previousId({ ms, seq }: StreamId): StreamId | undefined {
  if (seq !== 0) return { ms, seq: decrement(seq) };
  return ms === 0 ? undefined : { ms: decrement(ms), seq: U64_MAX };
}

function increment(value: U64): U64 {
  return typeof value === 'number' && value < Number.MAX_SAFE_INTEGER ? value + 1 : toU64(BigInt(value) + 1n);
}

function decrement(value: U64): U64 {
  return typeof value === 'number' ? value - 1 : toU64(value - 1n);
}
