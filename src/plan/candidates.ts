import type { NodeId } from '../topology/model.ts';
import { bestReplica } from './choose-root.ts';
import type { LiveNodeView, LiveView } from './live-view.ts';

/** One row of the table a choice or a refusal shows. */
export interface Candidate {
  readonly node: NodeId;
  readonly isChosen: boolean;
  readonly replid: string;
  readonly offset: number;
  /** Bytes behind the best node of the same history; null when its history is another one. */
  readonly behindBytes: number | null;
  readonly priority: number;
  /** Why it cannot be chosen; null when it can. */
  readonly excluded: string | null;
}

/** Who could take the master's role, best first: by history and applied offset, then priority (lower first), then keys. */
export function rankCandidates(view: LiveView, master: NodeId): Candidate[] {
  const replicas = [...view.nodes].flatMap(([id, node]): [NodeId, LiveNodeView][] =>
    node.kind === 'live' && id !== master ? [[id, node]] : [],
  );
  const chosen = bestReplica(replicas);
  const best = replicas.find(([id]) => id === chosen)?.[1] ?? null;
  return replicas
    .map(([node, { history, priority, isLoading }]): Candidate => {
      const isShared = best !== null && history.replid === best.history.replid;
      return {
        node,
        isChosen: node === chosen,
        replid: history.replid,
        offset: history.offset,
        behindBytes: isShared ? Math.max(0, best.history.offset - history.offset) : null,
        priority,
        excluded: isLoading ? 'loading' : priority === 0 ? 'replica-priority 0' : null,
      };
    })
    .sort(
      (a, b) =>
        Number(b.isChosen) - Number(a.isChosen) ||
        (a.behindBytes ?? Infinity) - (b.behindBytes ?? Infinity) ||
        a.priority - b.priority,
    );
}
