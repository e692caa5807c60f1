import { REGISTERS } from './hash-element.ts';
import { HEADER_BYTES } from './header.ts';

/** Registers of six bits, the lowest bits first. */
const BITS = 6;
const MASK = 63;
/** Length of a dense sketch. */
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * BITS) / 8;

/** The value of a register of a dense sketch. */
export function denseRegister(bytes: Buffer, index: number): number {
  const at = HEADER_BYTES + ((index * BITS) >> 3);
  const shift = (index * BITS) & 7;
  // A register that ends with its byte has no part in the next one, which for the last is not there.
  return ((bytes[at]! >> shift) | ((bytes[at + 1] ?? 0) << (8 - shift))) & MASK;
}

export function setDenseRegister(bytes: Buffer, index: number, value: number): void {
  const at = HEADER_BYTES + ((index * BITS) >> 3);
  const shift = (index * BITS) & 7;
  bytes[at] = (bytes[at]! & ~(MASK << shift)) | (value << shift);
  if (shift > 2) bytes[at + 1] = (bytes[at + 1]! & ~(MASK >> (8 - shift))) | (value >> (8 - shift));
}

/** Raises a register to `rank`; false when it is that high already. */
export function raiseDense(bytes: Buffer, index: number, rank: number): boolean {
  if (denseRegister(bytes, index) >= rank) return false;
  setDenseRegister(bytes, index, rank);
  return true;
}

/** Adds to `histogram` how many registers hold each value. */
export function countDense(bytes: Buffer, histogram: Uint32Array): void {
  for (let at = HEADER_BYTES; at < DENSE_BYTES; at += 3) {
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    histogram[four & MASK]! += 1;
    histogram[(four >> 6) & MASK]! += 1;
    histogram[(four >> 12) & MASK]! += 1;
    histogram[four >> 18]! += 1;
  }
}
