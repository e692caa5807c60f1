import { formatG } from '../format-number.ts';
import {
  checkStringBytes,
  fromSlot,
  isTable,
  LuaError,
  typeName,
  type Lua,
  type LuaTable,
  type LuaValue,
} from '../lua.ts';
import { KIND, kindOf, type LuaString, type Slot } from '../fengari.ts';
import { isTrue, type Routine, type RoutineSteps, type StackArguments } from '../routine.ts';

const NO_BYTES = Buffer.alloc(0);

/**
 * The functions of `table` as in Lua 5.1 (ltablib.c): none of them heeds metamethods of the table, positions need not be
 * within bounds, and what they call can be paused.
 */
export function tableFunctions(lua: Lua): Record<string, Routine> {
  const { Slot: type, getInt, setInt, length } = lua.api;
  const at = (table: LuaTable, position: number): Slot => {
    const { type: kind, value } = getInt(table, position);
    return new type(kind, value);
  };

  function* sort(args: StackArguments): RoutineSteps {
    const table = args.table(1);
    const compare = args.isNil(2) ? undefined : args.function(2);
    const ranges = [1, length(table)];
    const isLess = function* (a: Slot, b: Slot): Generator<readonly Slot[], boolean, Slot> {
      return compare === undefined ? yield* isLessThan(lua, a, b) : isTrue(yield [compare, a, b]);
    };
    const swapUnless = function* (low: number, high: number): Generator<readonly Slot[], void, Slot> {
      const a = at(table, low);
      const b = at(table, high);
      if (!(yield* isLess(b, a))) return;
      setInt(table, low, b);
      setInt(table, high, a);
    };
    while (ranges.length > 0) {
      let high = ranges.pop()!;
      let low = ranges.pop()!;
      while (low < high) {
        yield* swapUnless(low, high);
        if (high - low === 1) break;
        const middle = Math.floor((low + high) / 2);
        // Which of the two is exchanged first shows in what the comparison is asked.
        const a = at(table, middle);
        const first = at(table, low);
        if (yield* isLess(a, first)) {
          setInt(table, middle, first);
          setInt(table, low, a);
        } else yield* swapUnless(middle, high);
        if (high - low === 2) break;
        const pivot = at(table, middle);
        setInt(table, middle, at(table, high - 1));
        setInt(table, high - 1, pivot);
        let i = low;
        let j = high - 1;
        for (;;) {
          let up: Slot;
          let down: Slot;
          i += 1;
          while (yield* isLess((up = at(table, i)), pivot)) {
            if (i > high) throw new LuaError('invalid order function for sorting');
            i += 1;
          }
          j -= 1;
          while (yield* isLess(pivot, (down = at(table, j)))) {
            if (j < low) throw new LuaError('invalid order function for sorting');
            j -= 1;
          }
          if (j < i) break;
          setInt(table, i, down);
          setInt(table, j, up);
        }
        const last = at(table, high - 1);
        setInt(table, high - 1, at(table, i));
        setInt(table, i, last);
        // The smaller half first, then the other.
        if (i - low < high - i) {
          ranges.push(i + 1, high);
          high = i - 1;
        } else {
          ranges.push(low, i - 1);
          low = i + 1;
        }
      }
    }
    return [];
  }

  function* foreach(args: StackArguments): RoutineSteps {
    const table = args.table(1);
    const run = args.function(2);
    for (let entry = table.f; entry !== undefined; entry = entry.n) {
      const result = yield [run, copy(entry.key), copy(entry.value)];
      if (result.type !== KIND.nil) return [result];
    }
    return [];
  }

  function* foreachi(args: StackArguments): RoutineSteps {
    const table = args.table(1);
    const count = length(table);
    const run = args.function(2);
    for (let i = 1; i <= count; i += 1) {
      const result = yield [run, lua.slot(i), at(table, i)];
      if (result.type !== KIND.nil) return [result];
    }
    return [];
  }

  function insert(args: StackArguments): readonly Slot[] {
    const table = args.table(1);
    const end = length(table) + 1;
    if (args.count < 2 || args.count > 3) throw new LuaError("wrong number of arguments to 'insert'");
    if (args.count === 2) {
      setInt(table, end, args.slot(2));
      return [];
    }
    const position = args.integer(2);
    for (let i = Math.max(end, position); i > position; i -= 1) {
      setInt(table, i, at(table, i - 1));
      if ((i & 0xffff) === 0) lua.onStep(false);
    }
    setInt(table, position, args.slot(3));
    return [];
  }

  function remove(args: StackArguments): readonly Slot[] {
    const table = args.table(1);
    const end = length(table);
    const position = args.isNil(2) ? end : args.integer(2);
    if (position < 1 || position > end) return [];
    const removed = at(table, position);
    for (let i = position; i < end; i += 1) setInt(table, i, at(table, i + 1));
    setInt(table, end, lua.slot(undefined));
    return [removed];
  }

  function concat(args: StackArguments): readonly Slot[] {
    const separator = args.isNil(2) ? NO_BYTES : args.bytes(2);
    const table = args.table(1);
    const first = args.isNil(3) ? 1 : args.integer(3);
    const last = args.isNil(4) ? length(table) : args.integer(4);
    const pieces: Uint8Array[] = [];
    let total = 0;
    for (let i = first; i <= last; i += 1) {
      const piece = bytesOf(getInt(table, i), i);
      total += piece.length + separator.length;
      checkStringBytes(total);
      pieces.push(piece);
      if (i < last && separator.length > 0) pieces.push(separator);
    }
    return [lua.bytes(Buffer.concat(pieces))];
  }

  function copy(slot: Slot): Slot {
    return new type(slot.type, slot.value);
  }

  return { sort, foreach, foreachi, insert, remove, concat };
}

/** `a < b`, by metamethods where there are some; those must be the same on both sides (call_orderTM in lvm.c). */
function* isLessThan(lua: Lua, a: Slot, b: Slot): Generator<readonly Slot[], boolean, Slot> {
  const left = fromSlot(a);
  const right = fromSlot(b);
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return left < right;
  const compare = orderOf(lua, left);
  if (compare !== undefined && orderOf(lua, right)?.value === compare.value)
    return isTrue(yield [compare, a, b]);
  const names = [typeName(left), typeName(right)];
  throw new LuaError(
    names[0] === names[1]
      ? `attempt to compare two ${names[0]} values`
      : `attempt to compare ${names.join(' with ')}`,
    false,
  );
}

function orderOf(lua: Lua, value: LuaValue): Slot | undefined {
  if (!isTable(value) || value.metatable === null) return undefined;
  const found = lua.slotAt(value.metatable, lua.slot('__lt'));
  return found.type === KIND.nil ? undefined : found;
}

function bytesOf(slot: Slot, index: number): Uint8Array {
  switch (kindOf(slot)) {
    case KIND.string:
      return (slot.value as LuaString).realstring;
    case KIND.number:
      return Buffer.from(formatG(slot.value as number, 14), 'latin1');
    default:
      throw new LuaError(
        `invalid value (${typeName(fromSlot(slot))}) at index ${index} in table for 'concat'`,
      );
  }
}
