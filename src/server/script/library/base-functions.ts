import { formatG } from '../format-number.ts';
import { KIND, kindOf, latin1, type Slot } from '../fengari.ts';
import { asLua51, fromSlot, isFunction, isTable, LuaError, MAX_VALUES, type Lua } from '../lua.ts';
import { Attempt, isTrue, type Routine, type RoutineSteps, type StackArguments } from '../routine.ts';

/** The handler of xpcall is called for its own errors too, each within the last, until the C stack has no more room. */
const MAX_HANDLERS = 221;
const NO_HANDLER = 'error in error handling';
const ESCAPE = 27;

/**
 * The functions of lbaselib.c as in Lua 5.1: no metamethods for `pairs`, `ipairs` and `unpack`, and what the others call
 * can be paused.
 */
export function baseFunctions(lua: Lua): Record<string, Routine> {
  const { Slot: type, getInt } = lua.api;
  const nil = (): Slot => new type(KIND.nil, null);
  const knownToString = lua.get(lua.globals, 'tostring');
  const next = lua.get(lua.globals, 'next');
  const nextItem = lua.routine(iterate);

  function tostring(args: StackArguments): readonly Slot[] | RoutineSteps {
    const slot = args.any(1);
    const value = fromSlot(slot);
    if (typeof value === 'string') return [slot];
    if (typeof value === 'number') return [lua.slot(formatG(value, 14))];
    if (typeof value === 'boolean') return [lua.slot(String(value))];
    if (value === undefined) return [lua.slot('nil')];
    if (kindOf(slot) === KIND.lightUserdata) return [lua.slot('userdata: (nil)')];
    if (!isTable(value)) return callOne(lua.slot(knownToString), slot);
    const name = value.metatable === null ? nil() : lua.slotAt(value.metatable, lua.slot('__tostring'));
    return name.type === KIND.nil ? [lua.slot(`table: 0x${value.id.toString(16)}`)] : callOne(name, slot);
  }

  function* callOne(...call: readonly Slot[]): RoutineSteps {
    return [yield call];
  }

  /** Redis' own gives the text of an error table (luaRedisPcall in script_lua.c). */
  function* pcall(args: StackArguments): RoutineSteps {
    args.any(1);
    const attempt = new Attempt(args.from(1));
    yield attempt;
    if (!attempt.hasFailed) return [lua.slot(true), ...attempt.results];
    const raised = raisedBy(attempt);
    const error = fromSlot(raised);
    const text = isTable(error) ? lua.slotAt(error, lua.slot('err')) : nil();
    return [lua.slot(false), isText(text) ? text : raised];
  }

  function* xpcall(args: StackArguments): RoutineSteps {
    const handler = args.any(2);
    const attempt = new Attempt([args.slot(1)]);
    yield attempt;
    if (!attempt.hasFailed) return [lua.slot(true), ...attempt.results];
    let raised = raisedBy(attempt);
    for (let i = 0; isFunction(fromSlot(handler)) && i < MAX_HANDLERS; i += 1) {
      const handling = new Attempt([handler, raised]);
      yield handling;
      if (!handling.hasFailed) return [lua.slot(false), handling.results[0] ?? nil()];
      raised = raisedBy(handling);
    }
    return [lua.slot(false), lua.slot(NO_HANDLER)];
  }

  function raisedBy({ results: [raised = nil()] }: Attempt): Slot {
    const error = fromSlot(raised);
    return typeof error === 'string' ? lua.slot(asLua51(error)) : raised;
  }

  function assert(args: StackArguments): readonly Slot[] {
    if (isTrue(args.any(1))) return args.from(1);
    throw new LuaError(args.isNil(2) ? 'assertion failed!' : latin1(args.bytes(2)));
  }

  function* load(args: StackArguments): RoutineSteps {
    const read = args.function(1);
    const chunk = args.isNil(2) ? Buffer.from('=(load)') : args.bytes(2);
    const pieces: Uint8Array[] = [];
    for (;;) {
      const attempt = new Attempt([read]);
      yield attempt;
      if (attempt.hasFailed) return refuse(raisedBy(attempt));
      const piece = fromSlot(attempt.results[0] ?? nil());
      if (piece === undefined || piece === '') return compile(Buffer.concat(pieces), chunk);
      if (typeof piece !== 'string' && typeof piece !== 'number')
        return refuse(lua.slot('reader function must return a string'));
      pieces.push(Buffer.from(typeof piece === 'number' ? formatG(piece, 14) : piece, 'latin1'));
    }
  }

  /** The handler that makes tables of errors is at work here, too (luaD_protectedparser). */
  function refuse(raised: Slot): readonly Slot[] {
    const error = fromSlot(raised);
    return [nil(), typeof error === 'string' ? lua.slot(lua.record({ err: error })) : raised];
  }

  function loadstring(args: StackArguments): readonly Slot[] {
    const code = args.bytes(1);
    return compile(code, args.isNil(2) ? code : args.bytes(2));
  }

  function compile(code: Uint8Array, chunk: Uint8Array): readonly Slot[] {
    const loaded =
      code[0] === ESCAPE ? "attempt to load a binary chunk (mode is 't')" : lua.load(code, chunk);
    return typeof loaded === 'string' ? [nil(), lua.slot(loaded)] : [lua.slot(loaded)];
  }

  function setmetatable(args: StackArguments): readonly Slot[] {
    const table = args.table(1);
    const metatable = fromSlot(args.slot(2));
    if (args.count < 2 || !(metatable === undefined || isTable(metatable)))
      return args.refuse(2, 'nil or table expected');
    if (table.metatable !== null && lua.get(table.metatable, '__metatable') !== undefined)
      throw new LuaError('cannot change a protected metatable');
    if (lua.isFrozen(table)) throw new LuaError('Attempt to modify a readonly table', false);
    table.metatable = metatable ?? null;
    return [args.slot(1)];
  }

  function pairs(args: StackArguments): readonly Slot[] {
    args.table(1);
    return [lua.slot(next), args.slot(1), nil()];
  }

  function ipairs(args: StackArguments): readonly Slot[] {
    args.table(1);
    return [lua.slot(nextItem), args.slot(1), lua.slot(0)];
  }

  function iterate(args: StackArguments): readonly Slot[] {
    const index = args.integer(2) + 1;
    const { type: kind, value } = getInt(args.table(1), index);
    return kind === KIND.nil ? [] : [lua.slot(index), new type(kind, value)];
  }

  function unpack(args: StackArguments): readonly Slot[] {
    const table = args.table(1);
    const first = args.isNil(2) ? 1 : args.integer(2);
    const last = args.isNil(3) ? lua.length(table) : args.integer(3);
    if (last - first + 1 + args.count > MAX_VALUES) throw new LuaError('too many results to unpack');
    const values: Slot[] = [];
    for (let i = first; i <= last; i += 1) {
      const { type: kind, value } = getInt(table, i);
      values.push(new type(kind, value));
    }
    return values;
  }

  return { assert, ipairs, load, loadstring, pairs, pcall, setmetatable, tostring, unpack, xpcall };
}

/** lua_isstring: numbers count. */
function isText(slot: Slot): boolean {
  const kind = kindOf(slot);
  return kind === KIND.string || kind === KIND.number;
}
