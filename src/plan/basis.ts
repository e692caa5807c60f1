import type { NodeId } from '../topology/model.ts';
import type { LiveView, NodeView } from './live-view.ts';

/** What a plan was made from, node by node: offsets move, these things must not. */
export type Basis = Readonly<Record<NodeId, string>>;

export function basisOf(view: LiveView): Basis {
  return Object.fromEntries([...view.nodes].map(([id, node]) => [id, describe(node)]));
}

/** What is no longer as it was, in words; empty when the plan still fits. */
export function compareBasis(planned: Basis, now: Basis): string[] {
  const ids = [...new Set([...Object.keys(planned), ...Object.keys(now)])];
  return ids
    .filter((id) => planned[id] !== now[id])
    .map((id) => `${id}: was ${planned[id] ?? 'unknown'}, is ${now[id] ?? 'gone'}`);
}

function describe(node: NodeView): string {
  if (node.kind === 'down') return `down (${node.port}, data ${node.data.kind})`;
  const place = node.role === 'master' ? 'master' : `replica of ${node.parentAddress ?? '?'}`;
  return `${place}, link ${node.isLinkUp ? 'up' : 'down'}, replid ${node.history.replid}, run ${node.runId}`;
}
