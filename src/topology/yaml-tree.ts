import { settleComments } from './yaml-comments.ts';
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

/** A node of the tree as it stands in the document: a scalar when terse, else a map. */
export type NodeItem = Scalar | YAMLMap;

/** Parses a valid topology file for editing, with the comments of each node attached to that node. */
export function openDocument(text: string): Document.Parsed {
  const doc = parseDocument(text, { logLevel: 'error' });
  inlineAliases(doc);
  const replicas = doc.get('replicas', true);
  if (isSeq(replicas)) settleComments(doc, replicas, text);
  return doc;
}

/** The text of an edited document, laid out as the original was. */
export function printDocument(doc: Document.Parsed, original: string): string {
  const indent = Math.min(...[...original.matchAll(/^( +)[^\s#]/gm)].map(([, blanks = '']) => blanks.length));
  return doc.toString({
    lineWidth: 0,
    indent: indent > 1 && indent < 9 ? indent : 2,
    indentSeq: !/^( *)[\w-]+:[ \t]*(?:#.*)?\r?\n(?:[ \t]*#.*\r?\n)*\1- /m.test(original),
    flowCollectionPadding: /^[^#\n]*[{[][ ]/m.test(original),
  });
}

/** The nodes in the order of the model: the master, then replicas depth first. */
export function listItems(doc: Document.Parsed): NodeItem[] {
  const items: NodeItem[] = [];
  const add = (value: unknown): void => {
    if (!isScalar(value) && !isMap(value)) return;
    items.push(value);
    if (isMap(value)) addAll(value.get('replicas', true));
  };
  const addAll = (list: unknown): void => {
    if (isSeq(list)) list.items.forEach(add);
  };
  add(doc.get('master', true));
  addAll(doc.get('replicas', true));
  return items;
}

/** The list of replicas taken out of a node, with the comments that stood at its key. */
export interface Detached {
  readonly pair: Pair;
  readonly list: YAMLSeq;
}

export function detachReplicas(item: NodeItem): Detached | null {
  if (!isMap(item)) return null;
  const pair = item.items.find((entry) => keyOf(entry) === 'replicas');
  if (pair === undefined || !isSeq(pair.value)) return null;
  item.items.splice(item.items.indexOf(pair), 1);
  return { pair, list: pair.value };
}

/** Comments of a list that is no more go above the node that had it. */
export function keepComments(item: NodeItem, { pair, list }: Detached): void {
  const key = isNode(pair.key) ? pair.key.commentBefore : null;
  item.commentBefore = joinLines(item.commentBefore, key, list.commentBefore, list.comment);
}

/** `replicas` of a node, or of the document for the master; made when it is missing. */
export function setReplicas(
  doc: Document.Parsed,
  owner: YAMLMap | null,
  old: YAMLSeq | null,
  items: readonly NodeItem[],
): void {
  const map = owner ?? (doc.contents as unknown as YAMLMap);
  if (items.length === 0 && !(owner === null && map.has('replicas'))) {
    map.delete('replicas');
    return;
  }
  const list: YAMLSeq = old ?? doc.createNode([]);
  list.items = [...items];
  list.flow = items.length === 0 || ((old === null || old.flow === true) && items.every(isBare));
  if (owner?.flow === true && !items.every(isBare)) openMap(owner);
  // A blank line has no place between brackets.
  if (list.flow) for (const item of items) item.spaceBefore = false;
  map.set('replicas', list);
}

/** A flow map as a block; what stood behind it goes behind its first value. */
function openMap(map: YAMLMap): void {
  const { comment } = map;
  const first = map.items[0]?.value;
  map.flow = false;
  map.comment = null;
  if (comment && isScalar(first) && !first.comment && !comment.includes('\n')) first.comment = comment;
  else if (comment) map.commentBefore = joinLines(map.commentBefore, comment);
}

const joinLines = (...comments: (string | null | undefined)[]): string | null =>
  comments.filter(Boolean).join('\n') || null;

/** May stand in a flow list: terse, and without comments. */
function isBare(item: NodeItem): boolean {
  return isScalar(item) && !item.comment && !item.commentBefore;
}

/** A terse node as a map, keeping its comments, so that it can have replicas. */
export function expandItem(doc: Document.Parsed, item: NodeItem): YAMLMap {
  if (isMap(item)) return item;
  const map = doc.createNode({}) as unknown as YAMLMap;
  map.commentBefore = item.commentBefore ?? null;
  map.spaceBefore = item.spaceBefore === true;
  item.commentBefore = null;
  item.spaceBefore = false;
  const match = /^(?:(.+):)?([0-9]+)$/.exec(String(item.value));
  const host = match?.[1]?.replace(/^\[(.*)\]$/, '$1');
  if (host !== undefined) map.set('host', host);
  if (typeof item.value === 'string') item.value = Number(match?.[2]);
  delete item.source;
  delete item.type;
  map.set('port', item);
  return map;
}

/** A map that says no more than a port, or host and port, as the terse form. */
export function collapseItem(doc: Document.Parsed, item: NodeItem): NodeItem {
  if (!isMap(item) || !item.items.every((pair) => ['host', 'port'].includes(String(keyOf(pair)))))
    return item;
  const port = item.get('port', true);
  const host = item.get('host');
  if (!isScalar(port) || item.items.some((pair) => isNode(pair.key) && pair.key.commentBefore)) return item;
  const text =
    typeof host === 'string'
      ? `${host.includes(':') ? `[${host}]` : host}:${String(port.value)}`
      : port.value;
  const scalar = doc.createNode(text) as Scalar;
  scalar.comment = port.comment ?? null;
  scalar.commentBefore = joinLines(item.commentBefore, item.comment);
  scalar.spaceBefore = item.spaceBefore === true;
  return scalar;
}

const keyOf = (pair: Pair): unknown => (isScalar(pair.key) ? pair.key.value : pair.key);

/** Nodes that move may not leave an alias before its anchor: where the tree has aliases, each becomes a copy. */
function inlineAliases(doc: Document.Parsed): void {
  let isUsed = false;
  visit(doc, {
    Alias(_key, _alias, path) {
      const top = path.find((node) => isPair(node));
      if (top !== undefined && ['master', 'replicas'].includes(String(keyOf(top)))) isUsed = true;
    },
  });
  if (!isUsed) return;
  visit(doc, {
    Alias(_key, alias) {
      const target = alias.resolve(doc);
      if (target === undefined || isAlias(target)) return undefined;
      const copy = target.clone() as Node;
      if ('anchor' in copy) delete copy.anchor;
      return copy;
    },
  });
  visit(doc, {
    Node(_key, node) {
      if ('anchor' in node) delete node.anchor;
    },
  });
}
