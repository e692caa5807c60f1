import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
} from 'yaml';
import type { TopologyProblem } from './model.ts';

export type Path = readonly (string | number)[];

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A parsed YAML file that still knows where everything stands. */
export interface YamlSource {
  readonly doc: Document.Parsed;
  /** The document as plain values; undefined when there are problems. */
  readonly value: unknown;
  readonly problems: readonly TopologyProblem[];
  /** Where the value at `path` starts, or its key; the nearest existing ancestor when the path leads nowhere. */
  locate(path: Path, part?: 'key' | 'value'): Position;
  has(path: Path): boolean;
  /** A plain scalar exactly as written (`007`, `1e3`); null for anything else. */
  writtenAt(path: Path): string | null;
}

/** A tree of thousands of nodes fits; what is longer is some other file. */
export const MAX_TOPOLOGY_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_EXPANDED = 10_000;

/**
 * Parses the text of a topology file: YAML 1.2, one document, without merge keys.
 *
 * Never throws: syntax errors, duplicate keys, binary content, files over 1 MiB, nesting deeper than 100 levels,
 * aliases that contain themselves or expand beyond reason all become problems.
 */
export function parseYamlSource(text: string): YamlSource {
  const lines = new LineCounter();
  const refusal = refuseText(text);
  const documents =
    refusal === null
      ? parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' })
      : [];
  const doc = (documents[0] ?? parseAllDocuments('null')[0]) as Document.Parsed;
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem = (offset: number, message: string, hint: string | null = null): TopologyProblem => ({
    ...at(offset),
    path: '',
    message,
    hint,
  });

  const problems: TopologyProblem[] = [];
  let value: unknown;
  if (refusal !== null) problems.push({ line: null, column: null, path: '', ...refusal });
  else if (documents.length === 0)
    problems.push(problem(0, 'expected a map with "master", got an empty file'));
  else if (documents.length > 1)
    problems.push(
      problem((documents[1] as Document.Parsed).range[0], 'expected one YAML document, got more than one'),
    );
  for (const error of doc.errors) problems.push(problem(error.pos[0], `not valid YAML: ${error.message}`));
  if (problems.length === 0)
    problems.push(...refuseAliases(doc).map(([node, message]) => problem(start(node), message)));
  if (problems.length === 0) value = doc.toJS({ maxAliasCount: -1 });
  return {
    doc,
    value,
    problems,
    locate: (path, part = 'value') => at(offsetOf(doc, path, part)),
    has: (path) => nodeAt(doc, path) !== undefined,
    writtenAt: (path) => {
      const node = nodeAt(doc, path);
      return isScalar(node) && node.type === 'PLAIN' ? (node.source ?? null) : null;
    },
  };
}

function refuseText(text: string): Pick<TopologyProblem, 'message' | 'hint'> | null {
  const hint = 'Is this the topology file? Give it with --file.';
  if (Buffer.byteLength(text) > MAX_TOPOLOGY_BYTES)
    return { message: `expected at most ${String(MAX_TOPOLOGY_BYTES)} bytes of YAML, got more`, hint };
  // eslint-disable-next-line no-control-regex
  if (/[\0\uFFFD]/.test(text)) return { message: 'expected YAML text in UTF-8, got binary data', hint };
  if (deepestNesting(text) > MAX_DEPTH)
    return { message: `expected at most ${String(MAX_DEPTH)} levels of nesting, got more`, hint };
  return null;
}

/** An upper bound of how deep the parser will recurse: open brackets plus block indentation, quoting ignored. */
function deepestNesting(text: string): number {
  let open = 0;
  let deepest = 0;
  for (const line of text.split('\n')) {
    const dashes = /^[\s\-?:]*/.exec(line)?.[0].replace(/\s/g, '').length ?? 0;
    for (const char of line) {
      if (char === '[' || char === '{') open++;
      else if ((char === ']' || char === '}') && open > 0) open--;
      deepest = Math.max(deepest, open + dashes);
    }
    deepest = Math.max(deepest, open + dashes);
  }
  return deepest;
}

/** Aliases that cannot be expanded: one inside its own anchor, or so many that the result explodes. */
function refuseAliases(doc: Document.Parsed): [Node, string][] {
  const refused: [Node, string][] = [];
  const sizes = new Map<Node, number>();
  let total = 0;
  visit(doc, {
    Alias(_key, alias, path) {
      const target = alias.resolve(doc);
      if (target === undefined)
        refused.push([alias, `*${alias.source} refers to an anchor that is not set before it`]);
      else if (path.includes(target))
        refused.push([alias, `*${alias.source} stands inside its own anchor: a cycle`]);
      else total += expandedSize(target, doc, sizes);
    },
  });
  if (refused.length === 0 && total > MAX_EXPANDED && doc.contents !== null)
    refused.push([
      doc.contents,
      `expected aliases that expand to at most ${String(MAX_EXPANDED)} values, got ${String(total)}`,
    ]);
  return refused;
}

/** How many YAML nodes this one becomes when its aliases are expanded. */
function expandedSize(node: Node, doc: Document.Parsed, sizes: Map<Node, number>): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  sizes.set(node, 1);
  let size = 1;
  visit(node, {
    Node(_key, inner) {
      if (inner === node) return;
      const target = isAlias(inner) ? inner.resolve(doc) : undefined;
      size += target === undefined ? 1 : expandedSize(target, doc, sizes);
    },
  });
  sizes.set(node, size);
  return size;
}

const start = (node: Node | null | undefined): number => node?.range?.[0] ?? 0;

function resolved(node: unknown, doc: Document.Parsed): unknown {
  return isAlias(node) ? node.resolve(doc) : node;
}

function nodeAt(doc: Document.Parsed, path: Path): unknown {
  let node: unknown = resolved(doc.contents, doc);
  for (const step of path) node = isCollection(node) ? resolved(node.get(step, true), doc) : undefined;
  return node;
}

function offsetOf(doc: Document.Parsed, path: Path, part: 'key' | 'value'): number {
  let node: unknown = resolved(doc.contents, doc);
  let offset = start(doc.contents);
  for (const [index, step] of path.entries()) {
    if (!isCollection(node)) return offset;
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      : undefined;
    const child = pair === undefined ? node.get(step, true) : pair.value;
    const isKeyWanted = index === path.length - 1 && part === 'key';
    if (pair !== undefined && isScalar(pair.key)) offset = start(pair.key);
    if (child === undefined || child === null) return offset;
    if (!isKeyWanted || pair === undefined) offset = start(child as Node);
    node = resolved(child, doc);
  }
  return offset;
}
