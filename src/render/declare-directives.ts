import { isIP } from 'node:net';
import { linkAddress } from '../topology/link-address.ts';
import type { NodeSpec, Topology } from '../topology/model.ts';
import { nodeFiles, type NodeFiles } from '../topology/node-files.ts';
import type { Secrets } from '../topology/secrets.ts';
import { isLoopback } from '../topology/split-address.ts';

/** Canonical directive name → one argument list per line of the conf. */
export type Directives = ReadonlyMap<string, readonly (readonly string[])[]>;

export interface DeclareOptions {
  readonly secrets: Secrets;
  /** Where the node's files are, when not in the usual place. */
  readonly files?: NodeFiles;
}

/**
 * Everything a node is to be told, as directives: what replctl derives from the tree, its own defaults, and the
 * node's `config` over them. This is what the conf is rendered from and what live nodes are compared with.
 *
 * With `MASKED_SECRETS` every password is `***`, as in an observed CONFIG GET.
 */
export function declareDirectives(topology: Topology, node: NodeSpec, options: DeclareOptions): Directives {
  const files = options.files ?? nodeFiles(topology, node);
  return new Map([
    ...DEFAULTS,
    ...node.config,
    ...derive(topology, node, files, options.secrets).map(
      ([name, ...args]) => [name, [args.map(String)]] as const,
    ),
  ]);
}

/** Ours, where the engines' own defaults differ from each other or serve a managed tree badly. */
const DEFAULTS: Directives = new Map([
  ['protected-mode', [['yes']]],
  [
    'save',
    [
      ['3600', '1'],
      ['300', '100'],
      ['60', '10000'],
    ],
  ],
  ['dbfilename', [['dump.rdb']]],
  ['appendonly', [['no']]],
  ['appendfilename', [['appendonly.aof']]],
  ['replica-read-only', [['yes']]],
  ['repl-ping-replica-period', [['10']]],
  ['repl-backlog-size', [['1mb']]],
  ['repl-diskless-sync', [['yes']]],
  ['repl-diskless-sync-delay', [['0']]],
]);

type Derived = readonly [name: string, ...args: (string | number)[]];

function derive(topology: Topology, node: NodeSpec, files: NodeFiles, secrets: Secrets): Derived[] {
  const { auth, tls, announce } = node;
  const parent = topology.nodes.find(({ id }) => id === node.parent);
  const upstream = parent ?? node;
  const password = secrets.passwordOf(node);
  const masterPassword = secrets.passwordOf(upstream);
  const derived: (Derived | false)[] = [
    ['port', tls === null ? node.port : 0],
    ['bind', ...bindAddresses(node)],
    ['daemonize', 'no'],
    ['dir', files.dataDir],
    ['pidfile', files.pidFile],
    ['logfile', files.logFile],
    // With an ACL file the engine ignores requirepass: the file says who may log in.
    password !== null && auth.aclFile === null && ['requirepass', password],
    auth.aclFile !== null && ['aclfile', auth.aclFile],
    // The master has it too: it may become a replica.
    masterPassword !== null && ['masterauth', masterPassword],
    upstream.auth.user !== null && ['masteruser', upstream.auth.user],
    parent !== undefined && ['replicaof', linkAddress(parent).host, linkAddress(parent).port],
    announce?.host !== null && announce?.host !== undefined && ['replica-announce-ip', announce.host],
    announce?.port !== null && announce?.port !== undefined && ['replica-announce-port', announce.port],
  ];
  if (tls !== null)
    derived.push(
      ['tls-port', node.port],
      ['tls-cert-file', tls.certFile],
      ['tls-key-file', tls.keyFile],
      ['tls-ca-cert-file', tls.caFile],
      ['tls-auth-clients', tls.authClients ? 'yes' : 'no'],
    );
  // Also where only the parent speaks TLS: it is this node that connects.
  if (tls !== null || upstream.tls !== null)
    derived.push(['tls-replication', upstream.tls === null ? 'no' : 'yes']);
  return derived.filter((entry) => entry !== false);
}

/** A node on this machine listens on its own loopback address only; any other one on every interface. */
function bindAddresses({ bind, host, ssh }: NodeSpec): readonly string[] {
  if (bind.length > 0) return bind;
  if (isLoopback(host) && ssh === null) return [isIP(host) === 0 ? '127.0.0.1' : host];
  return isIP(host) === 6 ? ['::'] : ['0.0.0.0'];
}
