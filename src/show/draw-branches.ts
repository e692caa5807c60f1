/**
 * The branch signs in front of each row of a tree, as `tree(1)` draws them.
 *
 * `rows` come parents before children and siblings together, in pre-order; `depth` is 0 for a root. Returns one
 * prefix per row: `''`, `'├─ '`, `'│  └─ '`.
 */
export function drawBranches(rows: readonly { readonly depth: number }[]): string[] {
  return rows.map(({ depth }, index) => {
    if (depth === 0) return '';
    let prefix = '';
    for (let level = 1; level < depth; level += 1) prefix += hasSibling(rows, index, level) ? '│  ' : '   ';
    return prefix + (hasSibling(rows, index, depth) ? '├─ ' : '└─ ');
  });
}

/** Whether a later row continues the given level before the tree climbs above it. */
function hasSibling(rows: readonly { readonly depth: number }[], index: number, level: number): boolean {
  for (const row of rows.slice(index + 1)) {
    if (row.depth < level) return false;
    if (row.depth === level) return true;
  }
  return false;
}
