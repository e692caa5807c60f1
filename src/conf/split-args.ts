/** Where and why a line could not be split. `position` counts bytes from 0. */
export type SplitResult =
  | { readonly ok: true; readonly args: readonly string[] }
  | { readonly ok: false; readonly position: number; readonly reason: SplitError };

export type SplitError =
  'unterminated quote' | 'closing quote must be followed by a space or the end of the line';

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/**
 * Splits one line by the quoting rules that redis.conf and inline commands share (`sdssplitargs` in Redis' sds.c).
 *
 * Line and arguments are byte strings: one char a byte, as `Buffer.toString('latin1')` gives them. Between double
 * quotes `\n \r \t \b \a \xHH` are escapes and any other escaped byte is itself; between single quotes only `\'` is.
 */
export function splitArgs(line: string): SplitResult {
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at])) at++;
    if (at >= line.length || line[at] === '\0') return { ok: true, args };
    const token = readToken(line, at);
    if (!token.ok) return token;
    args.push(token.text);
    at = token.end;
  }
}

type Token =
  | { readonly ok: true; readonly text: string; readonly end: number }
  | { readonly ok: false; readonly position: number; readonly reason: SplitError };

function readToken(line: string, start: number): Token {
  let text = '';
  for (let at = start; ; at++) {
    const char = line[at];
    if (char === undefined || char === '\0') return { ok: true, text, end: at };
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t')
      return { ok: true, text, end: at + 1 };
    if (char !== '"' && char !== "'") {
      text += char;
      continue;
    }
    const quoted = char === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
    if (!quoted.ok) return { ok: false, position: at, reason: 'unterminated quote' };
    const after = line[quoted.end];
    if (after !== undefined && after !== '\0' && !isSpace(after))
      return {
        ok: false,
        position: quoted.end,
        reason: 'closing quote must be followed by a space or the end of the line',
      };
    return { ok: true, text: text + quoted.text, end: quoted.end };
  }
}

type Quoted = { readonly ok: true; readonly text: string; readonly end: number } | { readonly ok: false };

function readDoubleQuoted(line: string, start: number): Quoted {
  let text = '';
  for (let at = start; at < line.length && line[at] !== '\0'; at++) {
    const char = line[at] ?? '';
    if (char === '"') return { ok: true, text, end: at + 1 };
    if (char !== '\\') {
      text += char;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4))?.[1];
    const next = line[at + 1];
    if (hex !== undefined) {
      text += String.fromCharCode(Number.parseInt(hex, 16));
      at += 3;
    } else if (next === undefined || next === '\0') {
      text += '\\';
    } else {
      text += ESCAPES[next] ?? next;
      at += 1;
    }
  }
  return { ok: false };
}

function readSingleQuoted(line: string, start: number): Quoted {
  let text = '';
  for (let at = start; at < line.length && line[at] !== '\0'; at++) {
    const char = line[at] ?? '';
    if (char === "'") return { ok: true, text, end: at + 1 };
    if (char === '\\' && line[at + 1] === "'") {
      text += "'";
      at += 1;
    } else {
      text += char;
    }
  }
  return { ok: false };
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && ' \t\n\v\f\r'.includes(char) && char !== '';
}
