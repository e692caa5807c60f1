/** C's `%.<precision>g`. */
export function formatG(value: number, precision: number): string {
  if (!Number.isFinite(value)) return formatSpecial(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const digits = Math.max(1, precision);
  if (Number.isInteger(value) && Math.abs(value) < 1e14 && digits >= 14) return String(value);
  const scientific = value.toExponential(Math.min(100, digits - 1));
  const at = scientific.indexOf('e');
  const exponent = Number(scientific.slice(at + 1));
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? '-' : '+';
    return `${trimZeros(scientific.slice(0, at))}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return trimZeros(value.toFixed(Math.min(100, Math.max(0, digits - 1 - exponent))));
}

/** `inf`, `-inf`, `nan` or `-nan`, as printf has them. */
export function formatSpecial(value: number): string {
  // The NaN that x86 makes of 0/0 has its sign set, and JavaScript doesn't tell NaNs apart.
  if (Number.isNaN(value)) return '-nan';
  return value > 0 ? 'inf' : '-inf';
}

function trimZeros(text: string): string {
  if (!text.includes('.')) return text;
  return text.replace(/\.?0+$/, '');
}
