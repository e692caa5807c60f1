const PLAIN = /^[A-Za-z0-9_./:@%+=,*<>~^-]+$/;

const ESCAPES: Readonly<Record<number, string>> = {
  0x07: String.raw`\a`,
  0x08: String.raw`\b`,
  0x09: String.raw`\t`,
  0x0a: String.raw`\n`,
  0x0d: String.raw`\r`,
  0x22: String.raw`\"`,
  0x5c: String.raw`\\`,
};

/**
 * Writes a value so that redis.conf reads back exactly these bytes, whatever they are.
 *
 * Text is taken as UTF-8. The result is printable ASCII without a newline, so no value can end its line, open a
 * comment or start a directive.
 */
export function quoteValue(value: string | Uint8Array): string {
  if (typeof value === 'string' && PLAIN.test(value)) return value;
  return quoteAlways(value);
}

/** As `quoteValue`, with quotes even where none are needed: the form CONFIG REWRITE gives to string directives. */
export function quoteAlways(value: string | Uint8Array): string {
  let quoted = '"';
  for (const byte of typeof value === 'string' ? Buffer.from(value, 'utf8') : value) {
    const printable = byte >= 0x20 && byte <= 0x7e;
    quoted +=
      ESCAPES[byte] ??
      (printable ? String.fromCharCode(byte) : String.raw`\x` + byte.toString(16).padStart(2, '0'));
  }
  return `${quoted}"`;
}

/** One line of redis.conf, without the newline. */
export function formatLine(name: string, args: readonly (string | Uint8Array)[]): string {
  return [name, ...args.map(quoteValue)].join(' ');
}
