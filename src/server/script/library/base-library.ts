import { checkStringBytes, isTable, PRELUDE, type Lua, type LuaFunction, type LuaTable } from '../lua.ts';
import { stringAt } from './arguments.ts';
import { formatString } from './format-string.ts';
import { patternFunctions } from './string-library.ts';
import { tableFunctions } from './table-library.ts';
import { mathFunctions, MATH_GONE } from './math-library.ts';

/** What Lua 5.1 has and 5.3 has not, in itself; run once for each state. */
const CODE = `
local load53, setmetatable53, pcall53, frozen = load, setmetatable, pcall, ...
local type, next, select, tostring, error, concat = type, next, select, tostring, error, table.concat
-- Its pieces are read here, where a script can be paused.
local function read(piece)
  local pieces = {}
  for text in piece do
    if type(text) ~= 'string' and type(text) ~= 'number' then error('reader function must return a string', 0) end
    if text == '' then break end
    pieces[#pieces + 1] = text
  end
  return concat(pieces)
end
function load(...)
  local piece, name = ...
  if type(piece) ~= 'function' then
    local got = select('#', ...) == 0 and 'no value' or type(piece)
    error("bad argument #1 to 'load' (function expected, got " .. got .. ')', 2)
  end
  local ok, code = pcall53(read, piece)
  if not ok then return nil, type(code) == 'string' and { err = code } or code end
  return load53(code, name or '=(load)', 't')
end
function loadstring(chunk, name)
  chunk = tostring(chunk)
  return load53(chunk, name or chunk, 't')
end
function setmetatable(t, m)
  if type(t) == 'table' and frozen(t) then error('Attempt to modify a readonly table', 0) end
  return setmetatable53(t, m)
end
local function flat(ok, ...)
  if not ok and type(...) == 'table' and type((...).err) == 'string' then return false, (...).err end
  return ok, ...
end
function pcall(...) return flat(pcall53(...)) end
function __redis__err__handler(e) return e end
unpack = table.unpack
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
  const isFrozen = lua.function(([table]) => [isTable(table) && lua.isFrozen(table)]);
  lua.call(prelude, [isFrozen]);
  const routines = { string: patternFunctions(lua), table: tableFunctions(lua) };
  for (const [name, functions] of Object.entries(routines)) {
    const library = lua.get(lua.globals, name) as LuaTable;
    for (const [key, run] of Object.entries(functions)) lua.set(library, key, lua.routine(run));
  }
  extend(lua, 'string', {
    format: (args) => [formatString(args)],
    rep: (args) => {
      const text = stringAt(args, 0, 'rep');
      const count = Math.max(0, Math.trunc(Number(args[1] ?? 0)));
      checkStringBytes(text.length * count);
      return [text.repeat(count)];
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
