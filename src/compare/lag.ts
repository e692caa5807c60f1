import type { Observation } from '../observe/observation.ts';
import type { NodeId } from '../topology/model.ts';
import { type LiveTree, ancestors, liveTree } from './tree.ts';

/** How far a replica is behind; null where the histories differ or one side does not answer. */
export interface Lag {
  readonly toParentBytes: number | null;
  readonly toRootBytes: number | null;
  /** Since its parent last heard an acknowledgement; null when the parent does not list it as online. */
  readonly ackSeconds: number | null;
}

/** Byte lag of every live replica along the live tree. Offsets of different histories are never compared. */
export function measureLag(
  observation: Observation,
  tree: LiveTree = liveTree(observation),
): Map<NodeId, Lag> {
  const lags = new Map<NodeId, Lag>();
  for (const [id, parent] of tree) {
    const node = observation.nodes.get(id);
    if (node?.kind !== 'live' || node.follows === null) continue;
    const root = ancestors(tree, id).at(-1) ?? null;
    const above = parent === null ? undefined : observation.nodes.get(parent);
    const listed = above?.kind === 'live' ? above.listed.find((entry) => entry.node === id) : undefined;
    lags.set(id, {
      toParentBytes: behind(observation, id, parent),
      toRootBytes: behind(observation, id, root),
      ackSeconds: listed?.state === 'online' && listed.lagSeconds >= 0 ? listed.lagSeconds : null,
    });
  }
  return lags;
}

function behind(observation: Observation, id: NodeId, other: NodeId | null): number | null {
  const node = observation.nodes.get(id);
  const above = other === null ? undefined : observation.nodes.get(other);
  if (node?.kind !== 'live' || above?.kind !== 'live') return null;
  const [child, parent] = [node.info.replication, above.info.replication];
  if (child.link === null || child.replid !== parent.replid) return null;
  return Math.max(0, parent.offset - child.link.appliedOffset);
}
