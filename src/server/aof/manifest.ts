export type AofFileType = 'base' | 'incr' | 'history';

export interface AofFile {
  readonly name: string;
  readonly seq: number;
  readonly type: AofFileType;
}

/** Which files make up the append-only log: at most one base, then the increments in their order. */
export interface AofManifest {
  readonly base: AofFile | undefined;
  readonly increments: readonly AofFile[];
  /** No longer part of the log, to be deleted. */
  readonly history: readonly AofFile[];
}

export const EMPTY_MANIFEST: AofManifest = { base: undefined, increments: [], history: [] };

const TYPE_LETTER: Readonly<Record<AofFileType, string>> = { base: 'b', incr: 'i', history: 'h' };
const MAX_LINE_LENGTH = 1024;
const INVALID = 'Invalid AOF manifest file format';

/** A manifest that redis-server would refuse too; the message is the one it logs. */
export class ManifestError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'ManifestError';
  }
}

/** The text of a manifest as 7.0 writes it (`src/aof.c`). */
export function formatManifest({ base, increments, history }: AofManifest): string {
  const files = [...(base === undefined ? [] : [base]), ...history, ...increments];
  return files
    .map(({ name, seq, type }) => `file ${quote(name)} seq ${seq} type ${TYPE_LETTER[type]}\n`)
    .join('');
}

/** Reads a manifest of redis-server or of ours. Throws `ManifestError`. */
export function parseManifest(text: string): AofManifest {
  if (text === '') throw new ManifestError('Found an empty AOF manifest');
  const files = text
    .split('\n')
    .slice(0, text.endsWith('\n') ? -1 : undefined)
    .filter((line) => !line.startsWith('#'))
    .map(parseLine);
  const bases = files.filter(({ type }) => type === 'base');
  if (bases.length > 1) throw new ManifestError('Found duplicate base file information');
  const increments = files.filter(({ type }) => type === 'incr');
  for (const [index, { seq }] of increments.entries()) {
    if (index > 0 && seq <= (increments[index - 1]?.seq ?? 0)) {
      throw new ManifestError('Found a non-monotonic sequence number');
    }
  }
  return { base: bases[0], increments, history: files.filter(({ type }) => type === 'history') };
}

function parseLine(line: string): AofFile {
  if (line.length >= MAX_LINE_LENGTH) throw new ManifestError('The AOF manifest file contains too long line');
  const words = splitWords(line);
  if (words.length < 6 || words.length % 2 !== 0) throw new ManifestError(INVALID);
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) values.set((words[i] ?? '').toLowerCase(), words[i + 1] ?? '');
  const name = values.get('file') ?? '';
  const seq = Number(values.get('seq'));
  const type = (['base', 'incr', 'history'] as const).find(
    (each) => TYPE_LETTER[each] === values.get('type'),
  );
  if (name === '' || !(seq > 0) || !values.has('type')) throw new ManifestError(INVALID);
  if (type === undefined) throw new ManifestError('Unknown AOF file type');
  if (name.includes('/')) throw new ManifestError("File can't be a path, just a filename");
  return { name, seq, type };
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0007': '\\a',
  '\b': '\\b',
};
const UNESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\u0007', b: '\b' };

/** Names with blanks or odd bytes are quoted as in redis-cli. */
function quote(name: string): string {
  if (/^[!-~]+$/.test(name) && !/["'\\]/.test(name)) return name;
  const bytes = Array.from(Buffer.from(name), (byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === '\\') return `\\${char}`;
    if (char >= ' ' && char <= '~') return char;
    return ESCAPES[char] ?? `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${bytes.join('')}"`;
}

function splitWords(line: string): string[] {
  const words = line.matchAll(/"((?:[^"\\]|\\.)*)"(?=\s|$)|(\S+)/g);
  return Array.from(words, ([, quoted, plain]) => (quoted === undefined ? (plain ?? '') : unquote(quoted)));
}

function unquote(text: string): string {
  const bytes = text.replace(
    /\\(?:x([0-9a-f]{2})|(.))/gi,
    (_, hex: string | undefined, char: string | undefined) =>
      hex === undefined
        ? (UNESCAPES[char ?? ''] ?? char ?? '')
        : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The files of the log in the order in which they are loaded. */
export function filesOf({ base, increments }: AofManifest): AofFile[] {
  return base === undefined ? [...increments] : [base, ...increments];
}

/** Names as 7.0 gives them: `<appendfilename>.<seq>.base.rdb`, `<appendfilename>.<seq>.incr.aof`. */
export function nextIncrement(manifest: AofManifest, prefix: string): AofFile {
  const seq = (manifest.increments.at(-1)?.seq ?? 0) + 1;
  return { name: `${prefix}.${seq}.incr.aof`, seq, type: 'incr' };
}

export function nextBase(manifest: AofManifest, prefix: string): AofFile {
  const seq = (manifest.base?.seq ?? 0) + 1;
  return { name: `${prefix}.${seq}.base.rdb`, seq, type: 'base' };
}

/** The manifest once a rewrite is done: the new base, the increments since it began, the rest to be deleted. */
export function completeRewrite(manifest: AofManifest, base: AofFile, firstIncrement: AofFile): AofManifest {
  const kept = manifest.increments.filter(({ seq }) => seq >= firstIncrement.seq);
  const dropped = [
    ...(manifest.base === undefined ? [] : [manifest.base]),
    ...manifest.increments.filter(({ seq }) => seq < firstIncrement.seq),
  ];
  const asHistory = dropped.map((file): AofFile => ({ ...file, type: 'history' }));
  return { base, increments: kept, history: [...manifest.history, ...asHistory] };
}
