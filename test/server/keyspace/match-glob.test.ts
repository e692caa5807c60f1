import { describe, expect, it } from 'vitest';
import { matchGlob } from '../../../src/server/keyspace/match-glob.ts';

describe('matchGlob', () => {
  it.each([
    ['', ''],
    ['h?llo', 'hello'],
    ['h*llo', 'heeeello'],
    ['h[ae]llo', 'hallo'],
    ['h[^e]llo', 'hallo'],
    ['h[a-c]llo', 'hbllo'],
    ['h[c-a]llo', 'hbllo'],
    [String.raw`h\*llo`, 'h*llo'],
    [String.raw`[\]]`, ']'],
    ['a[bc', 'ab'],
    ['**a*b**', 'xxaxxb'],
    ['*abc*', 'ababcab'],
    ['\\', '\\'],
    ['a-z', 'a-z'],
  ])('%j matches %j', (pattern, text) => {
    expect(matchGlob(pattern, text)).toBe(true);
  });

  it.each([
    ['', 'a'],
    ['?', ''],
    ['**', ''],
    ['h[^e]llo', 'hello'],
    ['h[ae]llo', 'hillo'],
    [String.raw`h\*llo`, 'hxllo'],
    ['abc', 'ABC'],
    ['a*c', 'abd'],
    ['a[', 'ab'],
  ])('%j does not match %j', (pattern, text) => {
    expect(matchGlob(pattern, text)).toBe(false);
  });

  it('ignores case when asked', () => {
    expect(matchGlob('Slave-*', 'slave-PRIORITY', true)).toBe(true);
  });

  it('does not hang on many stars', () => {
    expect(matchGlob(`${'*a'.repeat(2000)}b`, 'a'.repeat(4000))).toBe(false);
  });
});
