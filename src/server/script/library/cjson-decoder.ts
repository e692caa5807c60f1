import { LuaError, NULL, type Lua, type LuaTable, type LuaValue } from '../lua.ts';
import type { CjsonSettings } from './cjson-library.ts';

type Kind =
  | 'T_OBJ_BEGIN'
  | 'T_OBJ_END'
  | 'T_ARR_BEGIN'
  | 'T_ARR_END'
  | 'T_STRING'
  | 'T_NUMBER'
  | 'T_BOOLEAN'
  | 'T_NULL'
  | 'T_COLON'
  | 'T_COMMA'
  | 'T_END';

interface Token {
  readonly kind: Kind | undefined;
  /** Where it begins, from 0. */
  readonly at: number;
  readonly value: LuaValue;
  /** What is wrong, when there is no kind. */
  readonly problem: string;
}

const SIGNS: Readonly<Record<string, Kind>> = {
  '{': 'T_OBJ_BEGIN',
  '}': 'T_OBJ_END',
  '[': 'T_ARR_BEGIN',
  ']': 'T_ARR_END',
  ':': 'T_COLON',
  ',': 'T_COMMA',
};
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
};
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)/y;
const INVALID_NUMBER = /([+-]?)(inf(?:inity)?|nan)/iy;
const PLAIN = /[^"\\\0]+/y;

/** Reads JSON as lua-cjson does, with its errors. The text is a binary string. */
export class CjsonDecoder {
  private readonly lua: Lua;
  private readonly settings: CjsonSettings;
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(lua: Lua, settings: CjsonSettings, text: string) {
    this.lua = lua;
    this.settings = settings;
    this.text = text;
  }

  decode(): LuaValue {
    if (this.text.length >= 2 && (this.text[0] === '\0' || this.text[1] === '\0'))
      throw new LuaError('JSON parser does not support UTF-16 or UTF-32');
    const value = this.value(this.next());
    const end = this.next();
    if (end.kind !== 'T_END') throw this.unexpected('the end', end);
    return value;
  }

  private value(token: Token): LuaValue {
    switch (token.kind) {
      case 'T_STRING':
      case 'T_NUMBER':
      case 'T_BOOLEAN':
      case 'T_NULL':
        return token.value;
      case 'T_OBJ_BEGIN':
        return this.object();
      case 'T_ARR_BEGIN':
        return this.array();
      default:
        throw this.unexpected('value', token);
    }
  }

  private object(): LuaTable {
    this.descend();
    const table = this.lua.table();
    let token = this.next();
    if (token.kind === 'T_OBJ_END') return this.ascend(table);
    for (;;) {
      if (token.kind !== 'T_STRING') throw this.unexpected('object key string', token);
      const key = token.value;
      token = this.next();
      if (token.kind !== 'T_COLON') throw this.unexpected('colon', token);
      this.lua.set(table, key, this.value(this.next()));
      token = this.next();
      if (token.kind === 'T_OBJ_END') return this.ascend(table);
      if (token.kind !== 'T_COMMA') throw this.unexpected('comma or object end', token);
      token = this.next();
    }
  }

  private array(): LuaTable {
    this.descend();
    const values: LuaValue[] = [];
    let token = this.next();
    if (token.kind === 'T_ARR_END') return this.ascend(this.lua.list(values));
    for (;;) {
      values.push(this.value(token));
      token = this.next();
      if (token.kind === 'T_ARR_END') return this.ascend(this.lua.list(values));
      if (token.kind !== 'T_COMMA') throw this.unexpected('comma or array end', token);
      token = this.next();
    }
  }

  private descend(): void {
    this.depth += 1;
    if (this.depth > this.settings.decodeDepth)
      throw new LuaError(`Found too many nested data structures (${this.depth}) at character ${this.at}`);
  }

  private ascend(table: LuaTable): LuaTable {
    this.depth -= 1;
    return table;
  }

  private unexpected(expected: string, { kind, problem, at }: Token): LuaError {
    return new LuaError(`Expected ${expected} but found ${kind ?? problem} at character ${at + 1}`);
  }

  // ---- tokens -----------------------------------------------------------------------------------------------------

  private next(): Token {
    const { text } = this;
    while (' \t\n\r'.includes(text[this.at] ?? '.')) this.at += 1;
    const { at } = this;
    const char = text[at];
    if (char === undefined) return { kind: 'T_END', at, value: undefined, problem: '' };
    const sign = SIGNS[char];
    if (sign !== undefined) return this.take(sign, 1, undefined);
    if (char === '"') return this.string();
    if (text.startsWith('true', at)) return this.take('T_BOOLEAN', 4, true);
    if (text.startsWith('false', at)) return this.take('T_BOOLEAN', 5, false);
    if (text.startsWith('null', at)) return this.take('T_NULL', 4, NULL);
    return this.number();
  }

  private take(kind: Kind, length: number, value: LuaValue): Token {
    const { at } = this;
    this.at += length;
    return { kind, at, value, problem: '' };
  }

  private number(): Token {
    const { text, at } = this;
    INVALID_NUMBER.lastIndex = at;
    const invalid = INVALID_NUMBER.exec(text);
    if (invalid !== null && this.settings.decodesInvalid) {
      const sign = invalid[1] === '-' ? -1 : 1;
      const isNan = invalid[2]!.toLowerCase() === 'nan';
      return this.take('T_NUMBER', invalid[0].length, isNan ? NaN : sign * Infinity);
    }
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text)?.[0];
    const isStrict = this.settings.decodesInvalid || !/^-?0[\dxX]/.test(number ?? '');
    if (number === undefined) return this.problem('invalid token', at);
    if (!isStrict) return this.problem('invalid number', at);
    const value =
      number.startsWith('-0x') || number.startsWith('-0X') ? -Number(number.slice(1)) : Number(number);
    return this.take('T_NUMBER', number.length, value);
  }

  private string(): Token {
    const { text } = this;
    const start = this.at;
    let at = start + 1;
    let value = '';
    for (;;) {
      PLAIN.lastIndex = at;
      const plain = PLAIN.exec(text)?.[0] ?? '';
      value += plain;
      at += plain.length;
      const char = text[at];
      if (char === '"') return this.take('T_STRING', at + 1 - start, value);
      if (char === undefined) return this.problem('unexpected end of string', at);
      if (char === '\0') {
        value += char;
        at += 1;
        continue;
      }
      const kind = text[at + 1] ?? '';
      if (kind === 'u') {
        const point = this.codePoint(at);
        if (point === undefined) return this.problem('invalid unicode escape code', at);
        value += Buffer.from(String.fromCodePoint(point)).latin1Slice();
        at += point > 0xffff ? 12 : 6;
      } else {
        const plainEscape = ESCAPES[kind];
        if (plainEscape === undefined) return this.problem('invalid escape code', at);
        value += plainEscape;
        at += 2;
      }
    }
  }

  /** The code point of the `\uXXXX` (or pair of them) at a position. */
  private codePoint(at: number): number | undefined {
    const first = hexadecimal(this.text.slice(at + 2, at + 6));
    if (first === undefined || (first & 0xfc00) === 0xdc00) return undefined;
    if ((first & 0xfc00) !== 0xd800) return first;
    if (this.text.slice(at + 6, at + 8) !== '\\u') return undefined;
    const second = hexadecimal(this.text.slice(at + 8, at + 12));
    if (second === undefined || (second & 0xfc00) !== 0xdc00) return undefined;
    return 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
  }

  private problem(problem: string, at: number): Token {
    return { kind: undefined, at, value: undefined, problem };
  }
}

function hexadecimal(text: string): number | undefined {
  return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}
