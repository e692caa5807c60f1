import type { NodeId } from '../topology/model.ts';
import type { Info, ListedReplica } from './parse-info.ts';
import type { Role } from './parse-role.ts';

/** What was read from the running deployment in one pass; complete even when every node is down. */
export interface Observation {
  /** Unix time in milliseconds at the start of the pass. */
  readonly atMs: number;
  readonly nodes: ReadonlyMap<NodeId, NodeObservation>;
}

/** A node either answered, or did not and the reason is known. */
export type NodeObservation = LiveNode | DeadNode;

export interface LiveNode {
  readonly kind: 'live';
  readonly id: NodeId;
  readonly process: ProcessFacts;
  /** Replication figures of a node with children are read after its children's: a child is never ahead by the order of reading. */
  readonly info: Info;
  readonly role: Role;
  /** Whom it replicates from; null for a master. */
  readonly follows: Followed | null;
  /** Who replicates from it, as it lists them. */
  readonly listed: readonly ListedNode[];
  /** `CONFIG GET *`: directive → value as the server prints it, secrets as '***' (or '' when unset). Empty when replctl may not ask. */
  readonly config: ReadonlyMap<string, string>;
  /** How its live secrets stand to the declared ones. */
  readonly secrets: SecretStates;
  /** What its parent answers to the credentials it has; null when its link is up, or nobody could be asked. */
  readonly parentSays: CredentialAnswer | null;
  /** Others that act on this deployment, seen among the node's clients. */
  readonly controllers: readonly Controller[];
  /** Round trip of the pipeline in milliseconds. */
  readonly roundTripMs: number;
}

export interface Followed {
  readonly host: string;
  readonly port: number;
  /** The declared node that address belongs to; null when it is none of ours. */
  readonly node: NodeId | null;
}

export interface ListedNode extends ListedReplica {
  /** The declared node the listed address belongs to; null when it is none of ours. */
  readonly node: NodeId | null;
}

export type SecretState = 'unset' | 'declared' | 'other' | 'unknown';

export interface SecretStates {
  readonly requirepass: SecretState;
  readonly masterauth: SecretState;
}

export interface CredentialAnswer {
  /** First word of the parent's error to AUTH or PSYNC: `NOAUTH`, `WRONGPASS`, `NOPERM`; null when all were accepted. */
  readonly errorCode: string | null;
  readonly command: string | null;
}

export interface Controller {
  readonly kind: 'sentinel' | 'cluster';
  /** Client name and address, as evidence. */
  readonly name: string;
  readonly address: string;
}

export interface DeadNode {
  readonly kind: 'dead';
  readonly id: NodeId;
  readonly process: ProcessFacts;
  readonly reason: DeadReason;
  /** What the library or the server said, for people. */
  readonly said: string;
}

export type DeadReason =
  /** Nothing listens on the port. */
  | 'refused'
  /** Connected, or tried to, and got no answer in time. */
  | 'timeout'
  /** Name not resolved, no route, connection reset. */
  | 'unreachable'
  /** It answered -NOAUTH, -WRONGPASS, -NOPERM or -DENIED to replctl itself. */
  | 'auth'
  /** Something answers there that does not speak the Redis protocol, or TLS where there is none. */
  | 'foreign'
  /** `-LOADING` even to INFO: alive, reading its data set. */
  | 'loading'
  /** `-BUSY`: a script or function runs, for longer than servers let one run unasked. */
  | 'busy'
  /** It answers, but with another error: too many clients. */
  | 'error';

/** What the host knows of the process that should be the node. */
export interface ProcessFacts {
  /** Pid, start time and command line all match what was recorded: only then may it be signalled. */
  readonly isOurs: boolean;
  /** Of the recorded process while it exists; else of whoever holds the port; null when nobody is known. */
  readonly pid: number | null;
  /** Whether a process was recorded at all, as `up` does. */
  readonly isRecorded: boolean;
  /** Pid that the pidfile names, and whether that process exists and is the recorded one. */
  readonly pidfile: { readonly pid: number; readonly isAlive: boolean; readonly isOurs: boolean } | null;
  /** Who listens on the node's port, looked up when it is not (or not known to be) the recorded process. */
  readonly portHolder: { readonly pid: number | null; readonly command: string | null } | null;
  /** The conf file's lines as they are on disk now, secrets as '***'; null when there is no file. */
  readonly conf: readonly ConfDirective[] | null;
  /** Why the host could not be asked; null when it answered. */
  readonly unknownBecause: string | null;
}

export interface ConfDirective {
  /** Lower case, as written: aliases are not resolved. */
  readonly name: string;
  readonly args: readonly string[];
}
