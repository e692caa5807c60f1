import type { ReplicationHistory } from './replication-id.ts';

/** What a replica asks with `PSYNC <replid> <offset>`: the offset is the next byte it wants. */
export interface PsyncRequest {
  readonly replid: string;
  readonly offset: number;
}

/** The window of stream bytes a node can replay, or null when it keeps none. */
export type BacklogWindow = { readonly firstByteOffset: number; readonly histlen: number } | null;

export type PsyncDecision =
  | { readonly kind: 'continue'; readonly sharedBy: 'replid' | 'replid2'; readonly backlogBytes: number }
  | { readonly kind: 'full'; readonly reason: FullResyncReason };

export type FullResyncReason =
  /** The replica sent `?`: it has no history to offer. Not counted in sync_partial_err. */
  | 'asked-for'
  /** The id is neither of ours. */
  | 'unknown-replid'
  /** The id is our second one, but the replica went on beyond the point where we parted. */
  | 'diverged'
  /** Nothing is kept to replay. */
  | 'no-backlog'
  /** The wanted bytes have been trimmed. */
  | 'before-backlog'
  /** The replica wants bytes that were never written here. */
  | 'after-backlog';

/** Whether a replica can continue from where it stands, and if not, why (replication.c). */
export function decidePsync(
  request: PsyncRequest,
  history: ReplicationHistory,
  backlog: BacklogWindow,
): PsyncDecision {
  if (request.replid.startsWith('?')) return { kind: 'full', reason: 'asked-for' };
  const replid = request.replid.toLowerCase();
  const isFirst = replid === history.replid;
  if (!isFirst && replid !== history.replid2) return { kind: 'full', reason: 'unknown-replid' };
  if (!isFirst && request.offset > history.secondReplidOffset) return { kind: 'full', reason: 'diverged' };
  if (backlog === null) return { kind: 'full', reason: 'no-backlog' };
  if (request.offset < backlog.firstByteOffset) return { kind: 'full', reason: 'before-backlog' };
  const nextOffset = backlog.firstByteOffset + backlog.histlen;
  if (request.offset > nextOffset) return { kind: 'full', reason: 'after-backlog' };
  return {
    kind: 'continue',
    sharedBy: isFirst ? 'replid' : 'replid2',
    backlogBytes: nextOffset - request.offset,
  };
}
