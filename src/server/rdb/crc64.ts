/** The Jones polynomial, bits reversed, as two 32-bit halves (`src/crc64.c`). */
const POLYNOMIAL_LOW = 0xac4bc9b5;
const POLYNOMIAL_HIGH = 0x95ac9329;

const SLICES = 8;
const LOW = new Int32Array(SLICES * 256);
const HIGH = new Int32Array(SLICES * 256);

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry === 0) continue;
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
    LOW[byte] = low;
    HIGH[byte] = high;
  }
  for (let at = 256; at < LOW.length; at++) {
    const low = LOW[at - 256] as number;
    const high = HIGH[at - 256] as number;
    LOW[at] = ((low >>> 8) | (high << 24)) ^ (LOW[low & 255] as number);
    HIGH[at] = (high >>> 8) ^ (HIGH[low & 255] as number);
  }
  takeThePaths();
}

/**
 * V8 may compile the loop over a long piece in its midst, and goes back to interpreting where it then comes to code
 * that has never run: `update` has to have run as a whole before.
 */
function takeThePaths(): void {
  const sample = new Uint8Array(11);
  const crc = new Crc64();
  for (let i = 0; i < 20; i++) crc.update(sample, 0, sample.length);
}

/** Four bytes, the lowest first. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/**
 * CRC64 (Jones) of everything it was shown, as RDB files and DUMP payloads end with it.
 *
 * Kept in 32-bit halves and advanced eight bytes a step, because BigInt would be some hundred times slower and a full
 * sync is checksummed on the thread that serves clients.
 */
export class Crc64 {
  low = 0;
  high = 0;

  reset(): void {
    this.low = 0;
    this.high = 0;
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    if (LOW[1] === 0) fillTables();
    let low = this.low;
    let high = this.high;
    let at = start;
    for (const last = end - 8; at <= last; at += 8) {
      const a = low ^ wordAt(bytes, at);
      const b = high ^ wordAt(bytes, at + 4);
      const i7 = 1792 + (a & 255);
      const i6 = 1536 + ((a >>> 8) & 255);
      const i5 = 1280 + ((a >>> 16) & 255);
      const i4 = 1024 + (a >>> 24);
      const i3 = 768 + (b & 255);
      const i2 = 512 + ((b >>> 8) & 255);
      const i1 = 256 + ((b >>> 16) & 255);
      const i0 = b >>> 24;
      low =
        (LOW[i7] as number) ^
        (LOW[i6] as number) ^
        (LOW[i5] as number) ^
        (LOW[i4] as number) ^
        (LOW[i3] as number) ^
        (LOW[i2] as number) ^
        (LOW[i1] as number) ^
        (LOW[i0] as number);
      high =
        (HIGH[i7] as number) ^
        (HIGH[i6] as number) ^
        (HIGH[i5] as number) ^
        (HIGH[i4] as number) ^
        (HIGH[i3] as number) ^
        (HIGH[i2] as number) ^
        (HIGH[i1] as number) ^
        (HIGH[i0] as number);
    }
    for (; at < end; at++) {
      const index = (low ^ (bytes[at] as number)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ (LOW[index] as number);
      high = (high >>> 8) ^ (HIGH[index] as number);
    }
    this.low = low;
    this.high = high;
  }

  /** Writes the eight little-endian bytes of the checksum. */
  writeTo(bytes: Buffer, at: number): void {
    bytes.writeInt32LE(this.low | 0, at);
    bytes.writeInt32LE(this.high | 0, at + 4);
  }

  /** Whether the eight bytes at `at` are this checksum. */
  equals(bytes: Buffer, at: number): boolean {
    return bytes.readInt32LE(at) === (this.low | 0) && bytes.readInt32LE(at + 4) === (this.high | 0);
  }
}
