import { LuaError } from '../lua.ts';

const MAX_CAPTURES = 32;
const UNFINISHED = -1;
const POSITION = -2;
/** The watcher is asked after so many comparisons: some milliseconds. */
const STEPS_PER_LOOK = 1 << 20;

const ESCAPE = 37;
const OPEN = 40;
const CLOSE = 41;
const STAR = 42;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;
const QUESTION = 63;
const BRACKET = 91;
const BRACKET_END = 93;
const CARET = 94;
const DOLLAR = 36;
const LETTER_B = 98;
const LETTER_F = 102;

interface Capture {
  start: number;
  length: number;
}

/** A piece of the text, or the position (from 1) that an empty capture gives. */
export type Captured = Uint8Array | number;

/**
 * A pattern of Lua 5.1 in search of matches in a text (lstrlib.c; 5.3 differs in empty matches, zero bytes, classes and
 * errors). Throws `LuaError` for a pattern that is wrong, when the place that is wrong is met.
 */
export class Matcher {
  readonly isAnchored: boolean;
  readonly text: Uint8Array;
  /** Ends with zeroes, as a C string. */
  readonly #pattern: Uint8Array;
  readonly #watch: () => void;
  #level = 0;
  #steps = 0;
  readonly #captures: Capture[] = [];

  /** `watch` is called from time to time by what takes long; it may throw. */
  constructor(text: Uint8Array, pattern: Uint8Array, watch: () => void, mayAnchor = true) {
    this.isAnchored = mayAnchor && pattern[0] === CARET;
    this.text = text;
    this.#pattern = new Uint8Array(pattern.length + 2);
    this.#pattern.set(this.isAnchored ? pattern.subarray(1) : pattern);
    this.#watch = watch;
  }

  /** The end of the match that starts here, or -1. */
  matchAt(start: number): number {
    this.#level = 0;
    return this.#match(start, 0);
  }

  /** What the last match captured; all of it when there are no captures and `isWholeOne`. */
  captures(start: number, end: number, isWholeOne: boolean): Captured[] {
    const count = this.#level === 0 && isWholeOne ? 1 : this.#level;
    return Array.from({ length: count }, (_, index) => this.capture(index, start, end));
  }

  capture(index: number, start: number, end: number): Captured {
    const text = this.text;
    if (index >= this.#level) {
      if (index !== 0) throw new LuaError('invalid capture index');
      return text.subarray(start, end);
    }
    const capture = this.#captures[index]!;
    if (capture.length === UNFINISHED) throw new LuaError('unfinished capture');
    if (capture.length === POSITION) return capture.start + 1;
    return text.subarray(capture.start, capture.start + capture.length);
  }

  #match(from: number, fromPattern: number): number {
    const pattern = this.#pattern;
    const text = this.text;
    let s = from;
    let p = fromPattern;
    this.#spend(1);
    for (;;) {
      const item = pattern[p]!;
      if (item === 0) return s;
      if (item === OPEN) {
        return pattern[p + 1] === CLOSE
          ? this.#startCapture(s, p + 2, POSITION)
          : this.#startCapture(s, p + 1, UNFINISHED);
      }
      if (item === CLOSE) return this.#endCapture(s, p + 1);
      if (item === DOLLAR && pattern[p + 1] === 0) return s === text.length ? s : -1;
      if (item === ESCAPE) {
        const kind = pattern[p + 1]!;
        if (kind === LETTER_B) {
          s = this.#matchBalance(s, p + 2);
          if (s < 0) return -1;
          p += 4;
          continue;
        }
        if (kind === LETTER_F) {
          const end = this.#frontier(s, p + 2);
          if (end < 0) return -1;
          p = end;
          continue;
        }
        if (kind >= 48 && kind <= 57) {
          s = this.#matchCapture(s, kind);
          if (s < 0) return -1;
          p += 2;
          continue;
        }
      }
      const end = this.#itemEnd(p);
      const isMatch = s < text.length && this.#matchOne(text[s]!, p, end);
      const suffix = pattern[end];
      if (suffix === QUESTION) {
        if (isMatch) {
          const found = this.#match(s + 1, end + 1);
          if (found >= 0) return found;
        }
        p = end + 1;
        continue;
      }
      if (suffix === STAR) return this.#expandMost(s, p, end);
      if (suffix === PLUS) return isMatch ? this.#expandMost(s + 1, p, end) : -1;
      if (suffix === MINUS) return this.#expandLeast(s, p, end);
      if (!isMatch) return -1;
      s += 1;
      p = end;
    }
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps < STEPS_PER_LOOK) return;
    this.#steps = 0;
    this.#watch();
  }

  #startCapture(s: number, p: number, length: number): number {
    const level = this.#level;
    if (level >= MAX_CAPTURES) throw new LuaError('too many captures');
    this.#captures[level] = { start: s, length };
    this.#level = level + 1;
    const found = this.#match(s, p);
    if (found < 0) this.#level -= 1;
    return found;
  }

  #endCapture(s: number, p: number): number {
    let level = this.#level - 1;
    while (level >= 0 && this.#captures[level]!.length !== UNFINISHED) level -= 1;
    if (level < 0) throw new LuaError('invalid pattern capture');
    const capture = this.#captures[level]!;
    capture.length = s - capture.start;
    const found = this.#match(s, p);
    if (found < 0) capture.length = UNFINISHED;
    return found;
  }

  #matchCapture(s: number, digit: number): number {
    const index = digit - 49;
    const capture = this.#captures[index];
    if (index < 0 || index >= this.#level || capture === undefined || capture.length === UNFINISHED)
      throw new LuaError('invalid capture index');
    const { start, length } = capture;
    // A position's length is no length: as a size_t it is larger than any.
    if (length < 0 || this.text.length - s < length) return -1;
    this.#spend(length);
    for (let at = 0; at < length; at += 1) if (this.text[start + at] !== this.text[s + at]) return -1;
    return s + length;
  }

  #expandMost(s: number, p: number, end: number): number {
    const text = this.text;
    let last = s;
    while (last < text.length && this.#matchOne(text[last]!, p, end)) last += 1;
    this.#spend(last - s);
    for (; last >= s; last -= 1) {
      const found = this.#match(last, end + 1);
      if (found >= 0) return found;
    }
    return -1;
  }

  #expandLeast(from: number, p: number, end: number): number {
    const text = this.text;
    for (let s = from; ; s += 1) {
      const found = this.#match(s, end + 1);
      if (found >= 0) return found;
      if (s >= text.length || !this.#matchOne(text[s]!, p, end)) return -1;
    }
  }

  #matchBalance(from: number, p: number): number {
    const text = this.text;
    const open = this.#pattern[p]!;
    const close = this.#pattern[p + 1]!;
    if (open === 0 || close === 0) throw new LuaError('unbalanced pattern');
    if (text[from] !== open) return -1;
    let depth = 1;
    for (let s = from + 1; s < text.length; s += 1) {
      if (text[s] === close) {
        depth -= 1;
        if (depth === 0) {
          this.#spend(s - from);
          return s + 1;
        }
      } else if (text[s] === open) depth += 1;
    }
    this.#spend(text.length - from);
    return -1;
  }

  /** The end of the set when `s` is where it begins to fit, or -1. */
  #frontier(s: number, p: number): number {
    if (this.#pattern[p] !== BRACKET) throw new LuaError("missing '[' after '%f' in pattern");
    const end = this.#itemEnd(p);
    const before = s === 0 ? 0 : this.text[s - 1]!;
    const after = s < this.text.length ? this.text[s]! : 0;
    return this.#isInSet(before, p, end - 1) || !this.#isInSet(after, p, end - 1) ? -1 : end;
  }

  #itemEnd(start: number): number {
    const pattern = this.#pattern;
    let p = start + 1;
    if (pattern[start] === ESCAPE) {
      if (pattern[p] === 0) throw new LuaError("malformed pattern (ends with '%')");
      return p + 1;
    }
    if (pattern[start] !== BRACKET) return p;
    if (pattern[p] === CARET) p += 1;
    do {
      const item = pattern[p]!;
      if (item === 0) throw new LuaError("malformed pattern (missing ']')");
      p += 1;
      if (item === ESCAPE && pattern[p] !== 0) p += 1;
    } while (pattern[p] !== BRACKET_END);
    return p + 1;
  }

  #matchOne(byte: number, p: number, end: number): boolean {
    const item = this.#pattern[p]!;
    if (item === DOT) return true;
    if (item === ESCAPE) return isInClass(byte, this.#pattern[p + 1]!);
    if (item === BRACKET) return this.#isInSet(byte, p, end - 1);
    return item === byte;
  }

  #isInSet(byte: number, start: number, end: number): boolean {
    const pattern = this.#pattern;
    const isNegative = pattern[start + 1] === CARET;
    for (let p = isNegative ? start + 2 : start + 1; p < end; p += 1) {
      const item = pattern[p]!;
      if (item === ESCAPE) {
        p += 1;
        if (isInClass(byte, pattern[p]!)) return !isNegative;
      } else if (pattern[p + 1] === MINUS && p + 2 < end) {
        p += 2;
        if (item <= byte && byte <= pattern[p]!) return !isNegative;
      } else if (item === byte) return !isNegative;
    }
    return isNegative;
  }
}

/** The classes of the C locale, a bit each. */
const CLASSES: Readonly<Record<string, RegExp>> = {
  a: /[A-Za-z]/,
  // oxlint-disable-next-line no-control-regex
  c: /[\0-\x1f\x7f]/,
  d: /\d/,
  l: /[a-z]/,
  p: /[!-/:-@[-`{-~]/,
  s: /[ \t-\r]/,
  u: /[A-Z]/,
  w: /[A-Za-z0-9]/,
  x: /[A-Fa-f0-9]/,
  // oxlint-disable-next-line no-control-regex
  z: /\0/,
};
/** By lower-case letter, each made when it is first asked for: most servers never match a pattern. */
const MEMBERS: (Uint8Array | undefined)[] = [];

function membersOf(letter: number): Uint8Array | undefined {
  const members = CLASSES[String.fromCharCode(letter)];
  if (members === undefined) return undefined;
  return (MEMBERS[letter] ??= Uint8Array.from({ length: 256 }, (_, byte) =>
    members.test(String.fromCharCode(byte)) ? 1 : 0,
  ));
}

function isInClass(byte: number, letter: number): boolean {
  const isUpper = letter >= 65 && letter <= 90;
  const lower = isUpper ? letter + 32 : letter;
  const members = MEMBERS[lower] ?? membersOf(lower);
  if (members === undefined) return letter === byte;
  return (members[byte] === 1) !== isUpper;
}
