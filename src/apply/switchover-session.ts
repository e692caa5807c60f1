import type { Client } from '../observe/client.ts';
import type { StatsInfo } from '../observe/parse-info.ts';
import type { NodeId } from '../topology/model.ts';

/**
 * How far a switchover is. In this order; each state names what undoing it takes.
 * `prepared`: ping period raised · `fenced`: writes held · `demoted`: no master · `committed`: forward only.
 */
export type SwitchoverPhase = 'prepared' | 'fenced' | 'demoted' | 'committed' | 'ended';

/** Two open connections and what was measured on them. */
export interface SwitchoverSession {
  phase: SwitchoverPhase;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly master: Client;
  readonly target: Client;
  /** The shared history before the promotion. */
  readonly replid: string;
  readonly before: { readonly pingPeriodS: number; readonly minReplicas: number };
  /** Counters before. */
  readonly statsBefore: { readonly master: StatsInfo; readonly target: StatsInfo };
  /** Nodes whose conf file only they themselves can write, by CONFIG REWRITE, which holds up whoever waits for them. */
  readonly rewriting: ReadonlySet<NodeId>;
  /** False before Redis 6.2, whose EXEC writes into the stream what should only be read. */
  readonly hasTransactions: boolean;
  /** Puts the old master's conf file back, which says ahead of time that it is a replica; null when it does not. */
  restoreConf: (() => Promise<void>) | null;
  fencedAtMs: number;
  leaseEndsMs: number;
  /** O*: where the old master's stream stood when it could take no more writes. */
  fenceOffset: number;
  /** From the fence to the promotion: the longest a client's write can have waited. */
  writeGapMs: number | null;
  secondOffset: number | null;
}
