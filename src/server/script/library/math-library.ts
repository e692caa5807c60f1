import type { LuaFunction } from '../lua.ts';
import { badArgument, numberAt } from './arguments.ts';

/** What 5.3 has in `math` and 5.1 has not. */
export const MATH_GONE = ['type', 'ult', 'tointeger', 'maxinteger', 'mininteger'];

const MULTIPLIER = 0x5_deec_e66dn;
const MASK_48 = (1n << 48n) - 1n;
const RANDOM_MAX = 0x7fff_ffff;

let randomState = BigInt(Date.now());

/** drand48's generator, as Redis has it (source: rand.c). */
function seedRandom(seed: number): void {
  randomState = (BigInt(seed | 0) & 0xffff_ffffn) * 65536n + 0x330en;
}

function nextRandom(): number {
  randomState = (randomState * MULTIPLIER + 11n) & MASK_48;
  return (Number(randomState >> 17n) % RANDOM_MAX) / RANDOM_MAX;
}

/** The functions of `math` whose 5.3 form counts in 32-bit integers, and those that went. */
export function mathFunctions(): Record<string, LuaFunction> {
  const of =
    (name: string, compute: (value: number) => number): LuaFunction =>
    (args) => [compute(numberAt(args, 0, name))];
  return {
    abs: of('abs', Math.abs),
    ceil: of('ceil', Math.ceil),
    floor: of('floor', Math.floor),
    log: of('log', Math.log),
    log10: of('log10', Math.log10),
    sinh: of('sinh', Math.sinh),
    cosh: of('cosh', Math.cosh),
    tanh: of('tanh', Math.tanh),
    atan: of('atan', Math.atan),
    atan2: (args) => [Math.atan2(numberAt(args, 0, 'atan2'), numberAt(args, 1, 'atan2'))],
    pow: (args) => [numberAt(args, 0, 'pow') ** numberAt(args, 1, 'pow')],
    fmod: (args) => [numberAt(args, 0, 'fmod') % numberAt(args, 1, 'fmod')],
    mod: (args) => [numberAt(args, 0, 'mod') % numberAt(args, 1, 'mod')],
    modf: (args) => {
      const value = numberAt(args, 0, 'modf');
      return [Math.trunc(value), Number.isFinite(value) ? value % 1 : 0];
    },
    frexp: (args) => splitExponent(numberAt(args, 0, 'frexp')),
    ldexp: (args) => [numberAt(args, 0, 'ldexp') * 2 ** numberAt(args, 1, 'ldexp')],
    max: (args) => [
      args
        .map((_, i) => numberAt(args, i, 'max'))
        .reduce((a, b) => (b > a ? b : a), numberAt(args, 0, 'max')),
    ],
    min: (args) => [
      args
        .map((_, i) => numberAt(args, i, 'min'))
        .reduce((a, b) => (b < a ? b : a), numberAt(args, 0, 'min')),
    ],
    random: (args) => {
      const value = nextRandom();
      if (args.length === 0) return [value];
      const low = args.length === 1 ? 1 : Math.trunc(numberAt(args, 0, 'random'));
      const high = Math.trunc(numberAt(args, args.length - 1, 'random'));
      if (low > high) throw badArgument(args.length - 1, 'random', 'interval is empty');
      return [Math.floor(value * (high - low + 1)) + low];
    },
    randomseed: (args) => seedRandom(numberAt(args, 0, 'randomseed')),
  };
}

function splitExponent(value: number): [number, number] {
  if (value === 0 || !Number.isFinite(value)) return [value, 0];
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(value))) + 1);
  let mantissa = value * 2 ** -exponent;
  for (; Math.abs(mantissa) < 0.5; exponent -= 1) mantissa *= 2;
  for (; Math.abs(mantissa) >= 1; exponent += 1) mantissa /= 2;
  return [mantissa, exponent];
}
