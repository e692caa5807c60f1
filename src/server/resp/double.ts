/**
 * The number that a text spells the way Redis' string2d/getDoubleFromObject takes it: decimal or hexadecimal,
 * exponent, `inf`, `-infinity`; undefined for spaces, an empty text, NaN or anything after the number.
 */
export function parseDouble(text: string): number | undefined {
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text)) {
    const value = Number(text);
    // strtod reports a range error for what leaves the doubles, and Redis refuses it.
    return Number.isFinite(value) ? value : undefined;
  }
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity;
  const hex = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?[0-9]+))?$/.exec(text);
  if (hex === null || `${hex[2]}${hex[3]}` === '') return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = hex;
  const digits = Number.parseInt(`0${whole}${fraction}`, 16);
  const value = digits * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === '-' ? -value : value;
}

/** A double as replies show it since 7.2: whole numbers in full, others as `formatShortest` (source: d2string in util.c). */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) <= LARGEST_WHOLE) {
    return Object.is(value, -0) ? '-0' : value.toFixed(0);
  }
  return formatShortest(value);
}

/** As far as d2string prints a whole number as such. */
const LARGEST_WHOLE = 2 ** 62;

/** The shortest text that reads back the same, in the shape that fpconv_dtoa gives it (deps/fpconv of Redis 7.2). */
export function formatShortest(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const sign = value < 0 ? '-' : '';
  const [mantissa = '', exponent] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const power = Number(exponent);
  const distance = Math.abs(power);
  /** Of the last digit. */
  const lastPower = power - digits.length + 1;
  if (lastPower >= 0 && distance < digits.length + 7) return sign + digits + '0'.repeat(lastPower);
  if (lastPower < 0 && (lastPower > -7 || distance < 4)) {
    if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`;
    return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
  }
  return `${sign}${mantissa}e${power < 0 ? '-' : '+'}${distance}`;
}

/** A double as C's `%.17g` prints it, which ZSCAN still does for large sorted sets. */
export function formatDoubleAtFullPrecision(value: number): string {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e17))
    return formatDouble(value);
  const [mantissa = '', exponent] = value.toExponential(16).split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 17) return value.toPrecision(17).replace(/\.?0+$/, '');
  const shown = mantissa.replace(/\.?0+$/, '');
  return `${shown}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
