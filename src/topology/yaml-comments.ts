import { isMap, isScalar, isSeq, visit, type Document, type Node, type YAMLSeq } from 'yaml';

interface CommentLine {
  readonly indent: number;
  /** Without the `#`, as the parser keeps it. */
  readonly text: string;
}

/**
 * Hands every comment of a list of nodes to what it stands at by its indentation: above an item to the item, at the
 * end of a list to that list. The parser gives those above a first item to the list, and those after a nested list to
 * the innermost one.
 */
export function settleComments(doc: Document.Parsed, root: YAMLSeq, text: string): void {
  const lines = text.split(/\r?\n/);
  const outside = settleList(root, lines, text);
  if (outside !== null) doc.comment = doc.comment ? `${outside}\n${doc.comment}` : outside;
}

/** Gives the comment that stands after the list but does not belong to it. */
function settleList(list: YAMLSeq, lines: readonly string[], text: string): string | null {
  const first = list.items[0];
  if (list.flow === true || !(isScalar(first) || isMap(first))) return null;
  const indent = dashIndent(first, lines, text);
  if (indent === null) return null;
  list.items.forEach((item, index) => {
    if (isScalar(item) || isMap(item)) settleAbove(list, item, index, lines, text);
  });
  const tail = commentsBelow(list, lines, text);
  const endsAt = tail.findIndex((line) => line.indent < indent);
  const inside = endsAt === -1 ? tail : tail.slice(0, endsAt);
  const outside = endsAt === -1 ? null : cutFrom(list, tail.slice(endsAt));
  const ownFrom = inside.findIndex((line) => line.indent === indent);
  const own = ownFrom === -1 ? null : cutFrom(list, inside.slice(ownFrom));
  for (const item of list.items) {
    const nested = isMap(item) ? item.get('replicas', true) : undefined;
    if (isSeq(nested)) settleList(nested, lines, text);
  }
  if (own !== null) list.comment = own;
  return outside;
}

function settleAbove(list: YAMLSeq, item: Node, index: number, lines: readonly string[], text: string): void {
  const above = commentsAbove(item, lines, text);
  const held = item.commentBefore ? item.commentBefore.split('\n').length : 0;
  if (above.length <= held) return;
  const comment = above.join('\n');
  if (index === 0) list.commentBefore = cutEnd(list.commentBefore, comment);
  else cutDeep(list.items[index - 1] as Node, comment);
  item.commentBefore = comment;
}

function commentsAbove(item: Node, lines: readonly string[], text: string): string[] {
  const indent = dashIndent(item, lines, text);
  const comments: string[] = [];
  for (let at = lineOf(item.range?.[0] ?? 0, text) - 1; at >= 0; at--) {
    const comment = readComment(lines[at]);
    if (comment === null || comment.indent !== indent) break;
    comments.unshift(comment.text);
  }
  return comments;
}

/** The comment lines after the last value of a list, blank lines passed over. */
function commentsBelow(list: YAMLSeq, lines: readonly string[], text: string): CommentLine[] {
  let end = 0;
  visit(list, {
    Scalar(_key, scalar) {
      // An empty value ends where its comment does; the key before it counts.
      if (scalar.source !== '') end = Math.max(end, scalar.range?.[1] ?? 0);
    },
  });
  const comments: CommentLine[] = [];
  for (let at = lineOf(end, text) + 1; at < lines.length; at++) {
    const comment = readComment(lines[at]);
    if (comment !== null) comments.push(comment);
    else if (lines[at]?.trim() !== '') break;
  }
  return comments;
}

function cutFrom(list: YAMLSeq, comments: readonly CommentLine[]): string | null {
  const comment = comments.map((line) => line.text).join('\n');
  return cutDeep(list, comment) ? comment : null;
}

/** Takes a comment from the end of whichever node below has it; false when none has. */
function cutDeep(node: Node, comment: string): boolean {
  let isFound = false;
  visit(node, {
    Node(_key, inner) {
      const rest = cutEnd(inner.comment, comment);
      if (rest === (inner.comment ?? null)) return;
      inner.comment = rest;
      isFound = true;
    },
  });
  return isFound;
}

function cutEnd(comment: string | null | undefined, end: string): string | null {
  const lines = (comment ?? '').split('\n');
  let at = lines.length;
  for (const line of end.split('\n').reverse()) {
    // Blank lines between comments are kept by the parser and not by us.
    if (line !== '') at = lines.findLastIndex((held, index) => index < at && held !== '') + 1;
    at--;
    if (at < 0 || lines[at] !== line) return comment ?? null;
  }
  return lines.slice(0, at).join('\n').replace(/\n+$/, '') || null;
}

function readComment(line: string | undefined): CommentLine | null {
  const match = /^( *)#(.*)$/.exec(line ?? '');
  return match === null ? null : { indent: match[1]?.length ?? 0, text: match[2] ?? '' };
}

function dashIndent(item: Node, lines: readonly string[], text: string): number | null {
  return /^( *)- /.exec(lines[lineOf(item.range?.[0] ?? 0, text)] ?? '')?.[1]?.length ?? null;
}

const lineOf = (offset: number, text: string): number => text.slice(0, offset).split('\n').length - 1;
