/**
 * The form of a RESP bulk string, `$length CR LF bytes CR LF`, in which elements are kept so that a reply is a copy of
 * them. RESP2 and RESP3 write it alike.
 */

/** Takes bytes in that form, whole entries at a time: a reply. */
export interface BulkSink {
  raw(bytes: Uint8Array, start: number, end: number): void;
}

const DOLLAR = 0x24;
const CR = 13;
const LF = 10;
/** Longer strings and ranges are copied by a native call, which costs as much as so many bytes one by one. */
const LOOP_BYTES = 64;

/** Bytes an element of `length` bytes takes. */
export function entryBytes(length: number): number {
  if (length < 10) return length + 6;
  if (length < 100) return length + 7;
  if (length < 1000) return length + 8;
  return length + 5 + String(length).length;
}

/** Length of the element of an entry of `size` bytes: the other way round. */
export function elementLength(size: number): number {
  if (size < 16) return size - 6;
  if (size < 107) return size - 7;
  if (size < 1008) return size - 8;
  let length = size - 9;
  while (entryBytes(length) > size) length--;
  return length;
}

/** Where the entry at `at` ends. */
export function entryEnd(bytes: Uint8Array, at: number): number {
  let length = 0;
  let next = at + 1;
  for (let byte = bytes[next]!; byte !== CR; byte = bytes[++next]!) length = length * 10 + byte - 0x30;
  return next + length + 4;
}

/** Where the element of the entry at `at` begins; it ends 2 bytes before the entry does. */
export function elementStart(bytes: Uint8Array, at: number): number {
  let next = at + 3;
  while (bytes[next] !== LF) next++;
  return next + 1;
}

/** The element of the entry at `at` as a binary string. */
export function elementAt(bytes: Buffer, at: number): string {
  return bytes.latin1Slice(elementStart(bytes, at), entryEnd(bytes, at) - 2);
}

/** Writes the element `from[start, end)` as an entry of `bytes` at `at`, where there is room for it. */
export function writeBytes(bytes: Buffer, at: number, from: Uint8Array, start: number, end: number): void {
  const begin = writeHeader(bytes, at, end - start);
  copyBytes(from, start, end, bytes, begin);
  bytes[begin + end - start] = CR;
  bytes[begin + end - start + 1] = LF;
}

/** `writeBytes` of a binary string. */
export function writeText(bytes: Buffer, at: number, text: string): void {
  const { length } = text;
  const begin = writeHeader(bytes, at, length);
  if (length > LOOP_BYTES) bytes.latin1Write(text, begin);
  else for (let i = 0; i < length; i++) bytes[begin + i] = text.charCodeAt(i);
  bytes[begin + length] = CR;
  bytes[begin + length + 1] = LF;
}

/** A binary string as an entry of its own. */
export function encodeText(text: string): Buffer {
  const entry = Buffer.allocUnsafe(entryBytes(text.length));
  writeText(entry, 0, text);
  return entry;
}

/** Whether the entry at `at` is `entry`. */
export function isEntryAt(bytes: Buffer, at: number, entry: Buffer): boolean {
  const { length } = entry;
  if (at + length > bytes.length) return false;
  const looped = Math.min(length, LOOP_BYTES);
  for (let i = 0; i < looped; i++) if (bytes[at + i] !== entry[i]) return false;
  return looped === length || bytes.compare(entry, looped, length, at + looped, at + length) === 0;
}

/** Copies `from[start, end)` to `at` of another buffer. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  const length = end - start;
  if (length > LOOP_BYTES) to.set(from.subarray(start, end), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
}

function writeHeader(bytes: Buffer, at: number, length: number): number {
  bytes[at] = DOLLAR;
  let next = at + 1;
  if (length < 10) bytes[next++] = 0x30 + length;
  else if (length < 100) {
    const tens = (length / 10) | 0;
    bytes[next++] = 0x30 + tens;
    bytes[next++] = 0x30 + length - tens * 10;
  } else {
    const digits = String(length);
    for (let i = 0; i < digits.length; i++) bytes[next++] = digits.charCodeAt(i);
  }
  bytes[next] = CR;
  bytes[next + 1] = LF;
  return next + 2;
}
