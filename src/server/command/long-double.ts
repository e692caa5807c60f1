/** A dyadic number, `mantissa × 2^exponent`, or an infinity. */
interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly infinity: -1 | 0 | 1;
}

const MANTISSA_BITS = 64;
const FRACTION_DIGITS = 17;
/** Beyond this no x87 number lies; keeps hostile exponents from costing time. */
const MAX_DECIMAL_EXPONENT = 4950;

/**
 * The sum of two decimal texts as INCRBYFLOAT and HINCRBYFLOAT compute and show it: in x87 long doubles (64 bits of
 * mantissa), printed with at most 17 decimals and no trailing zeros (source: ld2string of util.c).
 *
 * Undefined when a text is no number; `inf` when one of them is infinite.
 */
export function addLongDoubles(a: string, b: string): string | undefined {
  const left = parseLongDouble(a);
  const right = parseLongDouble(b);
  if (left === undefined || right === undefined) return undefined;
  if (left.infinity !== 0 || right.infinity !== 0) return 'inf';
  const exponent = Math.min(left.exponent, right.exponent);
  const sum =
    (left.mantissa << BigInt(left.exponent - exponent)) +
    (right.mantissa << BigInt(right.exponent - exponent));
  return formatLongDouble(roundRatio(sum, 1n, exponent));
}

/** Whether a text is a number as Redis' string2ld takes it, and if so whether it is finite. */
export function classifyLongDouble(text: string): 'finite' | 'infinite' | undefined {
  const value = parseLongDouble(text);
  return value === undefined ? undefined : value.infinity === 0 ? 'finite' : 'infinite';
}

function parseLongDouble(text: string): LongDouble | undefined {
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity !== null) return { mantissa: 0n, exponent: 0, infinity: infinity[1] === '-' ? -1 : 1 };
  const match = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const exponent = Number(power) - fraction.length;
  if (digits === 0n) return { mantissa: 0n, exponent: 0, infinity: 0 };
  if (exponent + `${whole}${fraction}`.length > MAX_DECIMAL_EXPONENT) return undefined;
  if (exponent < -MAX_DECIMAL_EXPONENT - whole.length - fraction.length)
    return { mantissa: 0n, exponent: 0, infinity: 0 };
  return exponent >= 0
    ? roundRatio(digits * 10n ** BigInt(exponent), 1n, 0)
    : roundRatio(digits, 10n ** BigInt(-exponent), 0);
}

/** `numerator / denominator × 2^scale` rounded to the nearest long double, ties to even. */
function roundRatio(numerator: bigint, denominator: bigint, scale: number): LongDouble {
  const isNegative = numerator < 0n;
  let above = isNegative ? -numerator : numerator;
  if (above === 0n) return { mantissa: 0n, exponent: 0, infinity: 0 };
  let below = denominator;
  let exponent = bitLength(above) - bitLength(below) - MANTISSA_BITS;
  if (exponent > 0) below <<= BigInt(exponent);
  else above <<= BigInt(-exponent);
  let quotient = above / below;
  if (bitLength(quotient) > MANTISSA_BITS) {
    exponent++;
    below <<= 1n;
    quotient = above / below;
  }
  const twice = (above - quotient * below) * 2n;
  if (twice > below || (twice === below && quotient % 2n === 1n)) quotient++;
  return { mantissa: isNegative ? -quotient : quotient, exponent: exponent + scale, infinity: 0 };
}

function formatLongDouble({ mantissa, exponent }: LongDouble): string {
  const isNegative = mantissa < 0n;
  const scaled = (isNegative ? -mantissa : mantissa) * 10n ** BigInt(FRACTION_DIGITS);
  let rounded: bigint;
  if (exponent >= 0) rounded = scaled << BigInt(exponent);
  else {
    const shift = BigInt(-exponent);
    rounded = scaled >> shift;
    const twice = (scaled - (rounded << shift)) * 2n;
    const one = 1n << shift;
    if (twice > one || (twice === one && rounded % 2n === 1n)) rounded++;
  }
  const digits = rounded.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return isNegative && text !== '0' ? `-${text}` : text;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
