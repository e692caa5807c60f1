/**
 * The declared replication tree, validated and frozen. `load-topology.ts` makes it from a file; everything behind it
 * (render, plan, compare) takes it as given and checks nothing again.
 */
export interface Topology {
  readonly name: string;
  /** Absolute path of the YAML file; null for the built-in default topology. */
  readonly file: string | null;
  /** Absolute path of `.replctl/<name>`, beside the file. */
  readonly stateDir: string;
  /** Every node, parents before children, siblings in declared order; the first is the master. */
  readonly nodes: readonly NodeSpec[];
  /** What is allowed but probably not meant; shown by `validate` and once by commands that change something. */
  readonly warnings: readonly TopologyProblem[];
}

/** Something wrong, or doubtful, at one place of the file. */
export interface TopologyProblem {
  /** 1-based; null when the problem has no place in a file (a missing file, a missing secret). */
  readonly line: number | null;
  readonly column: number | null;
  /** `replicas[0].port`; empty for the file as a whole. */
  readonly path: string;
  /** What was expected, and what was found. Never a secret. */
  readonly message: string;
  readonly hint: string | null;
}

/** `name` when one is given; else the port on this machine, `<host>-<port>` elsewhere. Unique and a safe file name. */
export type NodeId = string;

export interface NodeSpec {
  readonly id: NodeId;
  /** Where the process lives: `127.0.0.1` unless declared. A name or an address, never with a port. */
  readonly host: string;
  readonly port: number;
  /** The node this one replicates from; null for the master. */
  readonly parent: NodeId | null;
  readonly engine: EngineSpec;
  /** Absolute data directory; null means `<stateDir>/nodes/<id>`. */
  readonly dir: string | null;
  /** Addresses to listen on; empty means the default (loopback for a local node, every interface else). */
  readonly bind: readonly string[];
  /** What the node tells its master to list it under (`replica-announce-ip`, `replica-announce-port`). */
  readonly announce: { readonly host: string | null; readonly port: number | null } | null;
  readonly auth: AuthSpec;
  readonly tls: TlsSpec | null;
  /** Absolute folder whose EJS files win over the built-in templates. */
  readonly templatesDir: string | null;
  /** Directives that replctl does not derive itself, lower-case canonical name → one argument list per occurrence. */
  readonly config: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Set when the node is reached over ssh. */
  readonly ssh: SshSpec | null;
}

export type EngineKind = 'bundled' | 'redis' | 'valkey';

export interface EngineSpec {
  readonly kind: EngineKind;
  /** Path or name of the server binary; null means the kind's usual one from PATH. */
  readonly command: string | null;
}

/** Where a secret is read from at the moment it is needed. The value never enters the model. */
export type SecretRef =
  { readonly kind: 'env'; readonly variable: string } | { readonly kind: 'file'; readonly path: string };

export interface AuthSpec {
  /** `requirepass` and `masterauth` of every node, the master included: it may become a replica. */
  readonly password: SecretRef | null;
  /** ACL user replicas and replctl authenticate as; null is the default user. */
  readonly user: string | null;
  readonly aclFile: string | null;
}

export interface TlsSpec {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Require client certificates, as `tls-auth-clients`. */
  readonly authClients: boolean;
}

export interface SshSpec {
  readonly destination: string;
  readonly port: number | null;
  readonly identityFile: string | null;
}
