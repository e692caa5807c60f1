import type { Directive } from '../../conf/directive.ts';
import { findDirective } from '../../conf/directives.ts';
import { normaliseValue } from '../../conf/normalise-value.ts';
import {
  parseConf,
  type ConfError,
  type ConfFile,
  type ConfLine,
  type IncludeReader,
} from '../../conf/parse-conf.ts';
import { splitArgs } from '../../conf/split-args.ts';

/** What the files and the command line together say. Everything is byte strings. */
export interface LoadedConfig {
  /** Canonical name → normalised value, for the directives that were given. */
  readonly values: ReadonlyMap<string, string>;
  /** Arguments of each `user` line. */
  readonly users: readonly (readonly string[])[];
  readonly renames: readonly (readonly [command: string, name: string])[];
}

export type LoadResult =
  { readonly ok: true; readonly config: LoadedConfig } | { readonly ok: false; readonly error: ConfError };

/**
 * Applies conf files in order, as `loadServerConfigFromString` in config.c does: the last line of a directive wins,
 * those of `save`, `client-output-buffer-limit` and `user` add up. The first error is returned.
 */
export function loadConfig(files: readonly ConfFile[], readInclude: IncludeReader): LoadResult {
  const values = new Map<string, string>();
  const users: (readonly string[])[] = [];
  const renames: (readonly [string, string])[] = [];
  for (const file of files) {
    const parsed = parseConf(file, readInclude);
    if (!parsed.ok) {
      const [error = { file: file.path, line: 0, raw: '', message: 'unreadable' }] = parsed.errors;
      return { ok: false, error };
    }
    for (const line of parsed.lines) {
      const error = applyLine(line);
      if (error !== undefined)
        return { ok: false, error: { file: line.file, line: line.line, raw: line.raw, message: error } };
    }
  }
  return { ok: true, config: { values, users, renames } };

  function applyLine({ name, args }: ConfLine): string | undefined {
    const directive = findDirective(name);
    const [first = '', second = ''] = args;
    if (directive === undefined)
      return name.includes('.') && args.length > 0 ? undefined : 'Bad directive or wrong number of arguments';
    const result = normaliseValue(directive, spread(directive, args), previousValue(directive, values));
    if (!result.ok) return result.error;
    if (directive.name === 'user') users.push(args);
    else if (directive.name === 'rename-command') renames.push([first, second]);
    else if (directive.kind.type !== 'line') values.set(directive.name, result.value);
    return undefined;
  }
}

/** One quoted argument may hold several: `--save "60 1"`. */
function spread(directive: Directive, args: readonly string[]): readonly string[] {
  const [only = ''] = args;
  if (!directive.multiple || args.length !== 1 || only === '') return args;
  const split = splitArgs(only);
  return split.ok ? split.args : args;
}

/** The defaults of `save` hold only while no line of it was seen. */
function previousValue(directive: Directive, values: ReadonlyMap<string, string>): string {
  return values.get(directive.name) ?? (directive.name === 'save' ? '' : directive.defaultValue);
}
