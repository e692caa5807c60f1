import { createRequire } from 'node:module';
import { formatG } from './format-number.ts';
import { restrictMetamethods, type Metamethods } from './metamethods.ts';

/** A value in a slot of Lua's stack or table: `type` is a tag of lobject.h, the kind in its low four bits. */
export interface Slot {
  type: number;
  value: unknown;
  setfrom(other: Slot): void;
  setdeadvalue(): void;
}

export const KIND = {
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  number: 3,
  string: 4,
  table: 5,
  function: 6,
  userdata: 7,
  thread: 8,
} as const;

/** Which of `KIND` a value is. */
export function kindOf({ type }: { readonly type: number }): number {
  return type & 0x0f;
}

export interface TableEntry {
  readonly key: Slot;
  readonly value: Slot;
  n: TableEntry | undefined;
  p: TableEntry | null | undefined;
}

export interface LuaTable {
  readonly id: number;
  readonly strong: Map<unknown, TableEntry>;
  readonly dead_strong: { clear: () => void };
  /** First entry of a linked list in order of insertion. */
  f: TableEntry | undefined;
  /** The last one. */
  l: TableEntry | undefined;
  metatable: LuaTable | null;
  /** Metamethods known to be absent; 0 when nothing is known. */
  flags: number;
}

export interface LuaString {
  readonly realstring: Uint8Array;
}

export interface CallInfo {
  readonly funcOff: number;
  readonly func: Slot;
  top: number;
  callstatus: number;
  readonly previous: CallInfo | null;
}

export interface LuaState {
  readonly stack: Slot[];
  top: number;
  /** Calls on the stack that can't be left in the middle. */
  readonly nny: number;
  readonly allowhook: number;
  readonly ci: CallInfo;
  /** Below everything that a thread runs. */
  readonly base_ci: CallInfo;
  readonly l_G: { readonly atnativeerror: LuaCFunction | null };
}

export interface DebugInfo {
  what: Uint8Array;
  source: Uint8Array;
  currentline: number;
}

export type LuaCFunction = (L: LuaState) => number;

/** lua_resume: runs a thread until it ends, fails or yields. */
type Resume = (thread: LuaState, from: LuaState, args: number) => number;

/** What is used of fengari, whose functions are those of Lua's C API. */
export interface Fengari {
  readonly lua: {
    lua_callk(
      L: LuaState,
      args: number,
      results: number,
      context: number,
      goOn: (L: LuaState, status: number) => number,
    ): void;
    lua_atnativeerror(L: LuaState, handler: LuaCFunction): void;
    lua_checkstack(L: LuaState, count: number): boolean;
    lua_error(L: LuaState): never;
    lua_gc(L: LuaState, what: number, data: number): number;
    lua_getinfo(L: LuaState, what: Uint8Array, info: DebugInfo): number;
    lua_getstack(L: LuaState, level: number, info: DebugInfo): number;
    lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
    lua_pcallk(
      L: LuaState,
      args: number,
      results: number,
      handler: number,
      context: number,
      goOn: (L: LuaState, status: number) => number,
    ): number;
    lua_sethook(L: LuaState, hook: ((L: LuaState) => void) | null, mask: number, count: number): void;
    readonly lua_Debug: new () => DebugInfo;
  };
  readonly newState: () => LuaState;
  readonly newThread: (L: LuaState) => LuaState;
  readonly resume: Resume;
  /** Whether what runs could be left in the middle, in all the threads that wait for it too. */
  readonly mayPause: (L: LuaState) => boolean;
  /** Called by a hook: all threads down to the one resumed by `resume` are left, and go on with its next call. */
  readonly pause: (L: LuaState) => void;
  readonly load: (L: LuaState, code: Uint8Array, chunk: Uint8Array) => number;
  readonly openLibraries: readonly (readonly [name: string, open: LuaCFunction])[];
  readonly openLibrary: (L: LuaState, name: string, open: LuaCFunction) => void;
  readonly Slot: new (type: number, value: unknown) => Slot;
  readonly Table: new (L: LuaState) => LuaTable;
  readonly LuaString: new (L: LuaState, bytes: Uint8Array) => LuaString;
  readonly getInt: (table: LuaTable, key: number) => Slot;
  readonly get: (L: LuaState, table: LuaTable, key: Slot) => Slot;
  readonly setInt: (table: LuaTable, key: number, value: Slot) => void;
  readonly set: (L: LuaState, table: LuaTable, key: Slot, value: Slot) => void;
  readonly length: (table: LuaTable) => number;
  /** What checks the arguments of a function; all throw what Lua says about a bad one. */
  readonly check: {
    luaL_argerror(L: LuaState, index: number, problem: Uint8Array): never;
    luaL_checkany(L: LuaState, index: number): void;
    luaL_checkinteger(L: LuaState, index: number): number;
    luaL_checklstring(L: LuaState, index: number): Uint8Array;
    luaL_checktype(L: LuaState, index: number, kind: number): void;
  };
}

/** Told of each string beyond this many bytes that a script makes. */
export const LARGE_STRING_BYTES = 64 * 1024;

let loaded: Fengari | undefined;
/** Hears of large strings before they are used; throws when there are too many. */
export const largeStrings: { listener: (bytes: number) => void } = { listener: () => undefined };

/**
 * The Lua interpreter, loaded at the first use (some 50 ms and 8 MB that a server without scripts never pays).
 *
 * fengari is Lua 5.3 with 32-bit integers; scripts are Lua 5.1, whose numbers are doubles. So the integer type is made
 * the same as the float type, and numbers read and print as in 5.1. Some modules take what they use of others when
 * they are loaded: the order below matters.
 */
export function loadFengari(): Fengari {
  loaded ??= load();
  return loaded;
}

function load(): Fengari {
  // At once, in the midst of a command: so not by import().
  const module = createRequire(import.meta.url)('./lua-modules.cjs') as (name: string) => unknown;
  const defs = module('defs') as { constant_types: Record<string, number> };
  const floatType = defs.constant_types['LUA_TNUMFLT'] ?? 3;
  defs.constant_types['LUA_TNUMINT'] = floatType;
  const conf = module('luaconf') as Record<string, unknown>;
  conf['LUA_COMPAT_FLOATSTRING'] = true;
  // As deep as Lua 5.1 goes (its LUAI_MAXCALLS is 20,000), and not the seconds it takes to fill a million slots.
  conf['LUAI_MAXSTACK'] = 100_000;
  conf['lua_number2str'] = (value: number) => formatG(value, 14);
  conf['lua_numbertointeger'] = (value: number) => (Number.isFinite(value) ? value : false);
  const strings = module('lstring') as {
    TString: Fengari['LuaString'];
    luaS_bless: unknown;
    luaS_hash: unknown;
  };
  fixStringHash(strings.TString);
  strings.luaS_hash = hashOf;
  const { TString } = strings;
  strings.luaS_bless = (L: LuaState, bytes: Uint8Array) => {
    if (bytes.length > LARGE_STRING_BYTES) largeStrings.listener(bytes.length);
    return new TString(L, bytes);
  };
  const lua = module('lua') as Fengari['lua'] & {
    lua_isnoneornil: (L: LuaState, index: number) => boolean;
    lua_pop: (L: LuaState, count: number) => void;
    lua_newthread: (L: LuaState) => LuaState;
    lua_call: (L: LuaState, args: number, results: number) => void;
    lua_pushcfunction: (L: LuaState, fn: LuaCFunction) => void;
    lua_setglobal: (L: LuaState, name: Uint8Array) => void;
    lua_resume: Resume;
    lua_yieldk: (L: LuaState, results: number, context: number, goOn: LuaCFunction | null) => number;
  };
  restrictMetamethods(module('ltm') as Metamethods);
  const pausing = makePausable(lua);
  const api = module('lapi') as {
    lua_pushcfunction: (L: LuaState, fn: LuaCFunction) => void;
  };
  const { lua_pushcfunction } = api;
  // An exception in the middle of a Lua function finds no room on the stack for its handler.
  api.lua_pushcfunction = (L, fn) => {
    if (fn === L.l_G.atnativeerror) L.ci.top = Math.max(L.ci.top, L.top + 2);
    lua_pushcfunction(L, fn);
  };
  const objects = module('lobject') as {
    TValue: Fengari['Slot'] & { prototype: { ttisinteger: () => boolean } };
    luaO_str2num: unknown;
  };
  objects.TValue.prototype.ttisinteger = () => false;
  objects.luaO_str2num = (text: Uint8Array, into: { setfltvalue: (value: number) => void }) => {
    const value = parseLuaNumber(text);
    if (value === undefined) return 0;
    into.setfltvalue(value);
    return text.length + 1;
  };
  const auxiliary = module('lauxlib') as Fengari['check'] & {
    luaL_newstate: Fengari['newState'];
    luaL_checknumber: (L: LuaState, index: number) => number;
    luaL_optinteger: unknown;
    luaL_loadbufferx: (L: LuaState, code: Uint8Array, size: number, name: Uint8Array, mode: null) => number;
  };
  const { luaL_checknumber } = auxiliary;
  const checkInteger = (L: LuaState, index: number): number => toInteger(luaL_checknumber(L, index));
  auxiliary.luaL_checkinteger = checkInteger;
  auxiliary.luaL_optinteger = (L: LuaState, index: number, otherwise: number) =>
    lua.lua_isnoneornil(L, index) ? otherwise : checkInteger(L, index);
  const tables = module('ltable') as {
    Table: Fengari['Table'];
    luaH_get: Fengari['get'];
    luaH_getint: Fengari['getInt'];
    luaH_setint: Fengari['setInt'];
    luaH_setfrom: Fengari['set'];
    luaH_getn: Fengari['length'];
  };
  const { luaH_setint } = tables;
  tables.luaH_setint = (target, key, value) => {
    luaH_setint(target, key, value);
    keepInOrder(target, key);
  };
  const libraries = module('lualib') as Record<string, LuaCFunction>;
  return {
    lua,
    ...pausing,
    newThread: (L) => {
      const thread = lua.lua_newthread(L);
      lua.lua_pop(L, 1);
      return thread;
    },
    newState: auxiliary.luaL_newstate,
    load: (L, code, chunk) => auxiliary.luaL_loadbufferx(L, code, code.length, chunk, null),
    openLibraries: [
      ['_G', libraries['luaopen_base']!],
      ['string', libraries['luaopen_string']!],
      ['table', libraries['luaopen_table']!],
      ['math', libraries['luaopen_math']!],
      ['coroutine', libraries['luaopen_coroutine']!],
    ],
    // By luaL_requiref its functions would have names of their own, which Lua 5.1 does not know in errors.
    openLibrary: (L, name, open) => {
      lua.lua_pushcfunction(L, open);
      lua.lua_call(L, 0, 1);
      lua.lua_setglobal(L, Buffer.from(name));
    },
    Slot: objects.TValue,
    Table: tables.Table,
    LuaString: TString,
    getInt: tables.luaH_getint,
    get: tables.luaH_get,
    setInt: tables.luaH_setint,
    set: tables.luaH_setfrom,
    length: tables.luaH_getn,
    check: auxiliary,
  };
}

interface Coroutines {
  lua_pcallk: Fengari['lua']['lua_pcallk'];
  lua_resume: Resume;
  readonly lua_yieldk: (L: LuaState, results: number, context: number, goOn: LuaCFunction | null) => number;
}

/**
 * Lets hooks pause whatever runs. Two things stand in the way: a pcall inside a coroutine forgets, once it caught an
 * error, that hooks were on (a slip in fengari's setoah); and a pause inside a coroutine of the script's own would
 * look to it as if that had yielded, so coroutine.resume and wrap pass it on and are called again to go on.
 */
function makePausable(lua: Coroutines): Pick<Fengari, 'resume' | 'mayPause' | 'pause'> {
  const { lua_resume: resume, lua_pcallk: pcallk, lua_yieldk: yieldk } = lua;
  const waiting: LuaState[] = [];
  let isPausing = false;
  lua.lua_pcallk = (L, ...rest) => {
    L.ci.callstatus |= L.allowhook;
    return pcallk(L, ...rest);
  };
  lua.lua_resume = (thread, from, args) => {
    waiting.push(from);
    const status = resume(thread, from, args);
    waiting.pop();
    if (!isPausing) return status;
    return yieldk(from, 0, 0, (L) => {
      const { value } = L.ci.func;
      return typeof value === 'function' ? (value as LuaCFunction)(L) : (value as { f: LuaCFunction }).f(L);
    });
  };
  return {
    resume: (thread, from, args) => {
      isPausing = false;
      return resume(thread, from, args);
    },
    mayPause: (L) => L.nny === 0 && waiting.every((thread) => thread.nny === 0),
    pause: (L) => {
      isPausing = true;
      yieldk(L, 0, 0, null);
    },
  };
}

/** fengari's own hash takes "\x01\x23" for "\x12\x03", and orders bytes below 16 wrongly. */
function fixStringHash(type: Fengari['LuaString']): void {
  const hashes = Symbol('hash');
  type Hashed = LuaString & { [hashes]?: string };
  Object.defineProperty(type.prototype, 'hash', {
    get(this: Hashed) {
      return (this[hashes] ??= hashOf(this.realstring));
    },
    set() {},
  });
}

/**
 * A constructor `{1, 2, 3}` is filled from its end; `pairs` has to give its items from the beginning all the same,
 * and before what has names.
 */
function keepInOrder(table: LuaTable, key: number): void {
  const added = table.l;
  if (added === undefined || added.key.value !== key) return;
  const next = table.strong.get(key + 1);
  if (next !== undefined && next !== added) move(table, added, added, next);
  if (key !== 1 || table.f === added) return;
  let last = added;
  while (last.n !== undefined && last.n.key.value === (last.key.value as number) + 1) last = last.n;
  if (table.f !== undefined) move(table, added, last, table.f);
}

/** Puts the entries `first` to `last` of a table's list before another. */
function move(table: LuaTable, first: TableEntry, last: TableEntry, before: TableEntry): void {
  const previous = first.p ?? undefined;
  const next = last.n;
  if (previous === undefined) table.f = next;
  else previous.n = next;
  if (next === undefined) table.l = previous;
  else next.p = previous;
  const target = before.p ?? undefined;
  first.p = target;
  last.n = before;
  before.p = last;
  if (target === undefined) table.f = first;
  else target.n = first;
}

function hashOf(bytes: Uint8Array): string {
  return `|${latin1(bytes)}`;
}

/** Bytes as a binary string. */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length > 24) return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);
  let text = '';
  for (let at = 0; at < bytes.length; at += 1) text += String.fromCharCode(bytes[at]!);
  return text;
}

const DECIMAL = /^[ \t\n\v\f\r]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\n\v\f\r]*$/;
const HEXADECIMAL = /^[ \t\n\v\f\r]*([+-]?)0[xX]([0-9a-fA-F]+)[ \t\n\v\f\r]*$/;
const SPECIAL = /^[ \t\n\v\f\r]*([+-]?)(inf|infinity|nan)[ \t\n\v\f\r]*$/i;

/** What strtod and strtoul make of a text, as Lua 5.1 asks them; undefined when it is not a number. */
function parseLuaNumber(bytes: Uint8Array): number | undefined {
  // The lexer hands in its buffer with a closing zero.
  const end = bytes.length > 0 && bytes[bytes.length - 1] === 0 ? bytes.length - 1 : bytes.length;
  if (end > 400) return undefined;
  const text = latin1(bytes.subarray(0, end));
  if (DECIMAL.test(text)) return Number.parseFloat(text);
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal !== null) return (hexadecimal[1] === '-' ? -1 : 1) * Number.parseInt(hexadecimal[2]!, 16);
  const special = SPECIAL.exec(text);
  if (special === null) return undefined;
  const sign = special[1] === '-' ? -1 : 1;
  return special[2]!.toLowerCase() === 'nan' ? NaN : sign * Infinity;
}

function toInteger(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-0x7fff_ffff, Math.min(0x7fff_ffff, Math.trunc(value)));
}
