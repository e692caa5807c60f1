/**
 * The limits up to which Redis keeps a collection in its compact form, named as its directives are.
 *
 * They change what OBJECT ENCODING answers, never what a collection can hold: the structures here have one form each.
 */
export interface EncodingLimits {
  /** `list-max-listpack-size`: entries when positive, -1 to -5 for 4 to 64 KiB. */
  readonly listMaxListpackSize: number;
  readonly hashMaxListpackEntries: number;
  readonly hashMaxListpackValue: number;
  readonly setMaxIntsetEntries: number;
  readonly setMaxListpackEntries: number;
  readonly setMaxListpackValue: number;
  readonly zsetMaxListpackEntries: number;
  readonly zsetMaxListpackValue: number;
}

/** Redis 7.2's defaults. */
export const DEFAULT_ENCODING_LIMITS: EncodingLimits = {
  listMaxListpackSize: -2,
  hashMaxListpackEntries: 512,
  hashMaxListpackValue: 64,
  setMaxIntsetEntries: 512,
  setMaxListpackEntries: 128,
  setMaxListpackValue: 64,
  zsetMaxListpackEntries: 128,
  zsetMaxListpackValue: 64,
};

/** Bytes V8 spends on a latin1 string beyond its characters, with the reference to it. */
export const STRING_OVERHEAD_BYTES = 28;

const INT64_MAX = '9223372036854775807';
const INT64_MIN_DIGITS = '9223372036854775808';

/** Whether `text` is how Redis writes a signed 64-bit integer: no sign but `-`, no leading zero, in range. */
export function isInt64(text: string): boolean {
  const isNegative = text.charCodeAt(0) === 45;
  const digits = isNegative ? text.length - 1 : text.length;
  if (digits === 0 || digits > 19) return false;
  const first = text.charCodeAt(isNegative ? 1 : 0);
  if (first === 48) return text.length === 1;
  for (let i = isNegative ? 1 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  if (digits < 19) return true;
  return isNegative ? text.slice(1) <= INT64_MIN_DIGITS : text <= INT64_MAX;
}

/** Orders two texts for which `isInt64` holds by the numbers they stand for. */
export function compareInt64(a: string, b: string): number {
  const isANegative = a.charCodeAt(0) === 45;
  if (isANegative !== (b.charCodeAt(0) === 45)) return isANegative ? -1 : 1;
  const byMagnitude = a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
  return isANegative ? -byMagnitude : byMagnitude;
}
