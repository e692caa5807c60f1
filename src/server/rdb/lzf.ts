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
