import type { Host, ProcessIdentity } from '../hosts/host.ts';
import type { NodeId, NodeSpec, Topology } from '../topology/model.ts';

/** How the nodes of a deployment are reached, with what, and what is remembered of their processes. */
export interface Access {
  readonly topology: Topology;
  readonly hostOf: (node: NodeSpec) => Host;
  readonly passwordOf: (node: NodeSpec) => string | null;
  /** Absolute paths on the node's host. */
  readonly filesOf: (node: NodeSpec) => { readonly confFile: string; readonly pidFile: string };
  /** The process the node was started as; null when replctl did not start it. */
  readonly recordedOf: (node: NodeId) => ProcessIdentity | null;
}
