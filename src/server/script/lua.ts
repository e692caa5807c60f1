import {
  KIND,
  kindOf,
  LARGE_STRING_BYTES,
  largeStrings,
  latin1,
  loadFengari,
  type DebugInfo,
  type Fengari,
  type LuaCFunction,
  type LuaState,
  type LuaString,
  type LuaTable,
  type Slot,
} from './fengari.ts';
import { drive, giveResults, StackArguments, type Routine } from './routine.ts';

/** Functions, threads, userdata: handed through as they are. */
export class Opaque {
  readonly type: number;
  readonly value: unknown;

  constructor(type: number, value: unknown) {
    this.type = type;
    this.value = value;
  }
}

export type { LuaTable } from './fengari.ts';

/** A value of Lua as we see it: strings are binary strings, one byte a char. */
export type LuaValue = undefined | boolean | number | string | LuaTable | Opaque;

/** A function of ours that Lua can call. The arguments are good until it returns. */
export type LuaFunction = (args: LuaValue[]) => readonly LuaValue[] | void;

/** An error in Lua: what was raised, and where when the handler found out. */
export class LuaError extends Error {
  readonly value: LuaValue;
  readonly hasPosition: boolean;

  /** `hasPosition: false` for a text that has no `chunk:line:` put in front of it. */
  constructor(value: LuaValue, hasPosition = true) {
    super(typeof value === 'string' ? value : 'Lua error');
    this.name = 'LuaError';
    this.value = value;
    this.hasPosition = hasPosition;
  }
}

/** Longest string that a library function makes. */
const MAX_STRING_BYTES = 128 * 1024 * 1024;
/** So many values a function has room for (LUAI_MAXCSTACK). */
export const MAX_VALUES = 8000;
const LONG_STRING = 4 | (1 << 4);
const C_FUNCTION = 6 | (1 << 4);
const MASK_COUNT = 8;
const KIND_NAMES = [
  'nil',
  'boolean',
  'userdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
];

/** Stands for NULL in cjson. */
export const NULL = new Opaque(KIND.lightUserdata, null);

/** Where a raised error comes from, as debug.getinfo tells. */
export interface Position {
  readonly source: string;
  readonly line: number;
}

/** What the handler makes of what was raised: the value that the caller of `call` gets. */
export type Describe = (raised: LuaValue, position: Position | undefined) => LuaValue;

/** Instead of a result: the function paused. */
export const PAUSED = Symbol('paused');
const YIELD = 1;

class ReadonlyError extends LuaError {}

/** One Lua state, with values converted to and from JavaScript's. */
export class Lua {
  readonly api: Fengari;
  readonly globals: LuaTable;
  /**
   * Code from outside that is asked about the state of things every so many instructions. True makes the running
   * function pause, where `mayPause` says that it can.
   */
  onStep: (mayPause: boolean) => boolean = () => false;
  private readonly L: LuaState;
  /** Where what `start` calls runs: as a coroutine, so that it can pause. */
  private thread: LuaState;
  private hasFailed = false;
  private readonly stepHook: (L: LuaState) => void;
  private readonly frozen = new WeakSet<LuaTable>();

  constructor() {
    this.api = loadFengari();
    this.L = this.api.newState();
    this.thread = this.api.newThread(this.L);
    for (const [name, open] of this.api.openLibraries) this.api.openLibrary(this.L, name, open);
    const holder = this.compile('return _G', 'init');
    this.globals = this.call(holder, []) as LuaTable;
    this.stepHook = (L) => {
      if (this.onStep(this.api.mayPause(L))) this.api.pause(L);
    };
    this.api.lua.lua_atnativeerror(this.L, (L) => this.raiseNative(L));
    this.hideThread();
  }

  // ---- values -----------------------------------------------------------------------------------------------------

  table(): LuaTable {
    return new this.api.Table(this.L);
  }

  /** A table of values 1..n. */
  list(values: readonly LuaValue[]): LuaTable {
    const table = this.table();
    for (const [index, value] of values.entries()) this.api.setInt(table, index + 1, this.slot(value));
    return table;
  }

  /** A table of named values. */
  record(values: Readonly<Record<string, LuaValue>>): LuaTable {
    const table = this.table();
    for (const [name, value] of Object.entries(values)) this.set(table, name, value);
    return table;
  }

  get(table: LuaTable, key: LuaValue): LuaValue {
    if (typeof key === 'number') return fromSlot(this.api.getInt(table, key));
    return fromSlot(this.api.get(this.L, table, this.slot(key)));
  }

  /** A copy of what is under a key, without metamethods. */
  slotAt(table: LuaTable, key: Slot): Slot {
    const { type, value } = this.api.get(this.L, table, key);
    return new this.api.Slot(type, value);
  }

  set(table: LuaTable, key: LuaValue, value: LuaValue): void {
    this.api.set(this.L, table, this.slot(key), this.slot(value));
    table.flags = 0;
  }

  /** `#table`, without metamethods. */
  length(table: LuaTable): number {
    return this.api.length(table);
  }

  /** The pairs of a table, in Lua's order. */
  *entries(table: LuaTable): Generator<[LuaValue, LuaValue]> {
    for (let entry = table.f; entry !== undefined; entry = entry.n) {
      yield [fromSlot(entry.key), fromSlot(entry.value)];
    }
  }

  /** Makes a function of ours a value for Lua. */
  function(run: LuaFunction): Opaque {
    const body: LuaCFunction = (L) => {
      const first = L.ci.funcOff + 1;
      const args: LuaValue[] = [];
      for (let at = first; at < L.top; at += 1) args.push(fromSlot(L.stack[at]!));
      const results = run(args);
      if (results === undefined) return 0;
      return giveResults(
        this.api,
        L,
        results.map((result) => this.slot(result)),
      );
    };
    return new Opaque(C_FUNCTION, body);
  }

  /** Makes a routine a value for Lua. */
  routine(run: Routine): Opaque {
    return new Opaque(C_FUNCTION, (L: LuaState) => {
      const results = run(new StackArguments(this.api, L));
      return 'next' in results ? drive(this.api, L, results) : giveResults(this.api, L, results);
    });
  }

  slot(value: LuaValue): Slot {
    const { Slot: type } = this.api;
    switch (typeof value) {
      case 'undefined':
        return new type(KIND.nil, null);
      case 'boolean':
        return new type(KIND.boolean, value);
      case 'number':
        return new type(KIND.number, value);
      case 'string':
        return this.bytes(Buffer.from(value, 'latin1'));
      default:
        if (value instanceof Opaque) return new type(value.type, value.value);
        return new type(KIND.table, value);
    }
  }

  /** A string of bytes, which nobody changes from now on. */
  bytes(bytes: Uint8Array): Slot {
    if (bytes.length > LARGE_STRING_BYTES) largeStrings.listener(bytes.length);
    return new this.api.Slot(LONG_STRING, new this.api.LuaString(this.L, bytes));
  }

  // ---- running ----------------------------------------------------------------------------------------------------

  /** Compiles a chunk (a binary string); throws LuaError with the text of what is wrong. */
  compile(code: string, chunk: string): Opaque {
    const loaded = this.load(Buffer.from(code, 'latin1'), Buffer.from(`@${chunk}`, 'latin1'));
    if (typeof loaded === 'string') throw new LuaError(loaded, false);
    return loaded;
  }

  /** Compiles a chunk under a name as Lua has it, with its `@` or `=`; gives the text of what is wrong. */
  load(code: Uint8Array, chunk: Uint8Array): Opaque | string {
    const { L } = this;
    const status = this.api.load(L, code, chunk);
    const result = fromSlot(L.stack[L.top - 1]!);
    this.pop(1);
    if (status === 0 && result instanceof Opaque) return result;
    return typeof result === 'string' ? asLua51(result) : 'out of memory';
  }

  /**
   * Calls a function and gives its first result. What it raises comes as a LuaError whose value is what `describe`
   * made of it, where it was raised.
   */
  call(fn: Opaque, args: readonly LuaValue[], describe: Describe = (raised) => raised): LuaValue {
    const { L } = this;
    const bottom = L.top;
    this.push(L, this.handler(describe));
    this.push(L, fn);
    this.api.lua.lua_checkstack(L, args.length + 1);
    for (const arg of args) this.push(L, arg);
    const status = this.api.lua.lua_pcall(L, args.length, 1, bottom - L.ci.funcOff);
    const result = fromSlot(L.stack[L.top - 1]!);
    this.pop(L.top - bottom);
    if (status === 0) return result;
    throw new LuaError(result, false);
  }

  /** `call` of a function that may pause: gives PAUSED then, and `proceed` goes on with it. */
  start(fn: Opaque, args: readonly LuaValue[], describe: Describe): LuaValue | typeof PAUSED {
    const { thread } = this;
    this.push(thread, this.body);
    this.push(thread, this.handler(describe));
    this.push(thread, fn);
    this.api.lua.lua_checkstack(thread, args.length + 1);
    for (const arg of args) this.push(thread, arg);
    return this.resume(args.length + 2);
  }

  /** Goes on with what paused. */
  proceed(): LuaValue | typeof PAUSED {
    return this.resume(0);
  }

  private resume(argCount: number): LuaValue | typeof PAUSED {
    const { thread } = this;
    let status: number | undefined;
    try {
      status = this.api.resume(thread, this.L, argCount);
    } finally {
      // One that its own guard, or a mistake of ours, let down can't run again.
      if (status !== YIELD && status !== 0) this.thread = this.api.newThread(this.L);
    }
    if (status === YIELD) return PAUSED;
    const result = fromSlot(thread.stack[thread.top - 1]!);
    if (status === 0) thread.top -= 1;
    if (status !== 0 || this.hasFailed) throw new LuaError(result, false);
    return result;
  }

  /** The bottom of the thread: calls its second argument with the rest, with the first to describe errors. */
  private readonly body = new Opaque(C_FUNCTION, (L: LuaState): number => {
    this.hasFailed = false;
    this.api.lua.lua_pcallk(L, L.top - L.ci.funcOff - 3, 1, 1, 0, (_, status) => {
      this.hasFailed = status !== YIELD;
      return 1;
    });
    return 1;
  });

  private handler(describe: Describe): Opaque {
    return new Opaque(C_FUNCTION, (L: LuaState): number => {
      const raised = fromSlot(L.stack[L.ci.funcOff + 1]!);
      const text = typeof raised === 'string' ? asLua51(raised) : raised;
      L.stack[L.top] = this.slot(describe(text, this.position(L)));
      L.top += 1;
      return 1;
    });
  }

  /** Calls `onStep` every `instructions`; 0 ends it. */
  watch(instructions: number): void {
    const hook = instructions === 0 ? null : this.stepHook;
    const mask = instructions === 0 ? 0 : MASK_COUNT;
    this.api.lua.lua_sethook(this.L, hook, mask, instructions);
    this.api.lua.lua_sethook(this.thread, hook, mask, instructions);
  }

  /** Lua code must not see that it runs as a coroutine. */
  private hideThread(): void {
    const library = this.get(this.globals, 'coroutine') as LuaTable;
    const replace = (name: string, make: (known: LuaCFunction) => LuaCFunction): void => {
      const known = (this.get(library, name) as Opaque).value as LuaCFunction;
      this.set(library, name, new Opaque(C_FUNCTION, make(known)));
    };
    replace('running', (known) => (L) => {
      if (L === this.thread) {
        L.stack[L.top] = this.slot(undefined);
        L.top += 1;
        return 1;
      }
      known(L);
      L.top -= 1;
      return 1;
    });
    replace('resume', (known) => (L) => {
      const count = known(L);
      const error = fromSlot(L.stack[L.top - 1]!);
      if (count === 2 && L.stack[L.top - 2]!.value === false && typeof error === 'string')
        L.stack[L.top - 1] = this.slot(asLua51(error));
      return count;
    });
    replace('yield', (known) => (L) => {
      if (L === this.thread || isInNativeCall(L))
        throw new LuaError('attempt to yield across metamethod/C-call boundary', false);
      return known(L);
    });
  }

  /** Makes a table refuse every change, by rawset too. */
  freeze(table: LuaTable): void {
    if (this.frozen.has(table)) return;
    this.frozen.add(table);
    // Adding an entry clears the dead ones first, removing marks the key dead, changing sets the value.
    table.dead_strong.clear = refuseChange;
    for (let entry = table.f; entry !== undefined; entry = entry.n) {
      entry.key.setdeadvalue = refuseChange;
      entry.value.setfrom = refuseChange;
    }
  }

  isFrozen(table: LuaTable): boolean {
    return this.frozen.has(table);
  }

  /** Puts a value into an entry that exists, frozen or not. */
  replace(table: LuaTable, name: string, value: LuaValue): void {
    const slot = this.api.get(this.L, table, this.slot(name));
    const { type, value: inner } = this.slot(value);
    slot.type = type;
    slot.value = inner;
  }

  private push(L: LuaState, value: LuaValue): void {
    L.stack[L.top] = this.slot(value);
    L.top += 1;
    if (L.top > L.ci.top) L.ci.top = L.top;
  }

  private pop(count: number): void {
    this.L.top -= count;
  }

  /** The innermost place in a script (source: __redis__err__handler in script_lua.c). */
  private position(L: LuaState): Position | undefined {
    for (let level = 1; level < 6; level += 1) {
      const position = this.positionAt(L, level);
      if (position !== undefined) return position;
    }
    return undefined;
  }

  private positionAt(L: LuaState, level: number): Position | undefined {
    const { lua } = this.api;
    const info: DebugInfo = new lua.lua_Debug();
    if (lua.lua_getstack(L, level, info) === 0) return undefined;
    lua.lua_getinfo(L, SOURCE_AND_LINE, info);
    const source = latin1(info.source).replace(/\0$/, '');
    return info.currentline > 0 && source !== PRELUDE_SOURCE ? { source, line: info.currentline } : undefined;
  }

  /** Makes a Lua error of an exception of JavaScript. */
  private raiseNative(L: LuaState): number {
    const error = L.stack[L.top - 1]!.value;
    let raised: LuaValue;
    if (error instanceof LuaError && !(error.hasPosition && typeof error.value === 'string')) {
      raised = error.value;
    } else {
      // Level 1 raised it: Lua code, or a function of ours that Lua code called.
      const inner = this.positionAt(L, 1);
      const position = inner ?? (error instanceof ReadonlyError ? undefined : this.positionAt(L, 2));
      const text = describeNative(error);
      raised =
        position === undefined
          ? text.replace(/^(bad argument #\d+ to )'\w+'/, "$1'?'")
          : `${position.source.slice(1)}:${position.line}: ${text}`;
    }
    L.stack[L.top] = this.slot(raised);
    L.top += 1;
    return 1;
  }
}

/** Code of ours in Lua, which errors don't point to. */
export const PRELUDE = 'prelude';
const PRELUDE_SOURCE = `@${PRELUDE}`;
const SOURCE_AND_LINE = Buffer.from('Sl');

const IS_LUA = 1 << 1;

/** Whether a function that is none of Lua's (pcall, the sort of a table) waits for what runs. */
function isInNativeCall(L: LuaState): boolean {
  for (let ci = L.ci.previous; ci !== null && ci !== L.base_ci; ci = ci.previous)
    if ((ci.callstatus & IS_LUA) === 0) return true;
  return false;
}

/** Throws when a string of so many bytes is not to be made. */
export function checkStringBytes(count: number): void {
  if (count > MAX_STRING_BYTES) throw new LuaError('resulting string too large');
}

/** Throws when a function can't have so many arguments and results (luaL_checkstack). */
export function checkValueCount(count: number, problem: string): void {
  if (count > MAX_VALUES) throw new LuaError(`stack overflow (${problem})`);
}

function describeNative(error: unknown): string {
  if (error instanceof LuaError) return error.message;
  if (error instanceof RangeError)
    return error.message.includes('call stack') ? 'stack overflow' : 'not enough memory';
  throw error;
}

function refuseChange(): never {
  throw new ReadonlyError('Attempt to modify a readonly table');
}

export function fromSlot(slot: Slot): LuaValue {
  switch (kindOf(slot)) {
    case KIND.nil:
      return undefined;
    case KIND.boolean:
    case KIND.number:
    case KIND.table:
      return slot.value as boolean | number | LuaTable;
    case KIND.string:
      return latin1((slot.value as LuaString).realstring);
    default:
      return new Opaque(slot.type, slot.value);
  }
}

const NOT_LUA51 = /attempt to|overflow|loop|resume|<\w/;

/** Lua 5.1's words for what 5.3 says otherwise. */
export function asLua51(text: string): string {
  if (!NOT_LUA51.test(text)) return text;
  return text
    .replace(/JS stack overflow$/, 'C stack overflow')
    .replace(
      /'__(new)?index' chain too long; possible loop$/,
      (_, isSet) => `loop in ${isSet === undefined ? 'get' : 'set'}table`,
    )
    .replace(/cannot resume non-suspended coroutine$/, 'cannot resume running coroutine')
    .replace(
      /attempt to (index|call) a (\w+) value \((local|global|field|upvalue|method) '([^']*)'\)/,
      "attempt to $1 $3 '$4' (a $2 value)",
    )
    .replace(
      /attempt to (.*) a (\w+) value \((local|global|field|upvalue) '([^']*)'\)/,
      "attempt to $1 $3 '$4' (a $2 value)",
    )
    .replaceAll(/(?<!')<(\w+)>(?!')/g, "'<$1>'");
}

export function isTable(value: LuaValue): value is LuaTable {
  return typeof value === 'object' && !(value instanceof Opaque);
}

export function isFunction(value: LuaValue): value is Opaque {
  return value instanceof Opaque && kindOf(value) === KIND.function;
}

/** `type(value)` in Lua. */
export function typeName(value: LuaValue): string {
  switch (typeof value) {
    case 'undefined':
      return 'nil';
    case 'object':
      return value instanceof Opaque ? (KIND_NAMES[kindOf(value)] ?? 'userdata') : 'table';
    default:
      return typeof value;
  }
}

export { largeStrings };
