/** 40 hex digits naming one history of a dataset. */
export type ReplicationId = string;

/** What `master_replid2` prints when there is no second history. */
export const NO_REPLICATION_ID: ReplicationId = '0'.repeat(40);

/** The histories a node can vouch for: its own, and the one it had before it was promoted or re-attached. */
export interface ReplicationHistory {
  readonly replid: ReplicationId;
  readonly replid2: ReplicationId;
  /** First offset that `replid2` no longer covers, or -1. */
  readonly secondReplidOffset: number;
}

/** A fresh history that shares nothing with any other. `drawId` gives 40 random hex digits. */
export function newHistory(drawId: () => ReplicationId): ReplicationHistory {
  return { replid: drawId(), replid2: NO_REPLICATION_ID, secondReplidOffset: -1 };
}

/** The history taken over with a full resync: nothing of the former one is valid any more. */
export function adoptHistory(replid: ReplicationId): ReplicationHistory {
  return { replid, replid2: NO_REPLICATION_ID, secondReplidOffset: -1 };
}

/**
 * Promotion: a new history begins after `offset`, while whoever followed the old one up to there can still continue
 * (replication.c `shiftReplicationId`).
 */
export function shiftHistory(
  history: ReplicationHistory,
  offset: number,
  drawId: () => ReplicationId,
): ReplicationHistory {
  return continueHistory(history, offset, drawId());
}

/** `+CONTINUE <replid>`: the master was promoted meanwhile; the old id stays valid up to `offset`. */
export function continueHistory(
  history: ReplicationHistory,
  offset: number,
  replid: ReplicationId,
): ReplicationHistory {
  return { replid, replid2: history.replid, secondReplidOffset: offset + 1 };
}
