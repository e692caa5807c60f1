import { KIND, kindOf, type Fengari, type LuaState, type LuaTable, type Slot } from './fengari.ts';

/**
 * A function of ours for Lua to call. One that needs functions of Lua to go on is a generator: it yields the function
 * with its arguments, and gets the first result. Meanwhile the script can be paused, killed and gone on with.
 */
export type Routine = (args: StackArguments) => readonly Slot[] | RoutineSteps;
export type RoutineSteps = Generator<readonly Slot[], readonly Slot[], Slot>;

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
    // Copies: to who is called, its arguments are variables.
    giveResults(
      api,
      L,
      step.value.map(({ type, value }) => new api.Slot(type, value)),
    );
    api.lua.lua_callk(L, step.value.length - 1, 1, 0, (thread) =>
      drive(api, thread, steps, takeResult(api, thread)),
    );
    step = steps.next(takeResult(api, L));
  }
  return giveResults(api, L, step.value);
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
