import { MalformedData } from './rdb-error.ts';

/** A back reference of three bytes yields at most 264, which bounds what an honest length can claim. */
const MAX_RATIO = 264 / 3;

/**
 * Unpacks LZF, the compression of RDB strings, into a new buffer of exactly `size` bytes.
 *
 * Throws `MalformedData` before allocating when `size` can't be true for that many packed bytes.
 */
export function lzfDecompress(bytes: Uint8Array, start: number, end: number, size: number): Buffer {
  if (size > (end - start) * MAX_RATIO + 264) throw new MalformedData('LZF length is not possible');
  const out = Buffer.allocUnsafe(size);
  let at = start;
  let to = 0;
  while (at < end) {
    const control = bytes[at++] as number;
    if (control < 32) {
      const length = control + 1;
      if (at + length > end || to + length > size) throw new MalformedData('LZF literal beyond the end');
      for (const stop = at + length; at < stop;) out[to++] = bytes[at++] as number;
      continue;
    }
    let length = (control >>> 5) + 2;
    if (length === 9) {
      if (at >= end) throw new MalformedData('LZF data is cut');
      length += bytes[at++] as number;
    }
    if (at >= end) throw new MalformedData('LZF data is cut');
    let from = to - ((control & 31) << 8) - (bytes[at++] as number) - 1;
    if (from < 0) throw new MalformedData('LZF reference before the start');
    if (to + length > size) throw new MalformedData('LZF reference beyond the end');
    for (const stop = to + length; to < stop;) out[to++] = out[from++] as number;
  }
  if (to !== size) throw new MalformedData(`LZF data has ${to} bytes instead of ${size}`);
  return out;
}

const TABLE_BITS = 14;
const MAX_OFFSET = 1 << 13;
const MAX_REFERENCE = 264;
const MAX_LITERALS = 32;
const UNROLLED = 16;
/** Where three bytes were last seen, by their hash; positions of all calls so far, one after the other. */
let table: Int32Array | undefined;
let passed = 0;

/**
 * Packs into `out` as LZF (lzf_c.c), whose table is smaller here to fit into the processor's nearest cache. Returns the
 * number of bytes, or 0 when it would not be `most` at most; `out` must hold that many.
 */
export function lzfCompress(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  most: number,
): number {
  if (passed + end > 0x7fff_0000 || table === undefined) {
    table = new Int32Array(1 << TABLE_BITS);
    passed = 0;
  }
  const seen = table;
  // What another call left behind is below the base, and so is the first byte, as in the original.
  const base = passed - start;
  passed += end - start + 1;
  const last = end - 2;
  let at = start;
  let to = 1;
  let literals = 0;
  let hash = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  while (at < last) {
    hash = (hash << 8) | (bytes[at + 2] as number);
    const slot = ((hash >>> (24 - TABLE_BITS)) - hash * 5) & ((1 << TABLE_BITS) - 1);
    const reference = (seen[slot] as number) - base;
    seen[slot] = at + base;
    const offset = at - reference - 1;
    if (
      reference <= start ||
      offset >= MAX_OFFSET ||
      bytes[reference + 2] !== bytes[at + 2] ||
      bytes[reference + 1] !== bytes[at + 1] ||
      bytes[reference] !== bytes[at]
    ) {
      if (to >= most) return 0;
      out[to++] = bytes[at++] as number;
      literals += 1;
      if (literals === MAX_LITERALS) {
        out[to - literals - 1] = literals - 1;
        literals = 0;
        to += 1;
      }
      continue;
    }
    if (to - (literals === 0 ? 1 : 0) + 4 >= most) return 0;
    if (literals === 0) to -= 1;
    else out[to - literals - 1] = literals - 1;
    const length = matchLength(bytes, reference, at, Math.min(MAX_REFERENCE, end - at - 2));
    if (length < 9) out[to++] = (offset >>> 8) | ((length - 2) << 5);
    else {
      out[to++] = (offset >>> 8) | (7 << 5);
      out[to++] = length - 9;
    }
    out[to++] = offset & 255;
    literals = 0;
    to += 1;
    at += length;
    if (at >= last) break;
    // The two places before the next one are remembered as well.
    hash = ((bytes[at - 2] as number) << 8) | (bytes[at - 1] as number);
    for (let place = at - 2; place < at; place += 1) {
      hash = (hash << 8) | (bytes[place + 2] as number);
      seen[((hash >>> (24 - TABLE_BITS)) - hash * 5) & ((1 << TABLE_BITS) - 1)] = place + base;
    }
  }
  if (to + 3 > most) return 0;
  while (at < end) {
    out[to++] = bytes[at++] as number;
    literals += 1;
    if (literals === MAX_LITERALS) {
      out[to - literals - 1] = literals - 1;
      literals = 0;
      to += 1;
    }
  }
  if (literals === 0) return to - 1;
  out[to - literals - 1] = literals - 1;
  return to;
}

/** How far two places are alike, three bytes at least: the limit counts as the original's unrolled loop makes it. */
function matchLength(bytes: Uint8Array, reference: number, at: number, limit: number): number {
  let length = 3;
  if (limit > UNROLLED) {
    while (length < UNROLLED + 2 && bytes[reference + length] === bytes[at + length]) length += 1;
    if (bytes[reference + length] !== bytes[at + length]) return length;
    length += 1;
  }
  while (length < limit && bytes[reference + length] === bytes[at + length]) length += 1;
  return length;
}
