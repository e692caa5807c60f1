import type { Info } from './parse-info.ts';

/** Why a node is not ready, in the order in which they are passed on the way up. */
export type NotReadyReason =
  /** Nobody answers. */
  | 'down'
  /** Reading its data set. */
  | 'loading'
  /** It is a master, but not the root. */
  | 'not-a-replica'
  /** The root is not a master. */
  | 'not-a-master'
  | 'link-down'
  /** Being sent the data set. */
  | 'syncing'
  /** Link up, but not (yet) on the root's replication id. */
  | 'foreign-history'
  /** On the root's history, but before the offset the root had when the wait began. */
  | 'behind';

export type ReadyVerdict =
  | { readonly ready: true }
  | {
      readonly ready: false;
      readonly because: NotReadyReason;
      /** Bytes to go while syncing or behind; null otherwise, or unknown. */
      readonly bytesLeft: number | null;
    };

export interface RootMark {
  readonly replid: string;
  /** The root's offset at the start of the wait. */
  readonly offset: number;
}

type ReadyFacts = Pick<Info, 'replication'> & {
  readonly persistence: Pick<Info['persistence'], 'isLoading'>;
};

/**
 * Link up, the root's replid, at or past the root's offset at the start of the wait, not loading. A caller holds it
 * for two polls: a node about to drop its link for a full sync can look ready once.
 */
export function judgeReady({ replication, persistence }: ReadyFacts, root: RootMark): ReadyVerdict {
  const { link } = replication;
  if (persistence.isLoading) return notReady('loading');
  if (link === null) return notReady('not-a-replica');
  if (link.isSyncing) return notReady('syncing', link.syncLeftBytes);
  if (!link.isUp) return notReady('link-down');
  if (replication.replid !== root.replid) return notReady('foreign-history');
  if (link.appliedOffset < root.offset) return notReady('behind', root.offset - link.appliedOffset);
  return { ready: true };
}

/** The root itself: a master that has its data. */
export function judgeRootReady({ replication, persistence }: ReadyFacts): ReadyVerdict {
  if (persistence.isLoading) return notReady('loading');
  return replication.role === 'master' ? { ready: true } : notReady('not-a-master');
}

function notReady(because: NotReadyReason, bytesLeft: number | null = null): ReadyVerdict {
  return { ready: false, because, bytesLeft };
}
