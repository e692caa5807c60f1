import { MAX_RANK, REGISTERS } from './hash-element.ts';

/** 0.5 / ln 2. */
const ALPHA = 0.7213475204444817;
/** What llroundl gives for a number too large. */
const OUT_OF_RANGE = -(2n ** 63n);

/**
 * About how many different elements a sketch has seen, from how many registers hold each value. Ertl's estimator,
 * with the very order of operations of the original, so that both round alike (source: hllCount in hyperloglog.c;
 * "New cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284).
 */
export function estimate(histogram: Uint32Array): bigint {
  let z = REGISTERS * tau((REGISTERS - histogram[MAX_RANK]!) / REGISTERS);
  for (let rank = MAX_RANK - 1; rank >= 1; rank -= 1) {
    z += histogram[rank]!;
    z *= 0.5;
  }
  z += REGISTERS * sigma(histogram[0]! / REGISTERS);
  const count = Math.round((ALPHA * REGISTERS * REGISTERS) / z);
  return count < 2 ** 63 ? BigInt(count) : OUT_OF_RANGE;
}

function sigma(start: number): number {
  if (start === 1) return Infinity;
  let x = start;
  let y = 1;
  let z = x;
  for (let before = NaN; before !== z;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let x = start;
  let y = 1;
  let z = 1 - x;
  for (let before = NaN; before !== z;) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}
