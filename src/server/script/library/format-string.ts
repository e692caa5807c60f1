import { formatG, formatSpecial } from '../format-number.ts';
import { LuaError, type LuaValue } from '../lua.ts';
import { badArgument, numberAt, stringAt } from './arguments.ts';

const ITEM = /%([-+ #0]*)(\d*)(?:\.(\d*))?(.?)/gs;

/** `string.format` of Lua 5.1: integers of up to 2^53, cut off after the point. */
export function formatString(args: readonly LuaValue[]): string {
  const format = stringAt(args, 0, 'format');
  let next = 0;
  return format.replaceAll(
    ITEM,
    (_, flags: string, width: string, precision: string | undefined, kind: string) => {
      if (kind === '%') return '%';
      next += 1;
      if (next >= args.length) throw badArgument(next, 'format', 'no value');
      if (kind === '' || !'cdiouxXeEfgGqs'.includes(kind))
        throw new LuaError(`invalid option '%${kind}' to 'format'`);
      if (flags.length > 5) throw new LuaError('invalid format (repeated flags)');
      if (width.length > 2 || (precision?.length ?? 0) > 2)
        throw new LuaError('invalid format (width or precision too long)');
      const digits = precision === undefined ? -1 : Number(precision || '0');
      return pad(formatItem(args, next, kind, flags, digits), flags, Number(width || '0'), kind, digits);
    },
  );
}

function formatItem(
  args: readonly LuaValue[],
  index: number,
  kind: string,
  flags: string,
  precision: number,
): string {
  switch (kind) {
    case 's': {
      const text = stringAt(args, index, 'format');
      return precision < 0 ? text : text.slice(0, precision);
    }
    case 'q':
      return quote(stringAt(args, index, 'format'));
    case 'c':
      return String.fromCharCode(numberAt(args, index, 'format') & 255);
  }
  const value = numberAt(args, index, 'format');
  if ('di'.includes(kind)) {
    const whole = toInt64(value);
    return signed(whole < 0n, (whole < 0n ? -whole : whole).toString().padStart(precision, '0'), flags);
  }
  if ('ouxX'.includes(kind)) return unsigned(BigInt.asUintN(64, toInt64(value)), kind, flags, precision);
  if (!Number.isFinite(value)) {
    const text = formatSpecial(Math.abs(value)).replace('-', '');
    const isNegative = value < 0 || Number.isNaN(value);
    return signed(isNegative, kind >= 'a' ? text : text.toUpperCase(), flags);
  }
  const isNegative = value < 0 || Object.is(value, -0);
  return signed(isNegative, formatFloat(Math.abs(value), kind, precision < 0 ? 6 : precision), flags);
}

function formatFloat(value: number, kind: string, precision: number): string {
  switch (kind) {
    case 'f':
      return toFixed(value, precision);
    case 'e':
    case 'E': {
      const text = value.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
      return kind === 'E' ? text.toUpperCase() : text;
    }
    default: {
      const text = formatG(value, precision);
      return kind === 'G' ? text.toUpperCase() : text;
    }
  }
}

/** toFixed gives up at 1e21. */
function toFixed(value: number, precision: number): string {
  if (value < 1e21) {
    // C rounds what lies exactly in the middle to the even digit.
    const exact = value.toFixed(Math.min(100, precision + 25));
    const kept = exact.slice(0, -25);
    if (/^50*$/.test(exact.slice(-25)) && /[02468]\.?$/.test(kept)) return kept.replace(/\.$/, '');
    return value.toFixed(precision);
  }
  return BigInt(value).toString() + (precision === 0 ? '' : `.${'0'.repeat(precision)}`);
}

function toInt64(value: number): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63) return -(1n << 63n);
  return BigInt(Math.trunc(value));
}

function unsigned(value: bigint, kind: string, flags: string, precision: number): string {
  const text = value.toString(kind === 'o' ? 8 : kind === 'u' ? 10 : 16).padStart(precision, '0');
  const prefix = flags.includes('#') && value !== 0n ? (kind === 'o' ? '0' : kind === 'u' ? '' : '0x') : '';
  return kind === 'X' ? (prefix + text).toUpperCase() : prefix + text;
}

function signed(isNegative: boolean, text: string, flags: string): string {
  if (isNegative) return `-${text}`;
  if (flags.includes('+')) return `+${text}`;
  return flags.includes(' ') ? ` ${text}` : text;
}

function pad(text: string, flags: string, width: number, kind: string, precision: number): string {
  if (text.length >= width || kind === 'q') return text;
  if (flags.includes('-')) return text.padEnd(width);
  const isZeroed =
    flags.includes('0') && !'sc'.includes(kind) && !('diouxX'.includes(kind) && precision >= 0);
  if (!isZeroed || /[in]/.test(text)) return text.padStart(width);
  const sign = /^[-+ ]?(?:0[xX])?/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

function quote(text: string): string {
  const escaped = text.replaceAll(/["\\\n\r\0]/g, (char) =>
    char === '\r' ? '\\r' : char === '\0' ? '\\000' : `\\${char}`,
  );
  return `"${escaped}"`;
}
