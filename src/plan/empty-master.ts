import type { NodeId } from '../topology/model.ts';
import { liveNodeOf, liveTreeOf, type LiveNodeView, type LiveView } from './live-view.ts';
import { ancestorsOf } from './tree.ts';

/** The live master that lost its data, while replicas of it still hold another history; null when there is none. */
export function findEmptyMaster(view: LiveView): NodeId | null {
  const masters = [...view.nodes].flatMap(([id, node]) =>
    node.kind === 'live' && node.role === 'master' ? [id] : [],
  );
  const [only] = masters;
  return only !== undefined && masters.length === 1 && endangeredBy(view, only).length > 0 ? only : null;
}

/** Replicas below a keyless master that hold keys of a history which is not its own, the one with the most first. */
export function endangeredBy(view: LiveView, master: NodeId): NodeId[] {
  const node = liveNodeOf(view, master);
  if (node === null || node.keys > 0) return [];
  const { replid, replid2 } = node.history;
  const tree = liveTreeOf(view);
  const offsetOf = (id: NodeId): number => liveNodeOf(view, id)?.history.offset ?? 0;
  return [...view.nodes]
    .filter(
      ([id, other]) =>
        other.kind === 'live' &&
        holdsOther(other, [replid, replid2]) &&
        ancestorsOf(tree, id).includes(master),
    )
    .map(([id]) => id)
    .sort((a, b) => offsetOf(b) - offsetOf(a));
}

function holdsOther({ role, keys, history }: LiveNodeView, histories: readonly string[]): boolean {
  return role === 'replica' && keys > 0 && !histories.includes(history.replid);
}

/** The world as it is once this node is stopped, nothing of it kept. */
export function withStopped(view: LiveView, id: NodeId): LiveView {
  return {
    ...view,
    nodes: new Map([
      ...view.nodes,
      [
        id,
        {
          kind: 'down',
          port: 'free',
          said: 'stopped',
          isOurs: false,
          isBusy: false,
          holder: null,
          hasSavedAll: false,
          data: { kind: 'none' },
        },
      ],
    ]),
  };
}
