import type { LuaState, LuaTable, Slot } from './fengari.ts';

/** Numbers of events (TMS in ltm.js). */
const LENGTH = 4;
const EQUAL = 5;

/** What the interpreter asks of ltm.js, by way of the module. */
export interface Metamethods {
  fasttm: (L: LuaState, metatable: LuaTable | null, event: number) => Slot | null;
  luaT_callTM: (L: LuaState, method: Slot, a: Slot, b: Slot, result: Slot, hasResult: number) => void;
  luaT_callorderTM: (L: LuaState, a: Slot, b: Slot, event: number) => boolean | null;
  readonly luaT_gettmbyobj: (L: LuaState, value: Slot, event: number) => Slot;
}

/**
 * The metamethods of Lua 5.3 as those of 5.1 (lvm.c): tables have no `__len`, and two values are compared by a method
 * only when they are of one type and have it in common (get_compTM, call_orderTM).
 */
export function restrictMetamethods(methods: Metamethods): void {
  const { fasttm, luaT_callTM, luaT_callorderTM, luaT_gettmbyobj } = methods;
  /** Found for the left side of `==`, and to be found for the right one. */
  let equal: Slot | undefined;
  let isRightSide = false;
  methods.fasttm = (L, metatable, event) => {
    if (event < LENGTH) return fasttm(L, metatable, event);
    if (event === LENGTH) return null;
    // The right side is only asked for when the left one has none.
    if (isRightSide) {
      isRightSide = false;
      return null;
    }
    const found = fasttm(L, metatable, event);
    if (found === null) isRightSide = true;
    else equal = found;
    return found;
  };
  methods.luaT_callTM = (L, method, a, b, result, hasResult) => {
    if (equal !== undefined) {
      equal = undefined;
      const other = luaT_gettmbyobj(L, b, EQUAL);
      if (other.type !== method.type || other.value !== method.value) {
        result.type = 0;
        return;
      }
    }
    luaT_callTM(L, method, a, b, result, hasResult);
  };
  methods.luaT_callorderTM = (L, a, b, event) => {
    const method = luaT_gettmbyobj(L, a, event);
    const other = luaT_gettmbyobj(L, b, event);
    const isShared = a.type === b.type && method.type === other.type && method.value === other.value;
    return isShared ? luaT_callorderTM(L, a, b, event) : null;
  };
}
