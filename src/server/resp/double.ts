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

/** A double as replies show it since 7.2: the shortest text that reads back the same (`%.17g`'s style of exponent). */
export function formatDouble(value: number): string {
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  if (Number.isNaN(value)) return 'nan';
  if (Object.is(value, -0)) return '-0';
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return value.toFixed(0);
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -5 && power < 17) {
    // Within %.17g's plain range, JavaScript prints plainly too but below 1e-6.
    return power < -6 || Math.abs(value) < 1e-6 ? plain(digits, power) : String(value);
  }
  const shownPower = Math.abs(power) < 10 ? `0${Math.abs(power)}` : String(Math.abs(power));
  return `${digits}e${power < 0 ? '-' : '+'}${shownPower}`;
}

/** A double as C's `%.17g` prints it, which ZSCAN still does for large sorted sets. */
export function formatDoubleAtFullPrecision(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return formatDouble(value);
  const [digits = '', exponent] = value.toPrecision(17).split('e');
  if (exponent === undefined) return digits.replace(/\.?0+$/, '');
  const power = Number(exponent);
  const shown = digits.replace(/\.?0+$/, '');
  if (power >= -4 && power < 17) return plain(shown, power);
  return `${shown}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function plain(digits: string, power: number): string {
  const sign = digits.startsWith('-') ? '-' : '';
  return `${sign}0.${'0'.repeat(-power - 1)}${digits.replace('-', '').replace('.', '')}`;
}
