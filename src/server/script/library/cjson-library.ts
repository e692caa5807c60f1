import { KIND } from '../fengari.ts';
import { isTable, LuaError, NULL, Opaque, typeName, type Lua, type LuaValue } from '../lua.ts';
import { badArgument, numberAt, stringAt } from './arguments.ts';
import { extend } from './base-library.ts';
import { CjsonDecoder } from './cjson-decoder.ts';
import { formatG } from '../format-number.ts';

/** What the functions of cjson named after them set. */
export interface CjsonSettings {
  convertsSparse: boolean;
  sparseRatio: number;
  sparseSafe: number;
  encodeDepth: number;
  decodeDepth: number;
  precision: number;
  keepsBuffer: boolean;
  encodesInvalid: boolean | 'null';
  decodesInvalid: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

/** lua-cjson 2.1.0 (source: lua_cjson.c): its rules for arrays, its depths and its words. */
export function openCjson(lua: Lua): void {
  const settings: CjsonSettings = {
    convertsSparse: false,
    sparseRatio: 2,
    sparseSafe: 10,
    encodeDepth: 1000,
    decodeDepth: 1000,
    precision: 14,
    keepsBuffer: true,
    encodesInvalid: false,
    decodesInvalid: true,
  };
  const library = extend(lua, 'cjson', {
    encode: (args) => {
      if (args.length !== 1) throw badArgument(0, 'encode', 'expected 1 argument');
      return [encode(lua, settings, args[0], 0)];
    },
    decode: (args) => {
      if (args.length !== 1) throw badArgument(0, 'decode', 'expected 1 argument');
      return [new CjsonDecoder(lua, settings, stringAt(args, 0, 'decode')).decode()];
    },
    encode_sparse_array: (args) => {
      if (args[0] !== undefined) settings.convertsSparse = args[0] === true;
      if (args[1] !== undefined) settings.sparseRatio = numberAt(args, 1, 'encode_sparse_array');
      if (args[2] !== undefined) settings.sparseSafe = numberAt(args, 2, 'encode_sparse_array');
      return [settings.convertsSparse, settings.sparseRatio, settings.sparseSafe];
    },
    encode_max_depth: (args) => {
      if (args[0] !== undefined) settings.encodeDepth = positive(args, 'encode_max_depth');
      return [settings.encodeDepth];
    },
    decode_max_depth: (args) => {
      if (args[0] !== undefined) settings.decodeDepth = positive(args, 'decode_max_depth');
      return [settings.decodeDepth];
    },
    encode_number_precision: (args) => {
      if (args[0] !== undefined) settings.precision = positive(args, 'encode_number_precision', 16);
      return [settings.precision];
    },
    encode_keep_buffer: (args) => {
      if (args[0] !== undefined) settings.keepsBuffer = args[0] === true;
      return [settings.keepsBuffer];
    },
    encode_invalid_numbers: (args) => {
      if (args[0] !== undefined) settings.encodesInvalid = args[0] === 'null' ? 'null' : args[0] === true;
      return [settings.encodesInvalid];
    },
    decode_invalid_numbers: (args) => {
      if (args[0] !== undefined) settings.decodesInvalid = args[0] === true;
      return [settings.decodesInvalid];
    },
    new: () => [lua.get(lua.globals, 'cjson')],
  });
  lua.set(library, 'null', NULL);
  lua.set(library, '_NAME', 'cjson');
  lua.set(library, '_VERSION', '2.1.0');
}

function positive(args: readonly LuaValue[], name: string, max = 0x7fff_ffff): number {
  const value = numberAt(args, 0, name);
  if (value >= 1 && value <= max) return Math.trunc(value);
  throw badArgument(0, name, `expected integer between 1 and ${max}`);
}

function encode(lua: Lua, settings: CjsonSettings, value: LuaValue, depth: number): string {
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return encodeNumber(settings, value);
  if (typeof value === 'boolean') return String(value);
  if (value === undefined || isNull(value)) return 'null';
  if (isTable(value)) return encodeTable(lua, settings, value, depth + 1);
  throw new LuaError(`Cannot serialise ${typeName(value)}: type not supported`);
}

function isNull(value: LuaValue): boolean {
  return value instanceof Opaque && value.type === KIND.lightUserdata && value.value === null;
}

function encodeString(text: string): string {
  const escaped = text.replaceAll(
    // eslint-disable-next-line no-control-regex -- Those are what has to be escaped.
    /[\0-\x1f"\\/\x7f]/g,
    (char) => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

function encodeNumber(settings: CjsonSettings, value: number): string {
  if (Number.isFinite(value)) return formatG(value, settings.precision);
  if (settings.encodesInvalid === 'null') return 'null';
  if (!settings.encodesInvalid) throw new LuaError('Cannot serialise number: must not be NaN or Inf');
  return Number.isNaN(value) ? '-nan' : value > 0 ? 'inf' : '-inf';
}

function encodeTable(
  lua: Lua,
  settings: CjsonSettings,
  table: Parameters<Lua['entries']>[0],
  depth: number,
): string {
  if (depth > settings.encodeDepth) throw new LuaError(`Cannot serialise, excessive nesting (${depth})`);
  const length = arrayLength(lua, settings, table);
  if (length > 0) {
    const items: string[] = [];
    for (let i = 1; i <= length; i += 1) items.push(encode(lua, settings, lua.get(table, i), depth));
    return `[${items.join(',')}]`;
  }
  const members: string[] = [];
  for (const [key, value] of lua.entries(table)) {
    let name: string;
    if (typeof key === 'number') name = `"${encodeNumber(settings, key)}"`;
    else if (typeof key === 'string') name = encodeString(key);
    else throw new LuaError(`Cannot serialise ${typeName(key)}: table key must be a number or string`);
    members.push(`${name}:${encode(lua, settings, value, depth)}`);
  }
  return `{${members.join(',')}}`;
}

/** How many items, with nulls between, the table has as an array; 0 when it is an object. */
function arrayLength(lua: Lua, settings: CjsonSettings, table: Parameters<Lua['entries']>[0]): number {
  let max = 0;
  let items = 0;
  for (const [key] of lua.entries(table)) {
    if (typeof key !== 'number' || !(key >= 1) || !Number.isInteger(key)) return 0;
    max = Math.max(max, key);
    items += 1;
  }
  const isSparse =
    settings.sparseRatio > 0 && max > items * settings.sparseRatio && max > settings.sparseSafe;
  if (!isSparse) return max;
  if (!settings.convertsSparse) throw new LuaError('Cannot serialise table: excessively sparse array');
  return 0;
}
