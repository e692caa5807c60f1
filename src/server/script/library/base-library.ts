import {
  checkStringBytes,
  checkValueCount,
  isTable,
  PRELUDE,
  type Lua,
  type LuaFunction,
  type LuaTable,
} from '../lua.ts';
import { badArgument, numberAt, stringAt } from './arguments.ts';
import { baseFunctions } from './base-functions.ts';
import { formatString } from './format-string.ts';
import { patternFunctions } from './string-library.ts';
import { tableFunctions } from './table-library.ts';
import { mathFunctions, MATH_GONE } from './math-library.ts';

/** What Lua 5.1 has and 5.3 has not, in itself; run once for each state. */
const CODE = `
local type, next, error = type, next, error
function __redis__err__handler(e) return e end
function table.getn(t) return #t end
function table.setn() error("'setn' is obsolete", 2) end
function table.maxn(t)
  local max = 0
  for k in next, t do if type(k) == 'number' and k > max then max = k end end
  return max
end
-- Nobody loads binary code, so what it is does not matter.
function string.dump(f)
  if type(f) ~= 'function' then
    error("bad argument #1 to 'dump' (function expected, got " .. type(f) .. ')', 2)
  end
  return '\\27LuaQ'
end
dofile, loadfile, print, require, module, rawlen = nil
table.pack, table.unpack, table.move = nil
string.pack, string.packsize, string.unpack = nil
coroutine.isyieldable, coroutine.close = nil
_VERSION = 'Lua 5.1'
`;

/** Gives a fresh state the globals of Lua 5.1 as far as scripts may see them. */
export function openBaseLibrary(lua: Lua): void {
  const prelude = lua.compile(CODE, PRELUDE);
  lua.call(prelude, []);
  const routines = { _G: baseFunctions(lua), string: patternFunctions(lua), table: tableFunctions(lua) };
  for (const [name, functions] of Object.entries(routines)) {
    const library = lua.get(lua.globals, name) as LuaTable;
    for (const [key, run] of Object.entries(functions)) lua.set(library, key, lua.routine(run));
  }
  extend(lua, 'string', {
    format: (args) => [formatString(args)],
    rep: (args) => {
      const text = stringAt(args, 0, 'rep');
      const count = Math.max(0, Math.trunc(numberAt(args, 1, 'rep')));
      checkStringBytes(text.length * count);
      return [text.repeat(count)];
    },
    byte: (args) => {
      const text = stringAt(args, 0, 'byte');
      const position = (index: number, otherwise: number): number => {
        const at = args[index] === undefined ? otherwise : Math.trunc(numberAt(args, index, 'byte'));
        return at < 0 ? Math.max(0, text.length + at + 1) : at;
      };
      const first = position(1, 1);
      const last = Math.min(position(2, first), text.length);
      checkValueCount(last - first + 1 + args.length, 'string slice too long');
      return [...Buffer.from(text.slice(Math.max(first, 1) - 1, last), 'latin1')];
    },
    char: (args) => {
      const codes = args.map((_, index) => Math.trunc(numberAt(args, index, 'char')));
      const wrong = codes.findIndex((code) => !(code >= 0 && code <= 255));
      if (wrong >= 0) throw badArgument(wrong, 'char', 'invalid value');
      return [Buffer.from(codes).latin1Slice()];
    },
  });
  extend(lua, 'math', mathFunctions());
  for (const name of MATH_GONE) lua.set(lua.get(lua.globals, 'math') as LuaTable, name, undefined);
  const count = lua.function(() => [Math.round(process.memoryUsage().heapUsed / 1024)]);
  lua.set(lua.globals, 'gcinfo', count);
  lua.set(
    lua.globals,
    'collectgarbage',
    lua.function(([what]) => [what === 'count' ? process.memoryUsage().heapUsed / 1024 : 0]),
  );
}

/** Adds functions to the library (a global table) of that name, which is made when it isn't there. */
export function extend(lua: Lua, name: string, functions: Readonly<Record<string, LuaFunction>>): LuaTable {
  const known = lua.get(lua.globals, name);
  const library = isTable(known) ? known : lua.table();
  for (const [key, run] of Object.entries(functions)) lua.set(library, key, lua.function(run));
  lua.set(lua.globals, name, library);
  return library;
}
