import type { Directive } from './directive.ts';
import { normaliseSpecial } from './normalise-special.ts';
import { parseMemory } from './parse-memory.ts';

/** A value in the form CONFIG GET shows, or what Redis says against it. */
export type Normalised =
  { readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: string };

const LONG_MAX = 2n ** 63n - 1n;

/**
 * Brings a directive's arguments into the one form in which values compare: `64mb` → `67108864`, `YES` → `yes`.
 *
 * `previous` is the value so far (normalised), for directives whose lines add up.
 */
export function normaliseValue(
  directive: Directive,
  args: readonly string[],
  previous: string = directive.defaultValue,
): Normalised {
  const { kind } = directive;
  if (kind.type === 'line')
    return args.length >= kind.minArgs && args.length <= kind.maxArgs
      ? { ok: true, value: args.join(' ') }
      : { ok: false, error: 'Bad directive or wrong number of arguments' };
  if (kind.type === 'special') return normaliseSpecial(kind.form, args, previous);
  // Lists of words count their arguments themselves.
  if (kind.type === 'enum' && kind.list) return normaliseWords(kind.words, args);
  const [value] = args;
  if (value === undefined || (args.length > 1 && !directive.multiple))
    return { ok: false, error: 'wrong number of arguments' };
  switch (kind.type) {
    case 'bool':
      return /^(yes|no)$/i.test(value)
        ? { ok: true, value: value.toLowerCase() }
        : { ok: false, error: "argument must be 'yes' or 'no'" };
    case 'string':
      return checkString(directive.name, value);
    case 'enum':
      return normaliseWord(directive.name, kind.words, value);
    case 'integer':
      return /^(0|-?[1-9][0-9]*)$/.test(value) && fitsLong(BigInt(value))
        ? cap(directive.name, checkBounds(BigInt(value), kind, 10))
        : { ok: false, error: "argument couldn't be parsed into an integer" };
    case 'octal':
      return /^[0-7]+$/.test(value)
        ? checkBounds(BigInt(`0o${value}`), kind, 8)
        : { ok: false, error: "argument couldn't be parsed as an octal number" };
    default:
      return cap(directive.name, normaliseMemory(kind, value));
  }
}

/** What the value has become after all its lines, e.g. every `save` of a file. Arguments as `parseConf` gives them. */
export function normaliseLines(directive: Directive, lines: readonly (readonly string[])[]): Normalised {
  let result: Normalised = { ok: true, value: directive.defaultValue };
  for (const [index, args] of lines.entries()) {
    const startsOver = index === 0 && directive.name === 'save';
    const previous: string = startsOver || !directive.repeats ? '' : result.value;
    result = normaliseValue(directive, args, previous);
    if (!result.ok) return result;
  }
  return result;
}

function normaliseMemory(kind: Directive['kind'] & { type: 'memory' }, value: string): Normalised {
  const bytes = parseMemory(value);
  if (bytes !== undefined) return checkBounds(bytes, kind, 10);
  const percent = kind.percent ? /^(0|[1-9][0-9]{0,17})%$/.exec(value)?.[1] : undefined;
  if (percent === undefined)
    return { ok: false, error: `argument must be a memory ${kind.percent ? 'or percent ' : ''}value` };
  if (BigInt(percent) > -kind.min)
    return { ok: false, error: `percentage argument must be less or equal to ${String(-kind.min)}` };
  return { ok: true, value: percent === '0' ? '0' : `${percent}%` };
}

function checkBounds(
  value: bigint,
  { min, max }: { readonly min: bigint; readonly max: bigint },
  radix: 8 | 10,
): Normalised {
  if (value >= min && value <= max) return { ok: true, value: value.toString(radix) };
  return {
    ok: false,
    error: `argument must be between ${min.toString(radix)} and ${max.toString(radix)} inclusive`,
  };
}

/** Where Redis takes any number but keeps it in a range. */
const CAPS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  hz: [1, 500],
  'repl-backlog-size': [16 * 1024, Number.MAX_SAFE_INTEGER],
};

function cap(name: string, result: Normalised): Normalised {
  const range = CAPS[name];
  if (range === undefined || !result.ok) return result;
  return { ok: true, value: String(Math.min(Math.max(Number(result.value), range[0]), range[1])) };
}

function fitsLong(value: bigint): boolean {
  return value <= LONG_MAX && value >= -LONG_MAX - 1n;
}

function wordError(words: readonly string[]): Normalised {
  return { ok: false, error: `argument(s) must be one of the following: ${words.join(', ')}` };
}

function normaliseWord(name: string, words: readonly string[], value: string): Normalised {
  const word = value.toLowerCase();
  if (!words.includes(word)) return wordError(words);
  return { ok: true, value: name === 'oom-score-adj' && word === 'relative' ? 'yes' : word };
}

/** Words that are bits: shown in the order of the list, the first one meaning none of the others. */
function normaliseWords(words: readonly string[], args: readonly string[]): Normalised {
  const given = args.map((arg) => arg.toLowerCase());
  if (given.length === 0 || given.some((word) => !words.includes(word))) return wordError(words);
  if (given.includes('save') && given.includes('nosave'))
    return { ok: false, error: "shutdown options SAVE and NOSAVE can't be used simultaneously" };
  const set = words.slice(1).filter((word) => given.includes(word));
  return { ok: true, value: set.length === 0 ? (words[0] ?? '') : set.join(' ') };
}

function checkString(name: string, value: string): Normalised {
  const isFile = name === 'dbfilename' || name === 'appendfilename';
  if (isFile || name === 'appenddirname') {
    if (value === '' && name !== 'dbfilename') return { ok: false, error: `${name} can't be empty` };
    if (value.includes('/') || value.includes('\\'))
      return { ok: false, error: `${name} can't be a path, just a ${isFile ? 'filename' : 'dirname'}` };
  }
  if (name === 'proc-title-template' && !isTitleTemplate(value))
    return { ok: false, error: 'template format is invalid or contains unknown variables' };
  return { ok: true, value };
}

const TITLE_VARIABLES = [
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
];

function isTitleTemplate(template: string): boolean {
  const rest = template.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) =>
    TITLE_VARIABLES.includes(name) ? '' : whole,
  );
  return !/[{}]/.test(rest);
}
