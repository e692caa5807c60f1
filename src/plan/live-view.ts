import type { NodeId } from '../topology/model.ts';
import type { Lineage } from './lineage.ts';

/**
 * What the planners need to know of the running deployment: an observation reduced to the facts that decide. Also
 * what a simulated world hands to them.
 */
export interface LiveView {
  readonly nodes: ReadonlyMap<NodeId, NodeView>;
  /** Which replication histories came out of which: what is on record, and what the running nodes report. */
  readonly lineage: Lineage;
}

export type NodeView = LiveNodeView | DownNodeView;

export interface LiveNodeView {
  readonly kind: 'live';
  readonly role: 'master' | 'replica';
  /** The node it follows; null for a master, and for a replica of a server that is no known node. */
  readonly parent: NodeId | null;
  /** Whom it follows, as the server says: `host:port`; null for a master. */
  readonly parentAddress: string | null;
  readonly isLinkUp: boolean;
  readonly isLoading: boolean;
  readonly history: History;
  readonly keys: number;
  /** Whether clients may have written on it since it started, when it is a master. */
  readonly hasOwnWrites: boolean;
  /** `replica-priority`; 0 is never promoted. */
  readonly priority: number;
  /** `repl-ping-replica-period` in seconds and `min-replicas-to-write`, which a fence changes and puts back. */
  readonly pingPeriodS: number;
  readonly minReplicas: number;
  /** major, minor, patch; of the Redis whose behaviour it has. */
  readonly version: readonly [number, number, number];
  /** The process is the one replctl started: it may be stopped and restarted. */
  readonly isOurs: boolean;
  readonly holder: Holder;
  /** Identifies the run of the server process. */
  readonly runId: string;
}

/** The process on a node's port, as far as its host tells. */
export interface Holder {
  readonly pid: number | null;
  readonly command: string | null;
}

/** Where a node stands in the replication history (INFO replication). */
export interface History {
  readonly replid: string;
  readonly replid2: string;
  /** First offset that is not shared with `replid2`; -1 when there is none. */
  readonly secondOffset: number;
  /** Last byte applied. */
  readonly offset: number;
  /** Null when no backlog exists. */
  readonly backlog: { readonly firstByte: number; readonly length: number; readonly size: number } | null;
}

export interface DownNodeView {
  readonly kind: 'down';
  /** `free`: nothing there, it can be started. `squatted`: something else has the port. `silent`: it may be alive. */
  readonly port: 'free' | 'squatted' | 'silent';
  readonly said: string;
  /** The process that replctl started exists, though it does not answer: it may be ended. */
  readonly isOurs: boolean;
  /** A script keeps it from answering. */
  readonly isBusy: boolean;
  /** Who has its port; null when nobody is known to. */
  readonly holder: Holder | null;
  /** It was stopped by replctl and saved all that it had. */
  readonly hasSavedAll: boolean;
  /** What its files hold: nothing, a data set of known place in history, or one of unknown place. */
  readonly data: DataAtRest;
}

export type DataAtRest =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly isAppendOnly: boolean }
  | { readonly kind: 'known'; readonly replid: string; readonly offset: number };

/** The tree as it is live: only nodes that answer; a node following a stranger counts as a root. */
export function liveTreeOf(view: LiveView): ReadonlyMap<NodeId, NodeId | null> {
  return new Map(
    [...view.nodes].flatMap(([id, node]) => (node.kind === 'live' ? [[id, node.parent] as const] : [])),
  );
}

export function liveNodeOf(view: LiveView, id: NodeId): LiveNodeView | null {
  const node = view.nodes.get(id);
  return node?.kind === 'live' ? node : null;
}

/** Its process is provably ours and lives, but gives no answer: stopped, or too busy. */
export function isHung(node: NodeView | undefined): node is DownNodeView {
  return node?.kind === 'down' && node.isOurs;
}

export function describeHolder({ pid, command }: Holder): string {
  return `pid ${pid ?? 'unknown'} (${command ?? 'unknown command'})`;
}
