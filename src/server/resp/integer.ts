const MAX_SAFE_DIGITS = 15;
const INT64_MAX = 0x7fff_ffff_ffff_ffffn;
const INT64_MIN = -0x8000_0000_0000_0000n;

/**
 * The integer that `buf[start, end)` spells in canonical form (no spaces, no `+`, no leading zeros), as Redis'
 * string2ll takes it; NaN when it does not, or leaves 64 bits. Beyond 2^53 the result is rounded: use `parseInt64`
 * where the last digit counts.
 */
export function parseInteger(buf: Uint8Array, start: number, end: number): number {
  let at = start;
  const isNegative = at < end && buf[at] === 0x2d;
  if (isNegative) at += 1;
  const digits = end - at;
  if (digits < 1) return NaN;
  if (digits > MAX_SAFE_DIGITS) {
    const exact = parseInt64(buf, start, end);
    return exact === undefined ? NaN : Number(exact);
  }
  const first = buf[at]! - 0x30;
  if (first === 0) return digits === 1 && !isNegative ? 0 : NaN;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = buf[at]! - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** `parseInteger` without rounding; undefined when it is no 64-bit integer. */
export function parseInt64(buf: Uint8Array, start: number, end: number): bigint | undefined {
  if (end - start > 20 || end === start) return undefined;
  let at = start;
  const isNegative = buf[at] === 0x2d;
  if (isNegative) at += 1;
  if (at === end || (buf[at] === 0x30 && (end - at > 1 || isNegative))) return undefined;
  let value = 0n;
  for (; at < end; at += 1) {
    const digit = buf[at]! - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10n + BigInt(digit);
  }
  if (isNegative) value = -value;
  return value > INT64_MAX || value < INT64_MIN ? undefined : value;
}

/** Writes an integer's digits to `buf` from `at` on, and gives the position after them; takes up to 20 bytes. */
export function writeInteger(buf: Buffer, at: number, value: number): number {
  if (value < 0 && value > -2_000_000_000) {
    buf[at] = 0x2d;
    return writeInteger(buf, at + 1, -value);
  }
  if (!(value >= 0 && value < 2_000_000_000)) return at + buf.latin1Write(String(value), at);
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits += 1;
  let rest = value;
  for (let place = at + digits - 1; place >= at; place -= 1) {
    const next = (rest / 10) | 0;
    buf[place] = 0x30 + rest - next * 10;
    rest = next;
  }
  return at + digits;
}
