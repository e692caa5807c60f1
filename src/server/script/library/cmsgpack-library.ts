import { checkValueCount, isTable, LuaError, type Lua, type LuaTable, type LuaValue } from '../lua.ts';
import { badArgument, numberAt, stringAt } from './arguments.ts';
import { extend } from './base-library.ts';

const MAX_NESTING = 16;
const TOO_MANY = 'too many return values at once; use unpack_one or unpack_limit instead.';

/** lua-cmsgpack 0.4.0 (source: lua_cmsgpack.c): MessagePack with strings as raw bytes. */
export function openCmsgpack(lua: Lua): void {
  const unpackFrom = (args: LuaValue[], name: string, limit: number, offset: number): LuaValue[] => {
    const text = stringAt(args, 0, name);
    if (offset < 0 || limit < 0) {
      throw new LuaError(
        `Invalid request to unpack with offset of ${offset} and limit of ${limit < 0 ? text.length : limit}.`,
      );
    }
    if (offset > text.length)
      throw new LuaError(`Start offset ${offset} greater than input length ${text.length}.`);
    const reader = new Unpacker(lua, Buffer.from(text, 'latin1'), offset);
    const values: LuaValue[] = [];
    while (reader.hasMore && (limit === 0 || values.length < limit)) {
      checkValueCount(args.length + values.length + 1, TOO_MANY);
      values.push(reader.next());
    }
    if (limit === 0) return values;
    return [reader.hasMore ? reader.at : -1, ...values];
  };
  const library = extend(lua, 'cmsgpack', {
    pack: (args) => {
      if (args.length === 0) throw badArgument(-1, 'pack', 'MessagePack pack needs input.');
      const packer = new Packer(lua);
      for (const arg of args) packer.add(arg, 0);
      return [packer.text()];
    },
    unpack: (args) => unpackFrom(args, 'unpack', 0, 0),
    unpack_one: (args) =>
      unpackFrom(args, 'unpack_one', 1, args.length > 1 ? numberAt(args, 1, 'unpack_one') : 0),
    unpack_limit: (args) =>
      unpackFrom(
        args,
        'unpack_limit',
        numberAt(args, 1, 'unpack_limit'),
        args.length > 2 ? numberAt(args, 2, 'unpack_limit') : 0,
      ),
  });
  lua.set(library, '_NAME', 'cmsgpack');
  lua.set(library, '_VERSION', 'lua-cmsgpack 0.4.0');
  lua.set(library, '_COPYRIGHT', 'Copyright (C) 2012, Salvatore Sanfilippo');
  lua.set(library, '_DESCRIPTION', 'MessagePack C implementation for Lua');
}

class Packer {
  private readonly lua: Lua;
  private readonly parts: string[] = [];

  constructor(lua: Lua) {
    this.lua = lua;
  }

  text(): string {
    return this.parts.join('');
  }

  add(value: LuaValue, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.string(value);
        return;
      case 'number':
        this.number(value);
        return;
      case 'boolean':
        this.bytes(value ? 0xc3 : 0xc2);
        return;
      default:
        // Beyond the depth, and for what has no form, there is nil.
        if (isTable(value) && depth < MAX_NESTING) this.table(value, depth + 1);
        else this.bytes(0xc0);
    }
  }

  private string(text: string): void {
    const { length } = text;
    if (length < 32) this.bytes(0xa0 | length);
    else if (length <= 0xff) this.bytes(0xd9, length);
    else this.sized(0xda, 0xdb, length);
    this.parts.push(text);
  }

  private number(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 63) {
      this.float(value);
    } else if (value >= 0) {
      if (value < 128) this.bytes(value);
      else if (value <= 0xff) this.bytes(0xcc, value);
      else if (value <= 0xffff) this.bytes(0xcd, value >> 8, value & 255);
      else if (value <= 0xffff_ffff) this.write(0xce, 4, (buf) => buf.writeUInt32BE(value, 1));
      else this.write(0xcf, 8, (buf) => buf.writeBigUInt64BE(BigInt(value), 1));
    } else if (value >= -32) this.bytes(value & 255);
    else if (value >= -128) this.bytes(0xd0, value & 255);
    else if (value >= -32_768) this.write(0xd1, 2, (buf) => buf.writeInt16BE(value, 1));
    else if (value >= -0x8000_0000) this.write(0xd2, 4, (buf) => buf.writeInt32BE(value, 1));
    else this.write(0xd3, 8, (buf) => buf.writeBigInt64BE(BigInt(value), 1));
  }

  private float(value: number): void {
    if (Math.fround(value) === value) this.write(0xca, 4, (buf) => buf.writeFloatBE(value, 1));
    else this.write(0xcb, 8, (buf) => buf.writeDoubleBE(value, 1));
  }

  private table(table: LuaTable, depth: number): void {
    const count = this.arrayLength(table);
    if (count >= 0) {
      if (count <= 15) this.bytes(0x90 | count);
      else this.sized(0xdc, 0xdd, count);
      for (let i = 1; i <= count; i += 1) this.add(this.lua.get(table, i), depth);
      return;
    }
    const { size } = table.strong;
    if (size <= 15) this.bytes(0x80 | size);
    else this.sized(0xde, 0xdf, size);
    for (const [key, value] of this.lua.entries(table)) {
      this.add(key, depth);
      this.add(value, depth);
    }
  }

  /** How many items it has as an array, -1 when it isn't one; an empty table is an array. */
  private arrayLength(table: LuaTable): number {
    let max = 0;
    for (const [key] of this.lua.entries(table)) {
      if (typeof key !== 'number' || !(key > 0) || !Number.isInteger(key)) return -1;
      max = Math.max(max, key);
    }
    return max === table.strong.size ? max : -1;
  }

  private sized(short: number, long: number, count: number): void {
    if (count <= 0xffff) this.bytes(short, count >> 8, count & 255);
    else this.write(long, 4, (buf) => buf.writeUInt32BE(count, 1));
  }

  private bytes(...values: number[]): void {
    this.parts.push(String.fromCharCode(...values));
  }

  private write(tag: number, size: number, fill: (buf: Buffer) => void): void {
    const buf = Buffer.alloc(size + 1);
    buf[0] = tag;
    fill(buf);
    this.parts.push(buf.latin1Slice());
  }
}

class Unpacker {
  at: number;
  private readonly lua: Lua;
  private readonly buf: Buffer;

  constructor(lua: Lua, buf: Buffer, at: number) {
    this.lua = lua;
    this.buf = buf;
    this.at = at;
  }

  get hasMore(): boolean {
    return this.at < this.buf.length;
  }

  next(): LuaValue {
    const tag = this.buf[this.need(1)]!;
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    if (tag < 0x90) return this.map(tag & 15);
    if (tag < 0xa0) return this.array(tag & 15);
    if (tag < 0xc0) return this.string(tag & 31);
    const { buf } = this;
    switch (tag) {
      case 0xc0:
        return undefined;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return buf.readFloatBE(this.need(4));
      case 0xcb:
        return buf.readDoubleBE(this.need(8));
      case 0xcc:
        return buf[this.need(1)]!;
      case 0xcd:
        return buf.readUInt16BE(this.need(2));
      case 0xce:
        return buf.readUInt32BE(this.need(4));
      case 0xcf:
        return Number(buf.readBigUInt64BE(this.need(8)));
      case 0xd0:
        return buf.readInt8(this.need(1));
      case 0xd1:
        return buf.readInt16BE(this.need(2));
      case 0xd2:
        return buf.readInt32BE(this.need(4));
      case 0xd3:
        return Number(buf.readBigInt64BE(this.need(8)));
      case 0xd9:
        return this.string(buf[this.need(1)]!);
      case 0xda:
        return this.string(buf.readUInt16BE(this.need(2)));
      case 0xdb:
        return this.string(buf.readUInt32BE(this.need(4)));
      case 0xdc:
        return this.array(buf.readUInt16BE(this.need(2)));
      case 0xdd:
        return this.array(buf.readUInt32BE(this.need(4)));
      case 0xde:
        return this.map(buf.readUInt16BE(this.need(2)));
      case 0xdf:
        return this.map(buf.readUInt32BE(this.need(4)));
      default:
        throw new LuaError('Bad data format in input.');
    }
  }

  private need(bytes: number): number {
    const { at } = this;
    if (at + bytes > this.buf.length) throw new LuaError('Missing bytes in input.');
    this.at += bytes;
    return at;
  }

  private string(length: number): string {
    const start = this.need(length);
    return this.buf.latin1Slice(start, start + length);
  }

  private array(count: number): LuaTable {
    const values: LuaValue[] = [];
    for (let i = 0; i < count; i += 1) values.push(this.next());
    return this.lua.list(values);
  }

  private map(count: number): LuaTable {
    const table = this.lua.table();
    for (let i = 0; i < count; i += 1) {
      const key = this.next();
      this.lua.set(table, key, this.next());
    }
    return table;
  }
}
