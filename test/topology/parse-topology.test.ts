import { describe, expect, it } from 'vitest';
import { parseTopology } from '../../src/topology/parse-topology.ts';
import type { Topology } from '../../src/topology/model.ts';

const FILE = '/srv/demo/topology.yaml';

function load(text: string): Topology {
  const { topology, problems } = parseTopology(text, { file: FILE });
  expect(problems).toEqual([]);
  if (topology === null) throw new Error('no topology');
  return topology;
}

function complain(text: string): string[] {
  const { topology, problems } = parseTopology(text, { file: FILE, isReadableFolder: () => false });
  expect(topology).toBeNull();
  return problems.map(
    ({ line, column, path, message, hint }) =>
      `${String(line)}:${String(column)} ${path}: ${message}${hint === null ? '' : ` (${hint})`}`,
  );
}

const tree = (topology: Topology) => topology.nodes.map(({ id, parent }) => [id, parent]);

describe('parseTopology', () => {
  it('reads the terse form, the full form and chains', () => {
    const topology = load(`
name: demo
defaults:
  password: {env: REPLCTL_PASSWORD}
  config: {appendonly: no, repl-backlog-size: 16mb}
master: 6379
replicas:
  - 6380
  - port: 6381
    name: reports
    config: {replica-priority: 50, appendonly: true}
    replicas: [6382, "10.0.0.7:6379"]
`);
    expect(topology.stateDir).toBe('/srv/demo/.replctl/demo');
    expect(tree(topology)).toEqual([
      ['6379', null],
      ['6380', '6379'],
      ['reports', '6379'],
      ['6382', 'reports'],
      ['10.0.0.7-6379', 'reports'],
    ]);
    const reports = topology.nodes[2];
    expect(reports?.auth.password).toEqual({ kind: 'env', variable: 'REPLCTL_PASSWORD' });
    expect([...(reports?.config ?? [])]).toEqual([
      ['appendonly', [['yes']]],
      ['repl-backlog-size', [['16mb']]],
      ['replica-priority', [['50']]],
    ]);
  });

  it('lets a node override and switch off defaults', () => {
    const topology = load(`
engine: redis
defaults:
  host: 192.168.1.100
  password: {file: secrets/password}
  bind: [0.0.0.0, "::"]
  tls: {cert: c.pem, key: k.pem, ca: ca.pem}
master: {port: 7000, engine: {kind: valkey, command: ./bin/valkey-server}, dir: data, announce: "nat.example:17000"}
replicas:
  - {host: localhost, port: 7001, password: false, tls: false, bind: 127.0.0.1 ::1, announce: 17001}
`);
    const [master, replica] = topology.nodes;
    expect(master).toMatchObject({
      id: '192.168.1.100-7000',
      engine: { kind: 'valkey', command: '/srv/demo/bin/valkey-server' },
      dir: '/srv/demo/data',
      announce: { host: 'nat.example', port: 17000 },
      bind: ['0.0.0.0', '::'],
      auth: { password: { kind: 'file', path: '/srv/demo/secrets/password' } },
      tls: { certFile: '/srv/demo/c.pem', authClients: true },
    });
    expect(replica).toMatchObject({
      id: '7001',
      engine: { kind: 'redis', command: null },
      auth: { password: null },
      tls: null,
      bind: ['127.0.0.1', '::1'],
      announce: { host: null, port: 17001 },
    });
  });

  it('turns config values into the arguments redis.conf would have', () => {
    const { config } = load(`
master:
  port: 6379
  config:
    save: [900 1, 300 10]
    client-output-buffer-limit: [normal 0 0 0, [replica, 256mb, 64mb, 60]]
    oom-score-adj-values: [0, 200, 800]
    dbfilename: my "own" dump.rdb
    slave-priority: 0
    maxmemory: 100mb
    activedefrag: false
    rename-command: FLUSHALL ""
    notify-keyspace-events: ""
`).nodes[0] ?? { config: new Map() };
    expect(Object.fromEntries(config)).toEqual({
      save: [
        ['900', '1'],
        ['300', '10'],
      ],
      'client-output-buffer-limit': [
        ['normal', '0', '0', '0'],
        ['replica', '256mb', '64mb', '60'],
      ],
      'oom-score-adj-values': [['0', '200', '800']],
      dbfilename: [['my "own" dump.rdb']],
      'replica-priority': [['0']],
      maxmemory: [['100mb']],
      activedefrag: [['no']],
      'rename-command': [['FLUSHALL', '']],
      'notify-keyspace-events': [['']],
    });
  });

  it('reports every problem at once, each with its place', () => {
    expect(
      complain(`name: demo
mastr: 6379
replicas:
  - 63x80
  - port: 70000
    confg: {}
  - true
password: {env: X}
`),
    ).toMatchInlineSnapshot(`
      [
        "1:1 master: expected one node: a port, host:port or a map, got nothing",
        "2:1 mastr: unknown key "mastr" (did you mean "master"?)",
        "4:5 replicas[0]: expected a port, host:port or a map, got "63x80"",
        "5:11 replicas[1].port: expected a port from 1 to 65535, got 70000",
        "6:5 replicas[1].confg: unknown key "confg" (did you mean "config"?)",
        "7:5 replicas[2]: expected a port, host:port or a map, got true",
        "8:1 password: unknown key "password" ("password" belongs to a node, or to "defaults" for all of them)",
      ]
    `);
  });

  it('reports what nodes have in common', () => {
    expect(
      complain(`defaults:
  config: {repl-backlog-size: 8kb, port: 1, maxmemmory: 1gb, save: often}
  templates: ./missing
master: 6379
replicas:
  - {port: 6380, name: a, dir: /data/x}
  - {port: 6380, name: A, dir: /data/x}
  - {port: 6381, user: repl}
  - {name: "6379", port: 6382}
`),
    ).toMatchInlineSnapshot(`
      [
        "2:31 defaults.config.repl-backlog-size: expected a backlog of at least 16kb, got 8192 bytes: every reconnect would copy everything",
        "2:36 defaults.config.port: replctl derives "port" itself (it is the node's "port")",
        "2:45 defaults.config.maxmemmory: unknown directive "maxmemmory" (did you mean "maxmemory"?)",
        "2:68 defaults.config.save: expected a valid "save", got "often": Invalid save parameters",
        "3:14 defaults.templates: expected a folder that can be read, got /srv/demo/missing",
        "7:12 replicas[1].port: 127.0.0.1:6380 is taken by the replica a",
        "7:24 replicas[1].name: the name "A" is taken by the replica a",
        "7:32 replicas[1].dir: the directory /data/x is taken by the replica a",
        "8:24 replicas[2].user: the user "repl" is defined nowhere (name the file that defines it under "aclfile")",
        "8:24 replicas[2].user: the user "repl" has no "password"",
        "9:12 replicas[3].name: the name "6379" is taken by the master 6379",
        "9:12 replicas[3].name: expected a name that is not the port of something else, got "6379" on port 6382",
      ]
    `);
  });

  it.each([
    ['no master', 'replicas: [6380]'],
    ['two masters', 'master: [6379, 6380]'],
    ['master twice', 'master: 6379\nmaster: 6380'],
    ['a list', '- 6379'],
    ['empty', ''],
    ['syntax', 'master: {port: 6379'],
    ['tab', 'master:\n\tport: 6379'],
    ['two documents', 'master: 1\n---\nmaster: 2'],
    ['binary', 'master: \0'],
    ['cycle', 'master: 1\nreplicas: &r\n  - port: 2\n    replicas: *r'],
    ['merge key', 'master: 1\nreplicas: [{port: 2, <<: {name: x}}]'],
    ['unknown alias', 'master: *nowhere'],
    ['secret in the file', 'master: {port: 1, password: hunter2}'],
    ['secret in config', 'master: {port: 1, config: {requirepass: hunter2}}'],
    ['needed command', 'master: {port: 1, config: {rename-command: [CONFIG ""]}}'],
    ['port as text', 'master: "99999"'],
    ['null directive', 'master: {port: 1, config: {save: }}'],
    ['engine', 'engine: reddis\nmaster: 1'],
    ['replicas in the master', 'master: {port: 1, replicas: [2]}'],
    ['ssh path', 'master: {host: a.example, port: 1, ssh: true, dir: data}'],
    ['deep', `master: ${'['.repeat(5000)}`],
  ])('refuses %s', (_name, text) => {
    expect(complain(text)).toMatchSnapshot();
  });

  it('refuses aliases that explode', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const below = `*l${String(level - 1)}`;
      return `l${String(level)}: &l${String(level)} [${level === 0 ? '1, 1' : Array(10).fill(below).join(', ')}]`;
    });
    expect(complain(levels.join('\n'))[0]).toContain('expand to at most');
  });

  it('only doubts what real engines may know', () => {
    const topology = load(
      'engine: redis\nmaster: {port: 1, config: {brand-new-directive: 3, repl-backlog-size: 64kb}}',
    );
    expect(topology.nodes[0]?.config.get('brand-new-directive')).toEqual([['3']]);
    expect(topology.warnings.map(({ message }) => message)).toMatchInlineSnapshot(`
      [
        "unknown directive "brand-new-directive"",
        "a backlog of 65536 bytes is small: a short cut may already cost a full copy",
      ]
    `);
  });
});
