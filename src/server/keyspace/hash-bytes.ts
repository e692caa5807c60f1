/** MurmurHash3 (32 bit) of `bytes[start, end)`, as an int32: short keys in few steps, and a seed against flooding. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  const words = end - 3;
  while (at < words) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    at += 4;
  }
  if (at < end) {
    let k = bytes[at]!;
    if (at + 1 < end) k |= bytes[at + 1]! << 8;
    if (at + 2 < end) k |= bytes[at + 2]! << 16;
    k = Math.imul(k, 0xcc9e2d51);
    hash ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  }
  hash ^= end - start;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
