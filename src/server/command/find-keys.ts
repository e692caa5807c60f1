import type { Args } from '../resp/args.ts';
import type { Command, KeySpec } from './command.ts';

/** One key among the arguments, and what the command does with it. */
export interface KeyArgument {
  readonly index: number;
  /** As COMMAND GETKEYSANDFLAGS names them. */
  readonly flags: readonly string[];
}

/**
 * The keys of a request, by the command's key specs (`getKeysUsingKeySpecs` in db.c); undefined when the arguments
 * make no sense of them.
 */
export function findKeys(command: Command, args: Args): KeyArgument[] | undefined {
  if (command.name === 'sort' || command.name === 'sort_ro') return findSortKeys(args);
  if (command.name === 'migrate') return findMigrateKeys(args);
  const keys: KeyArgument[] = [];
  for (const spec of command.keySpecs) {
    if (!isAboutKeys(spec)) continue;
    const first = beginOf(spec, args);
    if (first === undefined) continue;
    const range = rangeOf(spec, args, first);
    if (range === undefined) return undefined;
    for (let index = range.first; index <= range.last; index += range.step) {
      if (index >= args.count) return undefined;
      keys.push({ index, flags: flagsOf(command, spec, args) });
    }
  }
  return keys;
}

/** Whether what a spec finds are keys: those of sharded channels are not. */
export function isAboutKeys({ flags }: KeySpec): boolean {
  return !flags.includes('not_key');
}

/** Position of the first argument a spec is about; undefined when the request does not use it. */
function beginOf({ begin }: KeySpec, args: Args): number | undefined {
  if (begin.type === 'index') return begin.index;
  if (begin.type === 'unknown') return undefined;
  const isForward = begin.startFrom > 0;
  const start = isForward ? begin.startFrom : args.count + begin.startFrom;
  for (let at = start; isForward ? at < args.count - 1 : at > 1; at += isForward ? 1 : -1)
    if (args.is(at, begin.keyword.toUpperCase())) return at + 1;
  return undefined;
}

interface KeyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

function rangeOf({ find }: KeySpec, args: Args, begin: number): KeyRange | undefined {
  if (find.type === 'unknown') return { first: 1, last: 0, step: 1 };
  if (find.type === 'keynum') {
    const at = begin + find.index;
    const count = at < args.count ? Number(args.string(at)) : Number.NaN;
    if (!Number.isInteger(count) || count < 0) return undefined;
    const first = begin + find.firstKey;
    return { first, last: first + (count - 1) * find.step, step: find.step };
  }
  if (find.lastKey >= 0) return { first: begin, last: begin + find.lastKey, step: find.step };
  if (find.limit <= 1) return { first: begin, last: args.count + find.lastKey, step: find.step };
  const share = Math.trunc((args.count - begin) / find.limit);
  return { first: begin, last: begin + share + find.lastKey, step: find.step };
}

/** SET with GET reads too; BITFIELD with only GETs does nothing but read. */
function flagsOf(command: Command, spec: KeySpec, args: Args): readonly string[] {
  if (!spec.flags.includes('variable_flags')) return spec.flags;
  if (command.name === 'set') {
    const reads = args.strings(3).some((option) => option.toUpperCase() === 'GET');
    return reads ? ['RW', 'access', 'update'] : ['OW', 'update'];
  }
  const writes = args.strings(2).some((option) => /^(set|incrby)$/i.test(option));
  return writes ? ['RW', 'access', 'update'] : ['RO', 'access'];
}

/** SORT's STORE can stand anywhere among its options; the last one counts. */
function findSortKeys(args: Args): KeyArgument[] {
  const keys: KeyArgument[] = [{ index: 1, flags: ['RO', 'access'] }];
  let store: number | undefined;
  for (let at = 2; at < args.count; at += 1) {
    if (args.is(at, 'LIMIT')) at += 2;
    else if (args.is(at, 'GET') || args.is(at, 'BY')) at += 1;
    else if (args.is(at, 'STORE') && at + 1 < args.count) {
      store = at + 1;
      at += 1;
    }
  }
  if (store !== undefined) keys.push({ index: store, flags: ['OW', 'update'] });
  return keys;
}

/** The third argument, or all that follow KEYS, which must not be taken for a password (`migrateGetKeys` in db.c). */
function findMigrateKeys(args: Args): KeyArgument[] {
  let first = 3;
  let end = 4;
  for (let at = 6; at < args.count; at += 1) {
    if (args.is(at, 'AUTH')) at += 1;
    else if (args.is(at, 'AUTH2')) at += 2;
    else if (args.is(at, 'KEYS')) {
      first = at + 1;
      end = args.length(3) > 0 ? first : args.count;
      break;
    }
  }
  return Array.from({ length: end - first }, (_, at) => ({
    index: first + at,
    flags: ['RW', 'access', 'delete'],
  }));
}
