/** Bits of the hash that choose the register; the rest is what the register looks at. */
export const INDEX_BITS = 14;
/** Number of registers of a sketch. */
export const REGISTERS = 1 << INDEX_BITS;
/** Longest pattern a register can see: every one of the other 50 bits zero. */
export const MAX_RANK = 64 - INDEX_BITS + 1;

const SEED = 0xadc83b19;
const M_LOW = 0x5bd1e995;
const M_HIGH = 0xc6a4a793 | 0;
const M_LOW_0 = M_LOW & 0xffff;
const M_LOW_1 = M_LOW >>> 16;

/** The 64-bit number the hash is worked out in: numbers would round, bigints cost twenty times as much. */
let low = 0;
let high = 0;

/**
 * Where an element goes: its register, and in the bits above `INDEX_BITS` its rank (1 to `MAX_RANK`), which is the
 * position of the first 1 among the hash's other bits (source: hllPatLen in hyperloglog.c).
 */
export function placeOf(buf: Uint8Array, start: number, end: number): number {
  hashElement(buf, start, end);
  const index = low & (REGISTERS - 1);
  const rest = low >>> INDEX_BITS;
  let rank = MAX_RANK;
  if (rest !== 0) rank = trailingZeros(rest) + 1;
  else if (high !== 0) rank = trailingZeros(high) + 33 - INDEX_BITS;
  return (rank << INDEX_BITS) | index;
}

function trailingZeros(value: number): number {
  return 31 - Math.clz32(value & -value);
}

/** MurmurHash64A of `buf[start, end)` into `high` and `low`. */
function hashElement(buf: Uint8Array, start: number, end: number): void {
  low = end - start;
  high = 0;
  multiply();
  let hashLow = low ^ SEED;
  let hashHigh = high;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    low = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    high = buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24);
    multiply();
    mix();
    multiply();
    low ^= hashLow;
    high ^= hashHigh;
    multiply();
    hashLow = low;
    hashHigh = high;
  }
  low = hashLow;
  high = hashHigh;
  if (at < end) {
    for (let shift = 0; at < end; at += 1, shift += 8) {
      if (shift < 32) low ^= buf[at]! << shift;
      else high ^= buf[at]! << (shift - 32);
    }
    multiply();
  }
  mix();
  multiply();
  mix();
}

/** `h *= m`, modulo 2^64. */
function multiply(): void {
  const low0 = low & 0xffff;
  const low1 = low >>> 16;
  const first = low0 * M_LOW_0;
  const middle = low0 * M_LOW_1 + low1 * M_LOW_0 + (first >>> 16);
  const carry = low1 * M_LOW_1 + Math.floor(middle / 0x10000);
  high = (carry + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
  low = ((middle % 0x10000) * 0x10000) | (first & 0xffff);
}

/** `h ^= h >> 47`. */
function mix(): void {
  low ^= high >>> 15;
}
