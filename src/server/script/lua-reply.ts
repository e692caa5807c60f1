import type { ReplyWriter } from '../resp/reply-writer.ts';
import { isTable, type Lua, type LuaTable, type LuaValue } from './lua.ts';

const CR = 13;
const MAX_DEPTH = 7994;
/** Maps and sets in each other are written by recursion, which takes more room. */
const NAMED_LEVELS = 16;

/** Makes Lua values of the reply in `buf[0, end)` (source: the parser callbacks of script_lua.c). */
export class ReplyReader {
  private readonly lua: Lua;
  private buf: Buffer = Buffer.alloc(0);
  private at = 0;

  constructor(lua: Lua) {
    this.lua = lua;
  }

  read(buf: Buffer): LuaValue {
    this.buf = buf;
    this.at = 0;
    return this.next();
  }

  private next(): LuaValue {
    const kind = String.fromCharCode(this.buf[this.at]!);
    const line = this.line();
    switch (kind) {
      case '+':
        return this.lua.record({ ok: line });
      case '-':
        return this.lua.record({ err: line });
      case ':':
        return Number(line);
      case '$':
        return this.bulk(Number(line));
      case '*':
      case '>':
        return Number(line) < 0 ? false : this.list(Number(line));
      case '%':
        return this.lua.record({ map: this.map(Number(line)) });
      case '~':
        return this.lua.record({ set: this.set(Number(line)) });
      case '#':
        return line === 't';
      case ',':
        return this.lua.record({ double: readDouble(line) });
      case '(':
        return this.lua.record({ big_number: line });
      case '=': {
        const text = this.bulk(Number(line)) as string;
        const verbatim = this.lua.record({ format: text.slice(0, 3), string: text.slice(4) });
        return this.lua.record({ verbatim_string: verbatim });
      }
      case '|':
        this.map(Number(line));
        return this.next();
      default:
        return undefined;
    }
  }

  private line(): string {
    const start = this.at + 1;
    let end = start;
    while (this.buf[end] !== CR) end += 1;
    this.at = end + 2;
    return this.buf.latin1Slice(start, end);
  }

  private bulk(length: number): LuaValue {
    if (length < 0) return false;
    const start = this.at;
    this.at += length + 2;
    return this.buf.latin1Slice(start, start + length);
  }

  private list(count: number): LuaTable {
    const values: LuaValue[] = [];
    for (let i = 0; i < count; i += 1) values.push(this.next());
    return this.lua.list(values);
  }

  private map(pairs: number): LuaTable {
    const table = this.lua.table();
    for (let i = 0; i < pairs; i += 1) {
      const key = this.next();
      this.lua.set(table, key, this.next());
    }
    return table;
  }

  private set(count: number): LuaTable {
    const table = this.lua.table();
    for (let i = 0; i < count; i += 1) this.lua.set(table, this.next(), true);
    return table;
  }
}

function readDouble(text: string): number {
  if (text === 'inf') return Infinity;
  if (text === '-inf') return -Infinity;
  return Number(text);
}

/**
 * Writes what a script gave as a reply (source: luaReplyToRedisReply in script_lua.c). `resp` is the script's own.
 * Arrays in arrays are kept on a stack of their own: a table that holds itself is as deep as Redis lets it be.
 */
export function writeLuaReply(lua: Lua, reply: ReplyWriter, value: LuaValue, resp: 2 | 3, depth = 0): void {
  const open: { readonly table: LuaTable; readonly mark: number; count: number }[] = [];
  let item: LuaValue = value;
  for (;;) {
    const level = depth + open.length;
    if (!isTable(item)) writeScalar(reply, item, resp);
    else if (level > MAX_DEPTH) reply.error('ERR reached lua stack limit');
    else if (!writeNamed(lua, reply, item, resp, level + NAMED_LEVELS)) {
      open.push({ table: item, mark: reply.length, count: 0 });
    }
    let next: LuaValue;
    for (;;) {
      const array = open.at(-1);
      if (array === undefined) return;
      next = lua.get(array.table, array.count + 1);
      if (next !== undefined) {
        array.count += 1;
        break;
      }
      reply.insertHeader(array.mark, 'array', array.count);
      open.pop();
    }
    item = next;
  }
}

function writeScalar(reply: ReplyWriter, value: Exclude<LuaValue, LuaTable>, resp: 2 | 3): void {
  if (typeof value === 'string') reply.bulkString(value);
  else if (typeof value === 'number') reply.int(toInt64(value));
  else if (typeof value !== 'boolean') reply.nil();
  else if (resp === 3) reply.bool(value);
  else if (value) reply.int(1);
  else reply.nil();
}

/** A table that says by a field what it is; false when it is an array. */
function writeNamed(lua: Lua, reply: ReplyWriter, table: LuaTable, resp: 2 | 3, depth: number): boolean {
  const error = lua.get(table, 'err');
  if (typeof error === 'string') {
    reply.error(error.startsWith('-') ? error.slice(1) : error);
    return true;
  }
  const status = lua.get(table, 'ok');
  if (typeof status === 'string') {
    reply.simple(status.replaceAll(/[\r\n]/g, ' '));
    return true;
  }
  const double = lua.get(table, 'double');
  if (typeof double === 'number') {
    reply.double(double);
    return true;
  }
  const map = lua.get(table, 'map');
  if (isTable(map)) {
    reply.mapHeader(map.strong.size);
    for (const [key, value] of lua.entries(map)) {
      writeLuaReply(lua, reply, key, resp, depth);
      writeLuaReply(lua, reply, value, resp, depth);
    }
    return true;
  }
  const set = lua.get(table, 'set');
  if (isTable(set)) {
    reply.setHeader(set.strong.size);
    for (const [key] of lua.entries(set)) writeLuaReply(lua, reply, key, resp, depth);
    return true;
  }
  const bigNumber = lua.get(table, 'big_number');
  if (typeof bigNumber === 'string') {
    reply.bigNumber(bigNumber.replaceAll(/[\r\n]/g, ' '));
    return true;
  }
  const verbatim = lua.get(table, 'verbatim_string');
  if (!isTable(verbatim)) return false;
  const text = lua.get(verbatim, 'string');
  const format = lua.get(verbatim, 'format');
  if (typeof text !== 'string' || typeof format !== 'string') return false;
  if (reply.version === 3) reply.latin1(`=${text.length + 4}\r\n${format.slice(0, 3)}:${text}\r\n`);
  else reply.bulkString(text);
  return true;
}

/** A C cast to long long, as x86 makes it. */
function toInt64(value: number): number | bigint {
  if (Number.isNaN(value) || Math.abs(value) >= 2 ** 63) return -(1n << 63n);
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  return BigInt(Math.trunc(value));
}
