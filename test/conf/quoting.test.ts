import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLine, quoteAlways, quoteValue } from '../../src/conf/quote-value.ts';
import { splitArgs } from '../../src/conf/split-args.ts';

const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('splitArgs', () => {
  it.each([
    ['', []],
    ['  save  900 1\t', ['save', '900', '1']],
    [String.raw`a "b c" 'd e'`, ['a', 'b c', 'd e']],
    [String.raw`"\x41\n\r\t\b\a\q\\\""`, ['A\n\r\t\b\x07q\\"']],
    [String.raw`'it\'s \n'`, [String.raw`it's \n`]],
    [String.raw`foo"bar baz"`, ['foobar baz']],
    ['""', ['']],
    [String.raw`"\xg1"`, ['xg1']],
    ['a#b #c', ['a#b', '#c']],
    ['cut here\0gone', ['cut', 'here']],
  ])('splits %j', (line, args) => {
    expect(splitArgs(line)).toEqual({ ok: true, args });
  });

  it.each([
    ['set "abc', 4, 'unterminated quote'],
    ["set 'abc", 4, 'unterminated quote'],
    [String.raw`"abc\"`, 0, 'unterminated quote'],
    ['"a"b', 3, 'closing quote must be followed by a space or the end of the line'],
    ["'a'b", 3, 'closing quote must be followed by a space or the end of the line'],
  ])('refuses %j', (line, position, reason) => {
    expect(splitArgs(line)).toEqual({ ok: false, position, reason });
  });
});

describe('quoteValue', () => {
  it('leaves plain words alone and quotes the rest', () => {
    expect(['6379', '/var/lib/redis', '', 'a b', '#x', "it's", 'é\0'].map(quoteValue)).toEqual([
      '6379',
      '/var/lib/redis',
      '""',
      '"a b"',
      '"#x"',
      '"it\'s"',
      String.raw`"\xc3\xa9\x00"`,
    ]);
  });

  it('is undone by splitArgs for any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }), (values) => {
        const line = formatLine('name', values);
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        expect(splitArgs(line)).toEqual({
          ok: true,
          args: ['name', ...values.map((value) => Buffer.from(value).toString('latin1'))],
        });
      }),
    );
  });

  it('is undone by splitArgs for any text, however long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(splitArgs(quoteValue(value))).toEqual({ ok: true, args: [bytes(value)] });
        expect(splitArgs(quoteAlways(value))).toEqual({ ok: true, args: [bytes(value)] });
      }),
    );
    const long = 'pä"\n#\0'.repeat(2000);
    expect(splitArgs(quoteValue(long))).toEqual({ ok: true, args: [bytes(long)] });
  });
});
