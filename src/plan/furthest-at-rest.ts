import type { NodeId } from '../topology/model.ts';
import { ageRank, relate, type Lineage, type Position } from './lineage.ts';
import type { DataAtRest, LiveView } from './live-view.ts';

/**
 * Of the stopped nodes the one to start as master: the last one, unless it has nothing, or the files of another reach
 * further in its own history (saved by a stop, when the last master died later without saving). What is of unknown
 * history is never preferred: its offsets mean something else. An append-only file tells no offset, and holds every
 * write its master acknowledged.
 */
export function furthestAtRest(view: LiveView, candidates: readonly NodeId[], last: NodeId): NodeId {
  const { lineage } = view;
  const own = dataOf(view, last);
  const [first, ...others] = candidates
    .map((id) => ({ id, data: dataOf(view, id) }))
    .filter(({ id, data }) => id !== last && isBeyond(data, own, lineage))
    .sort((a, b) => amountOf(b.data) - amountOf(a.data));
  if (first === undefined) return last;
  return others.reduce((best, other) => (isPreferred(other.data, best.data, lineage) ? other : best), first)
    .id;
}

function isBeyond(data: DataAtRest, own: DataAtRest, lineage: Lineage): boolean {
  if (own.kind === 'none') return data.kind !== 'none';
  return data.kind === 'known' && own.kind === 'known' && relate(data, own, lineage).kind === 'ahead';
}

/** Of two that went different ways, the later history is the one that was in use. */
function isPreferred(other: DataAtRest, best: DataAtRest, lineage: Lineage): boolean {
  if (other.kind !== 'known' || best.kind !== 'known') return false;
  const { kind } = relate(other, best, lineage);
  return kind === 'ahead' || (kind === 'diverged' && ageRank(other, lineage) > ageRank(best, lineage));
}

/** Known offsets before unknown places, so that an old file of unknown history is never preferred. */
function amountOf(data: DataAtRest): number {
  switch (data.kind) {
    case 'none':
      return -1;
    case 'unknown':
      return 0;
    case 'known':
      return 1 + data.offset;
  }
}

/** What a stopped node would load. */
export function dataOf(view: LiveView, id: NodeId): DataAtRest {
  const node = view.nodes.get(id);
  return node?.kind === 'down' ? node.data : { kind: 'none' };
}

/** Where a node stands, whether it runs or would have to be started; null when that is not known. */
export function positionOf(view: LiveView, id: NodeId): Position | null {
  const node = view.nodes.get(id);
  if (node?.kind === 'live') return node.history;
  return node?.data.kind === 'known' ? node.data : null;
}
