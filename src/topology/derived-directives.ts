/** Directives that replctl writes itself, and what to say to those who set them under `config`. */
export const DERIVED_DIRECTIVES: ReadonlyMap<string, string> = new Map([
  ['port', `it is the node's "port"`],
  ['tls-port', `with "tls" the node's "port" is its TLS port`],
  ['bind', `use the node's "bind"`],
  ['dir', `use the node's "dir"`],
  ['daemonize', 'replctl starts the processes itself and decides how they detach'],
  ['supervised', 'replctl starts the processes itself and decides how they detach'],
  ['pidfile', 'replctl finds its processes by it; it stands in the node folder'],
  ['logfile', 'replctl reads it when a node fails to start; see `replctl logs`'],
  ['requirepass', 'use "password", with {env: …} or {file: …}'],
  ['masterauth', 'use "password", with {env: …} or {file: …}: it serves both directions'],
  ['masteruser', 'use "user"'],
  ['user', 'put ACL users into a file of their own and name it under "aclfile"'],
  ['aclfile', 'use "aclfile"'],
  ['replicaof', 'it follows from where the node stands in the tree'],
  ['replica-announce-ip', 'use "announce"'],
  ['replica-announce-port', 'use "announce"'],
  ['tls-cert-file', 'use "tls": {cert, key, ca}'],
  ['tls-key-file', 'use "tls": {cert, key, ca}'],
  ['tls-ca-cert-file', 'use "tls": {cert, key, ca}'],
  ['tls-auth-clients', 'use "tls": {auth-clients}'],
  ['tls-replication', 'it follows from "tls"'],
  ['tls-key-file-pass', 'a secret must not stand in this file: use a key without a passphrase, mode 0600'],
  [
    'tls-client-key-file-pass',
    'a secret must not stand in this file: use a key without a passphrase, mode 0600',
  ],
  ['include', 'every node has one flat conf: with an include, CONFIG REWRITE breaks'],
  ['cluster-enabled', 'replctl runs one master and its replicas, not a cluster'],
]);

/** Commands that replctl or the replication link speaks; renamed away, nothing would work any more. */
export const NEEDED_COMMANDS: ReadonlySet<string> = new Set(
  'acl auth client config dbsize debug exec failover hello info multi ping psync replconf replicaof role scan select shutdown slaveof sync wait'.split(
    ' ',
  ),
);
