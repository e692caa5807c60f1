import type { Db } from '../../keyspace/db.ts';
import { HashValue } from '../../keyspace/values/hash-value.ts';
import { ListValue } from '../../keyspace/values/list-value.ts';
import { SetValue } from '../../keyspace/values/set-value.ts';
import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { parseDouble } from '../../resp/double.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { CLIENT_GATE } from '../gates.ts';

export const sortCommands: Family = {
  sort: (ctx, args) => sort(ctx, args, false),
  sort_ro: (ctx, args) => sort(ctx, args, true),
};

interface SortOptions {
  by: string | undefined;
  readonly get: string[];
  isDescending: boolean;
  isAlphabetic: boolean;
  offset: number;
  count: number;
  /** Index of the destination's argument, 0 without STORE. */
  storeAt: number;
}

/** SORT (source: sortCommandGeneric in sort.c). */
function sort(ctx: Context, args: Args, isReadOnly: boolean): void {
  const options = readOptions(args, isReadOnly);
  checkPatternAccess(ctx, options);
  const { db } = ctx;
  const ref = ctx.read(args, 1);
  const source = ref === 0 ? undefined : sortable(db, ref);
  let isSorted = options.by === undefined || options.by.includes('*');
  if (
    !isSorted &&
    source instanceof SetValue &&
    (options.storeAt > 0 || ctx.client.transport === undefined)
  ) {
    // What is stored, or seen by a script, must not depend on how a set happens to be kept, or replicas would differ.
    isSorted = true;
    options.isAlphabetic = true;
    options.by = undefined;
  }
  const elements = source === undefined ? [] : elementsOf(source);
  if (isSorted) sortElements(ctx, elements, options);
  else if (source instanceof ZSetValue && options.isDescending) elements.reverse();
  const from = Math.min(Math.max(0, options.offset), elements.length);
  const to = options.count < 0 ? elements.length : Math.min(elements.length, from + options.count);
  const output = project(ctx, elements.slice(from, to), options.get);
  if (options.storeAt > 0) {
    storeList(ctx, args, options.storeAt, output);
    return;
  }
  ctx.reply.arrayHeader(output.length);
  for (const value of output) {
    if (value === undefined) ctx.reply.nil();
    else ctx.reply.bulkString(value);
  }
}

/** Patterns name keys that no rule can be asked about beforehand, so they are for those who may read all. */
function checkPatternAccess({ client, server }: Context, { by, get }: SortOptions): void {
  const mayRead = (client.gates & CLIENT_GATE.acl) === 0 || (server.acl?.mayReadAllKeys(client) ?? true);
  if (mayRead) return;
  if (by?.includes('*') === true) throw DENIED_BY;
  if (get.some((pattern) => pattern !== '#')) throw DENIED_GET;
}

const DENIED_BY = new ReplyError('ERR BY option of SORT denied due to insufficient ACL permissions.');
const DENIED_GET = new ReplyError('ERR GET option of SORT denied due to insufficient ACL permissions.');

function readOptions(args: Args, isReadOnly: boolean): SortOptions {
  const options: SortOptions = {
    by: undefined,
    get: [],
    isDescending: false,
    isAlphabetic: false,
    offset: 0,
    count: -1,
    storeAt: 0,
  };
  for (let i = 2; i < args.count; i += 1) {
    const left = args.count - i - 1;
    if (args.is(i, 'ASC')) options.isDescending = false;
    else if (args.is(i, 'DESC')) options.isDescending = true;
    else if (args.is(i, 'ALPHA')) options.isAlphabetic = true;
    else if (args.is(i, 'LIMIT') && left >= 2) {
      options.offset = args.int(i + 1);
      options.count = args.int(i + 2);
      i += 2;
    } else if (args.is(i, 'STORE') && left >= 1 && !isReadOnly) {
      i += 1;
      options.storeAt = i;
    } else if (args.is(i, 'BY') && left >= 1) {
      i += 1;
      options.by = args.string(i);
    } else if (args.is(i, 'GET') && left >= 1) {
      i += 1;
      options.get.push(args.string(i));
    } else throw ERRORS.syntax;
  }
  return options;
}

function sortable(db: Db, ref: number): ListValue | SetValue | ZSetValue {
  if (!db.isString(ref)) {
    const object = db.object(ref);
    if (object instanceof ListValue || object instanceof SetValue || object instanceof ZSetValue)
      return object;
  }
  throw ERRORS.wrongType;
}

function elementsOf(source: ListValue | SetValue | ZSetValue): string[] {
  if (source instanceof ListValue) return [...source];
  if (source instanceof SetValue) return [...source];
  const members: string[] = [];
  source.forEachInRange(0, source.size, false, (member) => members.push(member));
  return members;
}

function sortElements(
  ctx: Context,
  elements: string[],
  { by, isAlphabetic, isDescending }: SortOptions,
): void {
  const direction = isDescending ? -1 : 1;
  const weigh = (element: string): string | undefined =>
    by === undefined ? element : lookUp(ctx, by, element);
  if (isAlphabetic) {
    const weights = new Map(elements.map((element) => [element, weigh(element)]));
    elements.sort((a, b) => direction * compareTexts(weights.get(a), weights.get(b)));
    return;
  }
  const weights = new Map(elements.map((element) => [element, toNumber(weigh(element))]));
  elements.sort((a, b) => direction * (weights.get(a)! - weights.get(b)! || (a < b ? -1 : a > b ? 1 : 0)));
}

function compareTexts(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function toNumber(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  const value = parseDouble(text.trimStart());
  if (value === undefined) throw new ReplyError("ERR One or more scores can't be converted into double");
  return value;
}

function project(
  ctx: Context,
  elements: readonly string[],
  patterns: readonly string[],
): (string | undefined)[] {
  if (patterns.length === 0) return [...elements];
  return elements.flatMap((element) => patterns.map((pattern) => lookUp(ctx, pattern, element)));
}

/** What `pattern` names for an element: `#` itself, `weight_*` a string key, `h_*->field` a field of a hash. */
function lookUp(ctx: Context, pattern: string, element: string): string | undefined {
  if (pattern === '#') return element;
  const star = pattern.indexOf('*');
  if (star < 0) return undefined;
  const arrow = pattern.indexOf('->', star);
  const hasField = arrow >= 0 && arrow + 2 < pattern.length;
  const name = hasField ? pattern.slice(0, arrow) : pattern;
  const ref = ctx.findKey(name.slice(0, star) + element + name.slice(star + 1));
  if (ref === 0) return undefined;
  if (!hasField) return ctx.db.isString(ref) ? ctx.db.valueString(ref) : undefined;
  if (ctx.db.isString(ref)) return undefined;
  const object = ctx.db.object(ref);
  const field = pattern.slice(arrow + 2);
  if (!(object instanceof HashValue)) return undefined;
  return object.isOver(field, ctx.server.expiry.fieldsHiddenBefore(ctx)) ? undefined : object.get(field);
}

function storeList(ctx: Context, args: Args, at: number, output: readonly (string | undefined)[]): void {
  if (output.length === 0) {
    ctx.delete(args, at);
  } else {
    const list = new ListValue();
    for (const value of output) list.pushBack(value ?? '');
    ctx.write(args, at);
    ctx.setValue(args, at, list);
    ctx.changed(args, at, EVENT.list, 'sortstore', output.length);
  }
  ctx.reply.int(output.length);
}
