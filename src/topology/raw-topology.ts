import * as z from 'zod/mini';

// The language of the topology file, once: validation, the editor schema and docs/topology.md come from here.
// Each `error` completes the sentence "expected …, got <what was found>".

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ADDRESS = /^(?:(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):)?[0-9]{1,5}$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/;

const expected = (what: string) => ({ error: () => `expected ${what}` });

/** A string matching `pattern`; every failure, type or form, is told by the same sentence. */
const word = (what: string, pattern: RegExp, description: string) =>
  z.string(expected(what)).check(z.regex(pattern, expected(what)), z.describe(description));

/** Text without control characters: it ends up in file names, arguments and conf lines. */
const text = (what: string, description: string) => word(what, /^[ -~\u00a0-\uffff]+$/, description);

const port = z
  .int(expected('a port from 1 to 65535'))
  .check(
    z.gte(1, expected('a port from 1 to 65535')),
    z.lte(65_535, expected('a port from 1 to 65535')),
    z.describe('TCP port'),
  );

const address = word(
  'a port, host:port or a map',
  ADDRESS,
  'A port on the default host, or host:port ([address]:port for IPv6)',
);

const host = word('a host name or address, without a port', HOST, 'Host name or address');

const secret = z
  .union(
    [
      z.strictObject({
        env: word(
          'the name of an environment variable',
          /^[A-Za-z_][A-Za-z0-9_]*$/,
          'Environment variable that holds the secret',
        ),
      }),
      z.strictObject({
        file: text(
          'a path',
          'File that holds the secret (mode 0600; a trailing newline is cut); relative to this file',
        ),
      }),
    ],
    expected('{env: VARIABLE} or {file: PATH}: secrets are never written into the topology file'),
  )
  .check(
    z.meta({
      id: 'secret',
      description: 'Where a secret is read from; the value itself never stands in this file',
    }),
  );

const engineKind = z
  .enum(['bundled', 'redis', 'valkey'], expected('bundled, redis or valkey'))
  .check(z.describe('bundled: the server that comes with replctl. redis, valkey: the one installed.'));

const engine = z
  .union(
    [
      engineKind,
      z.strictObject({
        kind: engineKind,
        command: z.optional(
          text('the path or name of a server binary', 'Server binary; the usual one from PATH by default'),
        ),
      }),
    ],
    expected('bundled, redis, valkey or {kind, command}'),
  )
  .check(z.meta({ id: 'engine', description: 'The server that runs the node (default: bundled)' }));

const tls = z
  .strictObject(
    {
      cert: text('a path', 'Certificate, PEM (tls-cert-file)'),
      key: text('a path', 'Private key, PEM (tls-key-file)'),
      ca: text('a path', 'CA certificate, PEM (tls-ca-cert-file)'),
      'auth-clients': z.optional(
        z
          .boolean(expected('true or false'))
          .check(z.describe('Require client certificates (tls-auth-clients; default true)')),
      ),
    },
    expected('a map {cert, key, ca}'),
  )
  .check(z.meta({ id: 'tls', description: 'TLS for clients and replication; the plain port is closed' }));

const ssh = z
  .union(
    [
      z.literal(true),
      text('user@host', 'ssh destination: host or user@host'),
      z.strictObject({
        host: z.optional(host),
        user: z.optional(word('a user name', /^[A-Za-z_][A-Za-z0-9._-]*\$?$/, 'Remote user')),
        port: z.optional(port),
        identity: z.optional(text('a path', 'Private key file (ssh -i)')),
      }),
    ],
    expected('true, user@host or a map {host, user, port, identity}'),
  )
  .check(
    z.meta({
      id: 'ssh',
      description: "The node's machine is reached over ssh; true: the node's own host, as ssh_config has it",
    }),
  );

const scalar = z.union(
  [z.string(), z.number(), z.boolean()],
  expected('a value (quote it, or use "" for the empty one)'),
);

const directiveValue = z
  .union(
    [
      scalar,
      z
        .array(z.union([scalar, z.array(scalar)], expected('a value')))
        .check(z.minLength(1, expected('at least one value'))),
    ],
    expected('a value, or a list of values'),
  )
  .check(z.meta({ id: 'value' }));

const config = z.record(z.string(), directiveValue, expected('a map of redis.conf directives')).check(
  z.meta({
    id: 'config',
    description:
      'Directives of redis.conf, by name. A repeatable one (save, client-output-buffer-limit, …) takes a list.',
  }),
);

const off = z.literal(false);

/** What `defaults` may set for every node, and a node for itself; `false` switches a default off. */
const shared = {
  host: z.optional(host),
  engine: z.optional(engine),
  bind: z.optional(
    z
      .union(
        [
          text('an address to listen on', 'Address to listen on'),
          z
            .array(text('an address to listen on', 'Address to listen on'))
            .check(z.minLength(1, expected('at least one address'))),
        ],
        expected('an address, or a list of addresses'),
      )
      .check(
        z.describe('Addresses to listen on (default: loopback for a node on this machine, else every one)'),
      ),
  ),
  password: z.optional(
    z.union(
      [off, secret],
      expected('{env: VARIABLE} or {file: PATH}: secrets are never written into the topology file'),
    ),
  ),
  user: z.optional(
    z.union(
      [
        off,
        word(
          'an ACL user name',
          /^[!-~\u00a1-\uffff]+$/,
          'ACL user that replicas and replctl log in as; aclfile defines it',
        ),
      ],
      expected('an ACL user name'),
    ),
  ),
  aclfile: z.optional(z.union([off, text('a path', 'File of ACL users (aclfile)')], expected('a path'))),
  tls: z.optional(z.union([off, tls], expected('a map {cert, key, ca}'))),
  templates: z.optional(
    z.union([off, text('a path', 'Folder of EJS files that win over the built-in ones')], expected('a path')),
  ),
  ssh: z.optional(z.union([off, ssh], expected('true, user@host or a map {host, user, port, identity}'))),
  config: z.optional(config),
};

const announce = z
  .union(
    [
      port,
      word(
        'host:port, a host, a port or a map',
        /^(?:[^\s:]+|\[[0-9A-Fa-f:.%]+\]|[0-9A-Fa-f:]+)(?::[0-9]{1,5})?$/,
        'host:port',
      ),
      z.strictObject({ host: z.optional(host), port: z.optional(port) }),
    ],
    expected('host:port, a host, a port or a map'),
  )
  .check(z.describe('Address that others reach the node under, when it is not its own (NAT, containers)'));

const own = {
  name: z.optional(
    word(
      'a name of letters, digits, ".", "_" and "-"',
      NAME,
      'Name of the node in commands and output (default: its port, or host-port)',
    ),
  ),
  port: z.optional(port),
  announce: z.optional(announce),
  dir: z.optional(
    text('a path', 'Data directory (default: .replctl/<topology>/nodes/<node> beside this file)'),
  ),
};

const masterMap = z
  .strictObject({ ...own, ...shared }, expected('a port, host:port or a map'))
  .check(z.describe('A node, in full'));

export type RawMaster = z.infer<typeof masterMap>;
export type RawNode = RawMaster & { replicas?: (number | string | RawNode)[] | undefined };

// The getter must not be touched before `replicaList` exists, which `.check()` would do.
const nodeMap = z.strictObject(
  {
    ...own,
    ...shared,
    get replicas(): z.ZodMiniOptional<z.ZodMiniArray<z.ZodMiniType<number | string | RawNode>>> {
      return z.optional(replicaList);
    },
  },
  expected('a port, host:port or a map'),
);

z.globalRegistry.add(nodeMap, { id: 'node', description: 'A node, in full' });

const anyNode = z.union([port, address, nodeMap], expected('a port, host:port or a map'));

const replicaList = z
  .array(anyNode, expected('a list of nodes'))
  .check(z.describe('The nodes that replicate from this one'));

/** The file as written, after YAML and before any meaning. */
export const topologySchema = z
  .strictObject(
    {
      name: z.optional(
        word(
          'a name of letters, digits, ".", "_" and "-"',
          NAME,
          'Name of the deployment; its state lives in .replctl/<name> (default: the folder)',
        ),
      ),
      engine: z.optional(engine),
      defaults: z.optional(
        z
          .strictObject(shared, expected('a map'))
          .check(z.describe('What every node gets unless it says otherwise')),
      ),
      master: z
        .union([port, address, masterMap], expected('one node: a port, host:port or a map'))
        .check(z.describe('The one node that takes writes')),
      replicas: z.optional(replicaList),
    },
    expected('a map with "master"'),
  )
  .check(z.describe('A replctl topology: one master and its tree of replicas'));

/** Known keys by place, for "did you mean". */
export const KEYS = {
  top: Object.keys(topologySchema.shape),
  defaults: Object.keys(shared),
  master: Object.keys(masterMap.shape),
  node: Object.keys(nodeMap.shape),
  password: ['env', 'file'],
  engine: ['kind', 'command'],
  announce: ['host', 'port'],
  tls: Object.keys(tls.shape),
  ssh: ['host', 'user', 'port', 'identity'],
} as const;

export type RawTopology = z.infer<typeof topologySchema>;
export type RawConfig = z.infer<typeof config>;
