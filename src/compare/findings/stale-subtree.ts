import type { NodeId } from '../../topology/model.ts';
import type { Finding } from '../finding.ts';
import { type Scene, isInRing, liveOf, specOf } from '../scene.ts';
import { ancestors } from '../tree.ts';

/** A node in the middle that is cut off, while nodes below it report their links as up: they serve what is old. */
export function findStaleSubtrees(scene: Scene): Finding[] {
  const stale = new Map<NodeId, NodeId[]>();
  for (const node of scene.live) {
    const isLinked = node.info.replication.link?.isUp === true && !isInRing(scene, node.id);
    const cut = isLinked ? ancestors(scene.tree, node.id).findLast((id) => isCut(scene, id)) : undefined;
    if (cut !== undefined) stale.set(cut, [...(stale.get(cut) ?? []), node.id]);
  }
  return [...stale].map(([cut, below]) => ({
    code: 'StaleSubtree',
    severity: 'error',
    node: cut,
    message: `${below.join(', ')} ${below.length === 1 ? 'looks' : 'look'} up, but ${below.length === 1 ? 'hangs' : 'hang'} on ${cut}, which gets nothing itself`,
    evidence: { cutNode: cut, stale: below.join(', '), parent: specOf(scene, cut)?.parent ?? null },
    mend: liveOf(scene, cut) === null ? `replctl start ${cut}` : 'replctl up',
  }));
}

/** A copy under way, or a parent that loads, ends by itself: that is told as what it is. */
function isCut(scene: Scene, id: NodeId): boolean {
  const node = liveOf(scene, id);
  if (node === null) return id !== scene.master;
  const { link } = node.info.replication;
  const isParentLoading = liveOf(scene, node.follows?.node ?? null)?.info.persistence.isLoading === true;
  return link !== null && !link.isUp && !link.isSyncing && !isParentLoading && !isInRing(scene, id);
}
