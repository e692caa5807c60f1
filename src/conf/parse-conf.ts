import { splitArgs } from './split-args.ts';

/** One directive as it stands in a file. */
export interface ConfLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** In lower case, as Redis compares it. */
  readonly name: string;
  /** Byte strings (one char a byte); `confText` turns one into text. */
  readonly args: readonly string[];
  /** The trimmed line itself, a byte string. */
  readonly raw: string;
  /** The comment lines directly above it. */
  readonly comments: readonly string[];
}

export interface ConfError {
  readonly file: string;
  readonly line: number;
  readonly raw: string;
  /** Redis' own words where Redis has some. */
  readonly message: string;
}

export type ConfResult =
  | { readonly ok: true; readonly lines: readonly ConfLine[] }
  | { readonly ok: false; readonly errors: readonly ConfError[] };

export interface ConfFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** Gives the files an `include` argument stands for (a path or a glob), or the reason why there is none. */
export type IncludeReader = (pattern: string, from: string) => readonly ConfFile[] | string;

const MAX_INCLUDE_DEPTH = 32;

/**
 * Reads redis.conf text into its directives, in the order in which Redis would apply them: the lines of an included
 * file stand where the `include` stood.
 *
 * Without a reader, `include` lines are returned like any other. All errors are returned, not only the first.
 */
export function parseConf(file: ConfFile, readInclude?: IncludeReader): ConfResult {
  const lines: ConfLine[] = [];
  const errors: ConfError[] = [];
  readFile(file, 0);
  return errors.length > 0 ? { ok: false, errors } : { ok: true, lines };

  function readFile({ path, content }: ConfFile, depth: number): void {
    let comments: string[] = [];
    for (const [index, rawLine] of toByteString(content).split('\n').entries()) {
      const raw = rawLine.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
      const at = { file: path, line: index + 1, raw };
      if (raw === '') comments = [];
      else if (raw.startsWith('#')) comments.push(raw);
      else {
        const split = splitArgs(raw);
        const [name, ...args] = split.ok ? split.args : [];
        if (!split.ok) errors.push({ ...at, message: 'Unbalanced quotes in configuration line' });
        else if (name !== undefined) {
          const line = { ...at, name: name.toLowerCase(), args, comments };
          const [pattern] = args;
          if (line.name !== 'include' || readInclude === undefined) lines.push(line);
          else if (pattern === undefined || args.length !== 1)
            errors.push({ ...at, message: 'Bad directive or wrong number of arguments' });
          else if (depth === MAX_INCLUDE_DEPTH)
            errors.push({ ...at, message: `Includes nest deeper than ${String(MAX_INCLUDE_DEPTH)} files` });
          else include(at, pattern, depth, readInclude);
        }
        comments = [];
      }
    }
  }

  function include(
    at: Omit<ConfError, 'message'>,
    pattern: string,
    depth: number,
    read: IncludeReader,
  ): void {
    const files = read(confText(pattern), at.file);
    if (typeof files === 'string') errors.push({ ...at, message: files });
    else for (const included of files) readFile(included, depth + 1);
  }
}

/** A byte string as text, by UTF-8. */
export function confText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Text (by UTF-8) or bytes as a byte string. */
export function toByteString(content: string | Uint8Array): string {
  return Buffer.from(content as string).toString('latin1');
}
