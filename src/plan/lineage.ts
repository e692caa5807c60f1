import type { LiveView } from './live-view.ts';

/**
 * Where one replication history left another: a promotion, or from Redis 7.0 on the start of a master from its RDB,
 * gives a new id (`master_replid`) to what continues the old one (`master_replid2`) at `second_repl_offset`
 * (replication.c, shiftReplicationId; server.c, loadDataFromDisk).
 */
export interface Fork {
  readonly replid: string;
  readonly from: string;
  /** First offset that the two do not share. */
  readonly secondOffset: number;
}

/** Every fork that was ever seen, oldest first, one for each `replid`. */
export type Lineage = readonly Fork[];

/** The last byte of a data set, and the history that it is counted in. */
export interface Position {
  readonly replid: string;
  readonly offset: number;
}

/**
 * How one data set stands to another. `behind` and `same`: everything it has, the other has too. `shared` is the last
 * byte both have. `unknown`: no fork on record leads from one to the other, so their offsets do not compare.
 */
export type Relation =
  | { readonly kind: 'same' | 'behind' | 'unknown' }
  | { readonly kind: 'ahead' | 'diverged'; readonly shared: number };

/** As many are kept; who reads a file that is older than so many promotions cannot tell its history. */
const MOST_FORKS = 1_000;

/**
 * The lineage with what was seen now; the same object when that is nothing new. A replica that was handed a new id
 * reports its own offset at that moment, which only says that the fork is not before it: the greatest report counts.
 */
export function withForks(lineage: Lineage, seen: readonly Fork[]): Lineage {
  const known = new Map(lineage.map((fork) => [fork.replid, fork]));
  let isNew = false;
  for (const fork of seen) {
    const before = known.get(fork.replid);
    if (before !== undefined && before.secondOffset >= fork.secondOffset) continue;
    known.set(fork.replid, before === undefined ? fork : { ...before, secondOffset: fork.secondOffset });
    isNew = true;
  }
  return isNew ? [...known.values()].slice(-MOST_FORKS) : lineage;
}

/** The fork that a server reports (INFO replication); none when its history has no earlier one. */
export function reportedFork(history: {
  readonly replid: string;
  readonly replid2: string;
  readonly secondOffset: number;
}): Fork[] {
  const { replid, replid2, secondOffset } = history;
  return secondOffset > 0 ? [{ replid, from: replid2, secondOffset }] : [];
}

/** The forks that the running nodes report. */
export function forksIn({ nodes }: Pick<LiveView, 'nodes'>): Fork[] {
  return [...nodes.values()].flatMap((node) => (node.kind === 'live' ? reportedFork(node.history) : []));
}

/** How `a` stands to `b`. */
export function relate(a: Position, b: Position, lineage: Lineage): Relation {
  const [reachA, reachB] = [reachOf(a, lineage), reachOf(b, lineage)];
  const shared = Math.max(
    ...[...reachA].map(([replid, offset]) => Math.min(offset, reachB.get(replid) ?? -Infinity)),
  );
  if (shared === -Infinity) return { kind: 'unknown' };
  const [hasMoreA, hasMoreB] = [a.offset > shared, b.offset > shared];
  if (!hasMoreA) return { kind: hasMoreB ? 'behind' : 'same' };
  return { kind: hasMoreB ? 'diverged' : 'ahead', shared };
}

/** First offset of history `from` that history `to`, which came out of it, does not share; null when it did not. */
export function leftAt(from: string, to: string, lineage: Lineage): number | null {
  const last = reachOf({ replid: to, offset: Infinity }, lineage).get(from);
  return last === undefined ? null : last + 1;
}

/** How recently a history began, as far as is known: of two that diverged the later one is in use. */
export function ageRank({ replid }: Position, lineage: Lineage): number {
  return lineage.findIndex((fork) => fork.replid === replid);
}

/** Up to which byte a data set contains each history: its own, and those that it came out of. */
function reachOf({ replid, offset }: Position, lineage: Lineage): ReadonlyMap<string, number> {
  const forks = new Map(lineage.map((fork) => [fork.replid, fork]));
  const reach = new Map<string, number>();
  let [at, last]: [string | undefined, number] = [replid, offset];
  while (at !== undefined && !reach.has(at)) {
    reach.set(at, last);
    const fork = forks.get(at);
    at = fork?.from;
    last = Math.min(last, (fork?.secondOffset ?? 0) - 1);
  }
  return reach;
}
