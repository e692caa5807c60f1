import type { NodeId } from '../topology/model.ts';
import type { Holder } from './live-view.ts';

export type RefusalCode =
  /** Something else has a node's port. */
  | 'PortHeld'
  /** A node may be alive, but does not answer: it can neither be started nor trusted to be gone. */
  | 'Unreachable'
  /** Starting would make an empty node the master of nodes that hold data. */
  | 'EmptyMaster'
  /** The live master is not the one last applied: somebody promoted another node. */
  | 'RolesChangedElsewhere'
  /** A second master has writes of its own, which hanging it under the first would throw away. */
  | 'Diverged'
  /** A stopped node's files reach further, in a history that is not known to be the one that would be started. */
  | 'HistoryUnknown'
  /** A node follows a server that is not in the file. */
  | 'ForeignMaster'
  /** Nodes would be removed; that needs --yes. */
  | 'NeedsConsent'
  /** The process is not the one replctl started. */
  | 'NotOurs'
  /** No node can take the master's role. */
  | 'NoCandidate'
  | PreflightCode;

export type PreflightCode =
  | 'NotOneRoot'
  | 'ReplidDiffers'
  | 'TargetLinkDown'
  | 'TargetLoading'
  | 'TargetSyncing'
  | 'TargetLagHigh'
  | 'BacklogShort'
  | 'TargetNeverPromoted'
  | 'TargetOlder'
  | 'TargetPersistsLess'
  | 'TargetMemoryLess'
  | 'MasterauthMissing'
  | 'AddressNotValid'
  | 'ForeignControllerActive'
  | 'ConfNotWritable'
  | 'FailoverRunning'
  | 'AlreadyPaused'
  | 'ScriptRunning'
  | 'MasterNotDead';

/** Why an operation is not begun. Nothing was changed. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly node: NodeId | null;
  readonly message: string;
  readonly measured?: string | number | boolean;
  readonly allowed?: string | number | boolean;
  /** The process on the node's port, where that is the reason. */
  readonly holder?: Holder | null;
  /** The command or edit to try next. */
  readonly hint: string | null;
}

/** A reason of the pre-flight: what was measured against what is allowed. */
export function doubt(
  code: PreflightCode,
  node: NodeId,
  message: string,
  measured?: string | number,
  allowed?: string | number,
): Refusal {
  return {
    code,
    node,
    message,
    ...(measured === undefined ? {} : { measured }),
    ...(allowed === undefined ? {} : { allowed }),
    hint: 'replctl status',
  };
}
