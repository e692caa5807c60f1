import type { RawStreamId } from './rdb-sink.ts';

const char = String.fromCharCode;

/** A 64-bit number from its halves as eight big-endian bytes in a binary string. */
export function rawUint64(high: number, low: number): string {
  return char(
    high >>> 24,
    (high >>> 16) & 255,
    (high >>> 8) & 255,
    high & 255,
    low >>> 24,
    (low >>> 16) & 255,
    (low >>> 8) & 255,
    low & 255,
  );
}

/** The ID `ms-seq`; both are taken modulo 2^64, as the deltas inside stream listpacks are. */
export function rawStreamId(ms: number | bigint, seq: number | bigint): RawStreamId {
  return rawHalf(ms) + rawHalf(seq);
}

function rawHalf(value: number | bigint): string {
  if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
    return rawUint64(Math.floor(value / 0x100000000), value >>> 0);
  }
  const wrapped = BigInt.asUintN(64, BigInt(value));
  return rawUint64(Number(wrapped >> 32n), Number(wrapped & 0xffffffffn));
}

/** Milliseconds and sequence of an ID: a number when exact, else a bigint. */
export function splitStreamId(id: RawStreamId): { ms: number | bigint; seq: number | bigint } {
  return { ms: half(id, 0), seq: half(id, 8) };
}

function half(id: RawStreamId, at: number): number | bigint {
  const high = word(id, at);
  const low = word(id, at + 4);
  return high < 0x200000 ? high * 0x100000000 + low : (BigInt(high) << 32n) | BigInt(low);
}

function word(id: RawStreamId, at: number): number {
  return (
    ((id.charCodeAt(at) << 24) |
      (id.charCodeAt(at + 1) << 16) |
      (id.charCodeAt(at + 2) << 8) |
      id.charCodeAt(at + 3)) >>>
    0
  );
}

/** ID plus the two deltas given as decimal text, modulo 2^64 each. */
export function addToStreamId(base: RawStreamId, msDelta: string, seqDelta: string): RawStreamId {
  return rawHalf(add(half(base, 0), msDelta)) + rawHalf(add(half(base, 8), seqDelta));
}

function add(value: number | bigint, delta: string): number | bigint {
  const plain = Number(delta);
  if (typeof value === 'number' && Number.isSafeInteger(plain)) {
    const sum = value + plain;
    if (sum >= 0 && Number.isSafeInteger(sum)) return sum;
  }
  return BigInt(value) + BigInt(delta);
}

/** Difference of two IDs' halves as signed 64-bit decimal text, the inverse of `addToStreamId`. */
export function streamIdDelta(id: RawStreamId, base: RawStreamId): { ms: bigint; seq: bigint } {
  return {
    ms: BigInt.asIntN(64, BigInt(half(id, 0)) - BigInt(half(base, 0))),
    seq: BigInt.asIntN(64, BigInt(half(id, 8)) - BigInt(half(base, 8))),
  };
}
