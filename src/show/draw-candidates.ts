import type { Candidate } from '../plan/candidates.ts';
import { drawColumns, type Column } from './draw-columns.ts';
import { formatBytes } from './format-quantity.ts';
import type { Theme } from './theme.ts';

const COLUMNS: readonly Column[] = [
  { title: 'CANDIDATE', align: 'left' },
  { title: 'OFFSET', align: 'right' },
  { title: 'BEHIND', align: 'right' },
  { title: 'PRIORITY', align: 'right' },
  { title: 'HISTORY', align: 'left' },
  { title: '', align: 'left' },
];

/** Who could be promoted and why that one was taken. */
export function drawCandidates(candidates: readonly Candidate[], theme: Theme): string {
  const rows = candidates.map(({ node, offset, behindBytes, priority, replid, isChosen, excluded }) => [
    isChosen ? theme.strong(node) : node,
    String(offset),
    behindBytes === null ? 'other history' : formatBytes(behindBytes),
    String(priority),
    replid.slice(0, 8),
    isChosen ? theme.good('chosen') : (excluded ?? ''),
  ]);
  const [titles = '', ...lines] = drawColumns(COLUMNS, rows);
  return [theme.dim(titles), ...lines].join('\n');
}
