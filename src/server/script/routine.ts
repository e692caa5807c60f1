import { KIND, kindOf, type Fengari, type LuaState, type LuaTable, type Slot } from './fengari.ts';

/**
 * A function of ours for Lua to call. One that needs functions of Lua to go on is a generator: it yields the function
 * with its arguments, and gets the first result, or it yields an `Attempt` of that. Meanwhile the script can be paused,
 * killed and gone on with.
 */
export type Routine = (args: StackArguments) => readonly Slot[] | RoutineSteps;
export type RoutineSteps = Generator<readonly Slot[] | Attempt, readonly Slot[], Slot>;

/** A call that may fail. Once it has been yielded it knows all its results, or what was raised as the only one. */
export class Attempt {
  readonly call: readonly Slot[];
  hasFailed = false;
  results: readonly Slot[] = [];

  constructor(call: readonly Slot[]) {
    this.call = call;
  }
}

const ALL_RESULTS = -1;
const OK = 0;
const YIELD = 1;

/** The arguments of a call, checked as Lua's own library does. Counted from 1. */
export class StackArguments {
  readonly count: number;
  readonly #api: Fengari;
  readonly #L: LuaState;
  readonly #base: number;

  constructor(api: Fengari, L: LuaState) {
    this.#api = api;
    this.#L = L;
    this.#base = L.ci.funcOff;
    this.count = L.top - this.#base - 1;
  }

  /** A copy that stays good; nil where there is none. */
  slot(index: number): Slot {
    const { Slot: type } = this.#api;
    if (index > this.count) return new type(0, null);
    const { type: kind, value } = this.#L.stack[this.#base + index]!;
    return new type(kind, value);
  }

  isNil(index: number): boolean {
    return index > this.count || this.#L.stack[this.#base + index]!.type === 0;
  }

  /** Bytes that must not be changed. Numbers count as strings. */
  bytes(index: number): Uint8Array {
    return this.#api.check.luaL_checklstring(this.#L, index);
  }

  integer(index: number): number {
    return this.#api.check.luaL_checkinteger(this.#L, index);
  }

  table(index: number): LuaTable {
    this.#api.check.luaL_checktype(this.#L, index, KIND.table);
    return this.#L.stack[this.#base + index]!.value as LuaTable;
  }

  /** The arguments from this one on. */
  from(index: number): Slot[] {
    const slots: Slot[] = [];
    for (let i = index; i <= this.count; i += 1) slots.push(this.slot(i));
    return slots;
  }

  /** Throws when there is no such argument, not even nil. */
  any(index: number): Slot {
    this.#api.check.luaL_checkany(this.#L, index);
    return this.slot(index);
  }

  function(index: number): Slot {
    this.#api.check.luaL_checktype(this.#L, index, KIND.function);
    return this.slot(index);
  }

  /** Throws that an argument is bad. */
  refuse(index: number, problem: string): never {
    return this.#api.check.luaL_argerror(this.#L, index, Buffer.from(problem));
  }
}

/** Runs a routine to its end, from its start or from where a function that it asked for has returned. */
export function drive(api: Fengari, L: LuaState, steps: RoutineSteps, returned?: Slot): number {
  let step = returned === undefined ? steps.next() : steps.next(returned);
  while (step.done !== true) {
    const { value } = step;
    if (value instanceof Attempt) {
      const bottom = L.top - L.ci.funcOff;
      const argCount = push(api, L, value.call) - 1;
      const goOn = (thread: LuaState, status: number): number =>
        drive(api, thread, steps, settle(api, thread, value, status, bottom));
      const status = api.lua.lua_pcallk(L, argCount, ALL_RESULTS, 0, 0, goOn);
      step = steps.next(settle(api, L, value, status, bottom));
    } else {
      const argCount = push(api, L, value) - 1;
      api.lua.lua_callk(L, argCount, 1, 0, (thread) => drive(api, thread, steps, takeResult(api, thread)));
      step = steps.next(takeResult(api, L));
    }
  }
  return giveResults(api, L, step.value);
}

/** Copies: to who is called, its arguments are variables. */
function push(api: Fengari, L: LuaState, values: readonly Slot[]): number {
  return giveResults(
    api,
    L,
    values.map(({ type, value }) => new api.Slot(type, value)),
  );
}

/** Takes what an attempt left on the stack. */
function settle(api: Fengari, L: LuaState, attempt: Attempt, status: number, bottom: number): Slot {
  const start = L.ci.funcOff + bottom;
  attempt.hasFailed = status !== OK && status !== YIELD;
  attempt.results = L.stack.slice(start, L.top).map(({ type, value }) => new api.Slot(type, value));
  L.top = start;
  return new api.Slot(KIND.nil, null);
}

/** Puts values on the stack, which are its own from now on. Returns how many. */
export function giveResults(api: Fengari, L: LuaState, values: readonly Slot[]): number {
  if (values.length > 4) api.lua.lua_checkstack(L, values.length);
  for (const value of values) {
    L.stack[L.top] = value;
    L.top += 1;
  }
  return values.length;
}

function takeResult(api: Fengari, L: LuaState): Slot {
  L.top -= 1;
  const { type, value } = L.stack[L.top]!;
  return new api.Slot(type, value);
}

/** What counts as true in Lua. */
export function isTrue(slot: Slot): boolean {
  return kindOf(slot) > KIND.boolean || slot.value === true;
}
