import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

const widthOf = (text: string): number => Array.from(stripVTControlCharacters(text)).length;

/**
 * Lines up rows under their titles. Cells may hold colour; a column whose cells are all empty is left out.
 * Returns one line per row, titles first, without trailing blanks.
 */
export function drawColumns(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const used = columns
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => rows.some((row) => (row[index] ?? '') !== ''));
  const widths = used.map(({ column, index }) =>
    Math.max(widthOf(column.title), ...rows.map((row) => widthOf(row[index] ?? ''))),
  );
  const draw = (cells: readonly string[]): string =>
    used
      .map(({ column, index }, position) => pad(cells[index] ?? '', widths[position] ?? 0, column.align))
      .join('  ')
      .trimEnd();
  return [draw(columns.map((column) => column.title)), ...rows.map(draw)];
}

function pad(text: string, width: number, align: Column['align']): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
