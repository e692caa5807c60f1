import { LuaError, typeName, type LuaValue } from '../lua.ts';
import { formatG } from '../format-number.ts';

/** What luaL_argerror says. */
export function badArgument(index: number, name: string, problem: string): LuaError {
  return new LuaError(`bad argument #${index + 1} to '${name}' (${problem})`);
}

function wrongType(args: readonly LuaValue[], index: number, name: string, expected: string): LuaError {
  const got = index >= args.length ? 'no value' : typeName(args[index]);
  return badArgument(index, name, `${expected} expected, got ${got}`);
}

/** The argument as a number; numerals in strings count. */
export function numberAt(args: readonly LuaValue[], index: number, name: string): number {
  const value = args[index];
  if (typeof value === 'number') return value;
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  if (Number.isNaN(parsed)) throw wrongType(args, index, name, 'number');
  return parsed;
}

/** The argument as a string; numbers count. */
export function stringAt(args: readonly LuaValue[], index: number, name: string): string {
  const value = args[index];
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatG(value, 14);
  throw wrongType(args, index, name, 'string');
}
