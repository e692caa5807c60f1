import type { NodeId } from '../topology/model.ts';
import type { Info } from './parse-info.ts';
import type { Role } from './parse-role.ts';

/** What was read from the running deployment in one pass. Children are read before their parents, so that a child is never ahead of the parent's figure by the order of reading. */
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
  readonly info: Info;
  readonly role: Role;
  /** `CONFIG GET *`: directive → value as the server prints it, secrets replaced by '***' (or '' when empty). */
  readonly config: ReadonlyMap<string, string>;
  /** Round trip of the pipeline in milliseconds. */
  readonly roundTripMs: number;
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
  /** It answered -NOAUTH, -WRONGPASS or -NOPERM to replctl itself. */
  | 'auth'
  /** Something answers there that does not speak the Redis protocol. */
  | 'foreign'
  /** `-LOADING`: alive, reading its data set. */
  | 'loading';

/** What the host knows of the process that should be the node. */
export interface ProcessFacts {
  /** Pid, start time and command line all match what was recorded: only then may it be signalled. */
  readonly isOurs: boolean;
  readonly pid: number | null;
  /** Pid that the pidfile names, and whether that process exists. */
  readonly pidfile: { readonly pid: number; readonly isAlive: boolean } | null;
  /** The conf file as it is on disk now; null when there is none. */
  readonly confText: string | null;
}
