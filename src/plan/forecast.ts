import type { DownNodeView, History, LiveView } from './live-view.ts';
import type { NodeId } from '../topology/model.ts';
import type { ResyncForecast } from './step.ts';

/**
 * What hanging `child` under `parent` will cost. A parent that will be awaited at the child's offset (`freeze`), or
 * that is an ancestor, is never behind: `parentCatchesUp`.
 */
export function forecastEdge(
  view: LiveView,
  child: NodeId,
  parent: NodeId,
  options: { readonly parentCatchesUp: boolean },
): ResyncForecast | null {
  const above = view.nodes.get(parent);
  const below = view.nodes.get(child);
  if (above?.kind !== 'live' || below === undefined) return null;
  const offer = below.kind === 'live' ? below.history : historyAtRest(below);
  if (offer === null)
    return { verdict: 'FULL', bytes: null, reason: `${child} has no data of a known history` };
  const history =
    options.parentCatchesUp && above.history.offset < offer.offset && above.history.replid === offer.replid
      ? caughtUp(above.history, offer.offset)
      : above.history;
  return forecastResync(offer, history);
}

/**
 * The parent's decision on `PSYNC <replid> <offset + 1>`, computed (masterTryPartialResync in Redis' replication.c):
 * it continues iff the id is its own, or its former one up to the fork, and its backlog reaches back far enough.
 */
export function forecastResync(
  child: { readonly replid: string; readonly offset: number },
  parent: History,
): ResyncForecast {
  const wanted = child.offset + 1;
  if (child.replid !== parent.replid) {
    if (child.replid !== parent.replid2) return full('its history is another one');
    if (wanted > parent.secondOffset)
      return full(`it is ${wanted - parent.secondOffset} bytes past the fork`);
  }
  const { backlog } = parent;
  if (backlog === null) return full('the parent has no backlog');
  if (wanted < backlog.firstByte)
    return full(`the backlog starts ${backlog.firstByte - wanted} bytes too late`);
  if (wanted > backlog.firstByte + backlog.length) return full('it is ahead of the parent');
  return {
    verdict: 'PARTIAL',
    bytes: backlog.firstByte + backlog.length - wanted,
    reason:
      child.replid === parent.replid ? 'same replid, within the backlog' : 'shared history before the fork',
  };
}

function full(reason: string): ResyncForecast {
  return { verdict: 'FULL', bytes: null, reason };
}

function caughtUp(history: History, offset: number): History {
  const { backlog } = history;
  if (backlog === null) return history;
  const length = Math.min(backlog.length + offset - history.offset, backlog.size);
  return { ...history, offset, backlog: { ...backlog, firstByte: offset + 1 - length, length } };
}

/** Where a stopped node stands: an RDB carries replid and offset, other files do not tell. */
function historyAtRest(node: DownNodeView): { readonly replid: string; readonly offset: number } | null {
  return node.data.kind === 'known' ? node.data : null;
}
