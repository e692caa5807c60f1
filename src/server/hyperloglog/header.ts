/**
 * What every sketch begins with: `HYLL`, the encoding, three unused bytes, and the last count in little endian, whose
 * top bit says that it is out of date (source: struct hllhdr in hyperloglog.c).
 */
export const HEADER_BYTES = 16;
export const DENSE = 0;
export const SPARSE = 1;

const MAGIC = 'HYLL';
const ENCODING_AT = 4;
const COUNT_AT = 8;
const STALE_AT = 15;
const STALE = 0x80;

export function writeHeader(bytes: Buffer, encoding: number): void {
  bytes.latin1Write(MAGIC, 0);
  bytes[ENCODING_AT] = encoding;
}

export function hasMagic(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes.latin1Slice(0, MAGIC.length) === MAGIC;
}

export function encodingOf(bytes: Buffer): number {
  return bytes[ENCODING_AT]!;
}

/** The count kept in the header; undefined when something was added since. */
export function readCount(bytes: Buffer): bigint | undefined {
  return (bytes[STALE_AT]! & STALE) === 0 ? bytes.readBigInt64LE(COUNT_AT) : undefined;
}

export function writeCount(bytes: Buffer, count: bigint): void {
  bytes.writeBigInt64LE(count, COUNT_AT);
}

export function dropCount(bytes: Buffer): void {
  bytes[STALE_AT]! |= STALE;
}
