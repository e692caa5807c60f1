import { LuaError, type Lua, type LuaValue } from '../lua.ts';
import { badArgument, numberAt, stringAt } from './arguments.ts';
import { extend } from './base-library.ts';

const MAX_INTEGER_BYTES = 32;
const MAX_ALIGN = 8;
const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  B: 1,
  h: 2,
  H: 2,
  l: 8,
  L: 8,
  T: 8,
  f: 4,
  d: 8,
  x: 1,
};

/** Roberto Ierusalimschy's struct 0.2 (source: lua_struct.c). */
export function openStruct(lua: Lua): void {
  extend(lua, 'struct', {
    pack: (args) => [pack(args)],
    unpack: (args) => unpack(args),
    size: (args) => {
      let total = 0;
      for (const item of new Format(stringAt(args, 0, 'size'), 'size')) {
        if (item.kind === 's') throw badArgument(0, 'size', "option 's' has no fixed size");
        if (item.kind === 'c' && item.size === 0)
          throw badArgument(0, 'size', "option 'c0' has no fixed size");
        total += item.padding(total) + item.size;
      }
      return [total];
    },
  });
}

function pack(args: readonly LuaValue[]): string {
  let out = '';
  let next = 1;
  for (const item of new Format(stringAt(args, 0, 'pack'), 'pack')) {
    out += '\0'.repeat(item.padding(out.length));
    switch (item.kind) {
      case 'x':
        out += '\0';
        break;
      case 's':
      case 'c': {
        const text = stringAt(args, next, 'pack');
        const size = item.kind === 's' || item.size === 0 ? text.length : item.size;
        if (text.length < size) throw badArgument(next + 1, 'pack', 'string too short');
        out += text.slice(0, size) + (item.kind === 's' ? '\0' : '');
        next += 1;
        break;
      }
      case 'f':
      case 'd':
        out += packFloat(numberAt(args, next, 'pack'), item);
        next += 1;
        break;
      case '':
        break;
      default:
        out += packInteger(numberAt(args, next, 'pack'), item);
        next += 1;
    }
  }
  return out;
}

function unpack(args: readonly LuaValue[]): LuaValue[] {
  const format = new Format(stringAt(args, 0, 'unpack'), 'unpack');
  const data = stringAt(args, 1, 'unpack');
  let at = args.length > 2 ? numberAt(args, 2, 'unpack') - 1 : 0;
  if (at < 0) throw badArgument(2, 'unpack', 'offset must be 1 or greater');
  const values: LuaValue[] = [];
  for (const item of format) {
    at += item.padding(at);
    if (at + item.size > data.length) throw badArgument(1, 'unpack', 'data string too short');
    let { size } = item;
    switch (item.kind) {
      case 'x':
      case '':
        break;
      case 'c':
        if (size === 0) {
          const length = values.pop();
          if (typeof length !== 'number') throw new LuaError("format 'c0' needs a previous size");
          size = length;
          if (at + size > data.length) throw badArgument(1, 'unpack', 'data string too short');
        }
        values.push(data.slice(at, at + size));
        break;
      case 's': {
        const end = data.indexOf('\0', at);
        if (end < 0) throw new LuaError('unfinished string in data');
        values.push(data.slice(at, end));
        size = end - at + 1;
        break;
      }
      case 'f':
      case 'd':
        values.push(unpackFloat(data.slice(at, at + size), item));
        break;
      default:
        values.push(unpackInteger(data.slice(at, at + size), item));
    }
    at += size;
  }
  values.push(at + 1);
  return values;
}

interface Item {
  /** The option's letter; empty for one that only sets how the others are read. */
  readonly kind: string;
  readonly size: number;
  readonly isLittle: boolean;
  readonly padding: (at: number) => number;
}

class Format {
  private readonly text: string;
  private readonly name: string;
  private isLittle = true;
  private align = 1;
  private at = 0;

  constructor(text: string, name: string) {
    this.text = text;
    this.name = name;
  }

  *[Symbol.iterator](): Generator<Item> {
    while (this.at < this.text.length) {
      const kind = this.text[this.at]!;
      this.at += 1;
      const size = this.sizeOf(kind);
      const { align, isLittle } = this;
      const padding = (at: number): number => {
        const to = Math.min(size, align);
        if (to <= 1 || kind === 'c') return 0;
        if ((to & (to - 1)) !== 0) throw new LuaError(`alignment ${to} is not a power of 2`);
        return (to - (at & (to - 1))) & (to - 1);
      };
      if (!this.control(kind)) yield { kind: kind === ' ' ? '' : kind, size, isLittle, padding };
    }
  }

  private control(kind: string): boolean {
    switch (kind) {
      case ' ':
        return true;
      case '>':
      case '<':
        this.isLittle = kind === '<';
        return true;
      case '!': {
        const align = this.number(MAX_ALIGN);
        if (align === 0 || (align & (align - 1)) !== 0)
          throw new LuaError(`alignment ${align} is not a power of 2`);
        this.align = align;
        return true;
      }
      default:
        if (kind in SIZES || 'sciI'.includes(kind)) return false;
        throw badArgument(0, this.name, `invalid format option '${kind}'`);
    }
  }

  private sizeOf(kind: string): number {
    if (kind === 'c') return this.number(1);
    if (kind !== 'i' && kind !== 'I') return SIZES[kind] ?? 0;
    const size = this.number(4);
    if (size > MAX_INTEGER_BYTES)
      throw new LuaError(`integral size ${size} is larger than limit of ${MAX_INTEGER_BYTES}`);
    return size;
  }

  private number(otherwise: number): number {
    const digits = /^\d*/.exec(this.text.slice(this.at, this.at + 12))?.[0] ?? '';
    this.at += digits.length;
    if (digits.length > 9) throw new LuaError('integral size overflow');
    return digits === '' ? otherwise : Number(digits);
  }
}

function packInteger(value: number, { size, isLittle }: Item): string {
  const whole = Number.isFinite(value) ? BigInt.asUintN(64, BigInt(Math.trunc(value))) : 1n << 63n;
  let out = '';
  for (let i = 0; i < size; i += 1) {
    const char = String.fromCharCode(i < 8 ? Number((whole >> BigInt(8 * i)) & 255n) : 0);
    out = isLittle ? out + char : char + out;
  }
  return out;
}

function unpackInteger(bytes: string, { kind, size, isLittle }: Item): number {
  let value = 0n;
  for (let i = 0; i < size; i += 1) {
    const byte = bytes.charCodeAt(isLittle ? size - 1 - i : i);
    value = BigInt.asUintN(64, (value << 8n) | BigInt(byte));
  }
  const isSigned = kind >= 'a' && kind <= 'z';
  return Number(isSigned ? BigInt.asIntN(Math.min(64, size * 8), value) : value);
}

function packFloat(value: number, { size, isLittle }: Item): string {
  const buf = Buffer.alloc(size);
  if (size === 4) buf.writeFloatLE(value);
  else buf.writeDoubleLE(value);
  return (isLittle ? buf : buf.reverse()).latin1Slice();
}

function unpackFloat(bytes: string, { size, isLittle }: Item): number {
  const buf = Buffer.from(bytes, 'latin1');
  if (!isLittle) buf.reverse();
  return size === 4 ? buf.readFloatLE() : buf.readDoubleLE();
}
