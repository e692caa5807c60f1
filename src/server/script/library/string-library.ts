import { formatG } from '../format-number.ts';
import { KIND, kindOf, type Slot } from '../fengari.ts';
import { checkStringBytes, fromSlot, isTable, LuaError, typeName, type Lua } from '../lua.ts';
import { isTrue, type RoutineSteps, type Routine, type StackArguments } from '../routine.ts';
import { Matcher, type Captured } from './pattern.ts';

const ESCAPE = 37;
const SPECIALS = /[\^$*+?.([%-]/;

/** The functions of `string` that know patterns, as in Lua 5.1; what gsub calls can be paused. */
export function patternFunctions(lua: Lua): Record<string, Routine> {
  const watch = (): void => void lua.onStep(false);

  function find(args: StackArguments, isMatchWanted: boolean): readonly Slot[] {
    const text = args.bytes(1);
    const pattern = args.bytes(2);
    const first = args.isNil(3) ? 1 : args.integer(3);
    const start = Math.min(text.length, Math.max(0, first < 0 ? text.length + first : first - 1));
    if (!isMatchWanted && (isTrue(args.slot(4)) || !SPECIALS.test(cString(pattern)))) {
      const at = asBuffer(text).indexOf(pattern, start);
      return at < 0 ? [lua.slot(undefined)] : [lua.slot(at + 1), lua.slot(at + pattern.length)];
    }
    const matcher = new Matcher(text, pattern, watch);
    for (let at = start; at <= text.length; at += 1) {
      const end = matcher.matchAt(at);
      if (end >= 0) {
        const captures = matcher.captures(at, end, isMatchWanted).map(slotOf);
        return isMatchWanted ? captures : [lua.slot(at + 1), lua.slot(end), ...captures];
      }
      if (matcher.isAnchored) break;
    }
    return [lua.slot(undefined)];
  }

  function gmatch(args: StackArguments): readonly Slot[] {
    const text = args.bytes(1);
    // Here a `^` is a byte like others.
    const matcher = new Matcher(text, args.bytes(2), watch, false);
    let from = 0;
    const next: Routine = () => {
      for (let at = from; at <= text.length; at += 1) {
        const end = matcher.matchAt(at);
        if (end < 0) continue;
        from = end === at ? end + 1 : end;
        return matcher.captures(at, end, true).map(slotOf);
      }
      return [];
    };
    const { type, value } = lua.routine(next);
    return [new lua.api.Slot(type, value)];
  }

  function* gsub(args: StackArguments): RoutineSteps {
    const text = args.bytes(1);
    const pattern = args.bytes(2);
    const replacement = args.slot(3);
    const most = args.isNil(4) ? text.length + 1 : args.integer(4);
    const kind = kindOf(replacement);
    if (kind < KIND.number || kind > KIND.function) args.refuse(3, 'string/function/table expected');
    const template = kind <= KIND.string ? args.bytes(3) : undefined;
    const matcher = new Matcher(text, pattern, watch);
    const built = new BytesBuilder();
    let at = 0;
    let copiedTo = 0;
    let count = 0;
    while (count < most) {
      const end = matcher.matchAt(at);
      if (end >= 0) {
        count += 1;
        built.add(text.subarray(copiedTo, at));
        copiedTo = end;
        if (template !== undefined) fill(built, template, matcher, at, end);
        else {
          const found: Slot =
            kind === KIND.function
              ? yield [replacement, ...matcher.captures(at, end, true).map(slotOf)]
              : yield* index(lua, replacement, slotOf(matcher.capture(0, at, end)));
          built.add(isTrue(found) ? replacementBytes(found) : text.subarray(at, end));
        }
      }
      if (end > at) at = end;
      else if (at < text.length) at += 1;
      else break;
      if (matcher.isAnchored) break;
    }
    built.add(text.subarray(copiedTo));
    return [lua.bytes(built.bytes()), lua.slot(count)];
  }

  function slotOf(captured: Captured): Slot {
    // A copy, so that a piece does not keep all of the text.
    return typeof captured === 'number' ? lua.slot(captured) : lua.bytes(Buffer.from(captured));
  }

  return {
    find: (args) => find(args, false),
    match: (args) => find(args, true),
    gmatch,
    gfind: gmatch,
    gsub,
  };
}

/** What a string says in place of a match: `%1` to `%9` are captures, `%0` all of it. */
function fill(built: BytesBuilder, template: Uint8Array, matcher: Matcher, start: number, end: number): void {
  let from = 0;
  for (let at = template.indexOf(ESCAPE); at >= 0; at = template.indexOf(ESCAPE, from)) {
    built.add(template.subarray(from, at));
    const digit = (template[at + 1] ?? 0) - 48;
    from = at + 2;
    if (digit < 0 || digit > 9) built.add(Uint8Array.of(template[at + 1] ?? 0));
    else
      built.add(
        toBytes(digit === 0 ? matcher.text.subarray(start, end) : matcher.capture(digit - 1, start, end)),
      );
  }
  built.add(template.subarray(from));
}

function replacementBytes(found: Slot): Uint8Array {
  const value = fromSlot(found);
  if (typeof value === 'number') return toBytes(value);
  if (typeof value === 'string') return (found.value as { readonly realstring: Uint8Array }).realstring;
  throw new LuaError(`invalid replacement value (a ${typeName(value)})`);
}

/** `table[key]` with metamethods, those of Lua by way of a routine. */
function* index(lua: Lua, holder: Slot, key: Slot): Generator<readonly Slot[], Slot, Slot> {
  let from = holder;
  for (;;) {
    const value = fromSlot(from);
    if (!isTable(value)) throw new LuaError(`attempt to index a ${typeName(value)} value`, false);
    const table = value;
    const found = lua.slotAt(table, key);
    if (found.type !== 0 || table.metatable === null) return found;
    const next = lua.slotAt(table.metatable, lua.slot('__index'));
    if (next.type === 0) return found;
    if (kindOf(next) === KIND.function) return yield [next, from, key];
    from = next;
  }
}

function toBytes(captured: Captured): Uint8Array {
  return typeof captured === 'number' ? Buffer.from(formatG(captured, 14), 'latin1') : captured;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** As far as C would read. */
function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return asBuffer(bytes).latin1Slice(0, end < 0 ? bytes.length : end);
}

class BytesBuilder {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    checkStringBytes(this.#length);
    this.#pieces.push(bytes);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces, this.#length);
  }
}
