import type { NodeId } from '../topology/model.ts';

/** `error`: it does not work, or data is at risk now. `warning`: it will not survive the next event. `info`: good to know. */
export type Severity = 'error' | 'warning' | 'info';

/**
 * One named difference between what is declared and what is live. A finding is a result, not an error: it carries the
 * evidence it was concluded from and the command that mends it.
 */
export interface Finding {
  /** PascalCase, stable, documented in docs/findings.md. */
  readonly code: FindingCode;
  readonly severity: Severity;
  /** The node it is about; null when it is about the tree as a whole. */
  readonly node: NodeId | null;
  /** One line: what is wrong, measured against what is declared or allowed. */
  readonly message: string;
  /** Field → what was read, so that a person can check the conclusion. Never a secret. */
  readonly evidence: Readonly<Record<string, string | number | boolean | null>>;
  /** A command line that repairs it, or null when only a person can decide. */
  readonly mend: string | null;
}

/** In order of rank: of two findings of one severity the one nearer to the cause comes first. */
export const FINDING_CODES = [
  'EmptyMaster',
  'UnfinishedOperation',
  'SplitBrain',
  'StuckFailover',
  'ReplicationRing',
  'PortSquatter',
  'AccessDenied',
  'Unresponsive',
  'NodeDown',
  'NoMaster',
  'WrongRole',
  'VersionMismatch',
  'AuthBroken',
  'ResyncLoop',
  'LinkDown',
  'WrongParent',
  'ForeignHistory',
  'ChildAhead',
  'StaleSubtree',
  'Unwritable',
  'SaveFailing',
  'HostUnreachable',
  'ForeignController',
  'UnknownReplica',
  'AnnounceMismatch',
  'PasswordDrift',
  'ErrantWritesPossible',
  'RestartWillDiverge',
  'NotApplied',
  'RestartNeeded',
  'ConfigDrift',
  'ConfFileEdited',
  'SlowApply',
  'AckStalled',
  'LagHigh',
  'ResyncRisk',
  'MemoryPressure',
  'Loading',
  'Syncing',
  'UnmanagedProcess',
  'StalePidfile',
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];
