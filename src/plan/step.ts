import type { NodeId, SecretRef } from '../topology/model.ts';

/**
 * One thing an operation does. Data only: a step can be printed, written to a plan file or a journal and read back.
 * Secrets appear by reference. What a step changes, checks and how it is undone is told by `describe-step.ts`.
 */
export type Step =
  | RenderConf
  | StartNode
  | StopNode
  | RestartNode
  | RemoveNodeFiles
  | ConfigSet
  | Rehang
  | WaitReady
  | RaisePingPeriod
  | Fence
  | CatchUp
  | Demote
  | Promote
  | VerifyLink
  | Unfence
  | ProveDead
  | FenceDead
  | PromoteForced
  | Canary
  | SaveDeclaration;

export type StepKind = Step['kind'];

/** What an edge is expected to cost when it is (re)made. */
export interface ResyncForecast {
  readonly verdict: 'PARTIAL' | 'FULL';
  /** Bytes sent: of stream when partial, of data set (estimated) when full; null when it cannot be known. */
  readonly bytes: number | null;
  readonly reason: string;
}

/** Writes the redis.conf of a node. Use: before a start, and to make the file equal to what is live. */
export interface RenderConf {
  readonly kind: 'render-conf';
  readonly node: NodeId;
  /** Whom it follows when started from this file; on the way to another tree not yet the declared one. */
  readonly parent: NodeId | null;
}

/** Starts a node that is not running and waits until it answers. */
export interface StartNode {
  readonly kind: 'start-node';
  readonly node: NodeId;
  readonly parent: NodeId | null;
  readonly resync: ResyncForecast | null;
}

export interface StopNode {
  readonly kind: 'stop-node';
  readonly node: NodeId;
  /** Write the data set first; a master's RDB then carries replid and offset (Redis 7.0: partial resync after). */
  readonly save: boolean;
  /** It does not answer: woken, and killed in the end. What it had not saved is lost. */
  readonly isHung?: true;
}

/** Stop with a save, render, start, and wait until it is ready again. */
export interface RestartNode {
  readonly kind: 'restart-node';
  readonly node: NodeId;
  readonly parent: NodeId | null;
  readonly reason: string;
  readonly resync: ResyncForecast | null;
}

/** Use: only after an explicit wipe. Deletes the node's folder below the state folder and nothing else. */
export interface RemoveNodeFiles {
  readonly kind: 'remove-node-files';
  readonly node: NodeId;
}

export type ConfigValue = { readonly args: readonly string[] } | { readonly secret: SecretRef };

/** CONFIG SET of one or more directives, then CONFIG REWRITE. */
export interface ConfigSet {
  readonly kind: 'config-set';
  readonly node: NodeId;
  readonly directives: readonly { readonly name: string; readonly value: ConfigValue }[];
}

/**
 * REPLICAOF and CONFIG REWRITE in one transaction.
 *
 * `freeze`: the new parent is not an ancestor, so it may be behind. The node is first cut off its present parent, its
 * offset stands still, the new parent is awaited at that offset, and only then the node is hung under it. A child
 * that asks for bytes its parent has not got yet would be given a full copy.
 */
export interface Rehang {
  readonly kind: 'rehang';
  readonly node: NodeId;
  readonly from: NodeId | null;
  readonly to: NodeId;
  readonly how: 'direct' | 'freeze';
  readonly resync: ResyncForecast | null;
}

/** Link up, the root's replid, past the root's offset at the start of the wait, not loading; on two polls. */
export interface WaitReady {
  readonly kind: 'wait-ready';
  readonly root: NodeId;
  readonly nodes: readonly NodeId[];
}

/**
 * Raises `repl-ping-replica-period`: CLIENT PAUSE does not hold the master's own PINGs, and one sent after the
 * promotion would push the old master past the fork, and every node into a full resync.
 */
export interface RaisePingPeriod {
  readonly kind: 'raise-ping-period';
  readonly node: NodeId;
  readonly seconds: number;
}

/** Holds back writes on the master and reads the offset at which it stands (O*). */
export interface Fence {
  readonly kind: 'fence';
  readonly node: NodeId;
  /** `pause`: CLIENT PAUSE WRITE, ends by itself. `min-replicas`: 6.0 has no such pause; undone by journal. */
  readonly how: 'pause' | 'min-replicas';
  readonly leaseMs: number;
}

/** The target has every byte up to O*. */
export interface CatchUp {
  readonly kind: 'catch-up';
  readonly node: NodeId;
  readonly master: NodeId;
  readonly budgetMs: number;
}

/** The old master becomes a replica of the target, before the target is made writable. */
export interface Demote {
  readonly kind: 'demote';
  readonly node: NodeId;
  readonly to: NodeId;
}

/** The commit point: the target becomes master. Proof: `second_repl_offset` = O* + 1. */
export interface Promote {
  readonly kind: 'promote';
  readonly node: NodeId;
  readonly from: NodeId;
}

export interface VerifyLink {
  readonly kind: 'verify-link';
  readonly node: NodeId;
  readonly parent: NodeId;
  readonly resync: ResyncForecast | null;
}

/** Ends the fence and restores what was changed for it. */
export interface Unfence {
  readonly kind: 'unfence';
  readonly node: NodeId;
  readonly pingPeriodS: number;
  readonly minReplicas: number;
}

/** Three failed connects, every reachable direct replica's link down, and no process where the host can be asked. */
export interface ProveDead {
  readonly kind: 'prove-dead';
  readonly node: NodeId;
  readonly witnesses: readonly NodeId[];
}

/** Makes sure the dead master cannot come back writable. */
export interface FenceDead {
  readonly kind: 'fence-dead';
  readonly node: NodeId;
  readonly to: NodeId;
  /** `conf`: its conf file is made to follow the new master. `accepted`: the user accepted the risk of split brain. */
  readonly how: 'conf' | 'accepted';
}

/** Commit point of a forced promotion. */
export interface PromoteForced {
  readonly kind: 'promote-forced';
  readonly node: NodeId;
  readonly from: NodeId;
}

/** Writes a key on the master, reads it on every leaf, deletes it. */
export interface Canary {
  readonly kind: 'canary';
  readonly master: NodeId;
  readonly leaves: readonly NodeId[];
}

/** Writes the edited topology file and the state. */
export interface SaveDeclaration {
  readonly kind: 'save-declaration';
}
