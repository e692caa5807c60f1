import type { Lua, LuaFunction } from '../lua.ts';
import { numberAt } from './arguments.ts';
import { extend } from './base-library.ts';

/** Mike Pall's BitOp, version 1.0.2: 32-bit operations with signed results. */
export function openBit(lua: Lua): void {
  const fold =
    (name: string, join: (a: number, b: number) => number): LuaFunction =>
    (args) => {
      let value = toBits(numberAt(args, 0, name));
      for (let i = 1; i < args.length; i += 1) value = join(value, toBits(numberAt(args, i, name)));
      return [value];
    };
  const shift =
    (name: string, run: (value: number, by: number) => number): LuaFunction =>
    (args) => [run(toBits(numberAt(args, 0, name)), toBits(numberAt(args, 1, name)) & 31) | 0];
  extend(lua, 'bit', {
    tobit: (args) => [toBits(numberAt(args, 0, 'tobit'))],
    bnot: (args) => [~toBits(numberAt(args, 0, 'bnot'))],
    band: fold('band', (a, b) => a & b),
    bor: fold('bor', (a, b) => a | b),
    bxor: fold('bxor', (a, b) => a ^ b),
    lshift: shift('lshift', (value, by) => value << by),
    rshift: shift('rshift', (value, by) => value >>> by),
    arshift: shift('arshift', (value, by) => value >> by),
    rol: shift('rol', (value, by) => (value << by) | (value >>> ((32 - by) & 31))),
    ror: shift('ror', (value, by) => (value >>> by) | (value << ((32 - by) & 31))),
    bswap: (args) => {
      const value = toBits(numberAt(args, 0, 'bswap'));
      return [(value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)];
    },
    tohex: (args) => {
      const value = toBits(numberAt(args, 0, 'tohex'));
      const wanted = args.length < 2 ? 8 : toBits(numberAt(args, 1, 'tohex'));
      const digits = Math.min(8, Math.abs(wanted));
      const text = (value >>> 0).toString(16).padStart(8, '0');
      return [(wanted < 0 ? text.toUpperCase() : text).slice(8 - digits)];
    },
  });
}

/** The low 32 bits, rounded to even as adding 2^52 + 2^51 does. */
function toBits(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  return Number.isFinite(rounded) ? Number(BigInt.asIntN(32, BigInt(rounded))) : 0;
}
