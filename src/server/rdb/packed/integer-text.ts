/** A signed 64-bit little-endian integer as decimal text, exact over the whole range. */
export function int64Text(bytes: Buffer, at: number): string {
  const low = bytes.readUInt32LE(at);
  const high = bytes.readInt32LE(at + 4);
  if (high >= -0x200000 && high < 0x200000) return String(high * 0x100000000 + low);
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}
