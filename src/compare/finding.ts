import type { NodeId } from '../topology/model.ts';

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

export const FINDING_CODES = [
  'NodeDown',
  'LinkDown',
  'WrongRole',
  'WrongParent',
  'RestartWillDiverge',
  'ForeignHistory',
  'AnnounceMismatch',
  'SplitBrain',
  'NoMaster',
  'ReplicationRing',
  'StuckFailover',
  'AuthBroken',
  'ResyncLoop',
  'SlowApply',
  'AckStalled',
  'LagHigh',
  'ChildAhead',
  'EmptyMaster',
  'ErrantWritesPossible',
  'StaleSubtree',
  'ResyncRisk',
  'UnfinishedOperation',
  'ForeignController',
  'PortSquatter',
  'StalePidfile',
  'ConfigDrift',
  'ConfFileEdited',
  'UnknownReplica',
  'VersionMismatch',
  'Loading',
  'Syncing',
  'Unwritable',
  'SaveFailing',
  'MemoryPressure',
  'RestartNeeded',
  'NotApplied',
] as const;

export type FindingCode = (typeof FINDING_CODES)[number];
