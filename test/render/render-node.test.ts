import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { property, string, record, oneof, constantFrom, assert } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { confText, parseConf } from '../../src/conf/parse-conf.ts';
import { declareDirectives, type Directives } from '../../src/render/declare-directives.ts';
import { loadTemplates } from '../../src/render/load-templates.ts';
import { maskSecrets } from '../../src/render/mask-secrets.ts';
import { renderNode } from '../../src/render/render-node.ts';
import type { NodeSpec, Topology } from '../../src/topology/model.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';
import { MASKED_SECRETS, type Secrets } from '../../src/topology/secrets.ts';

function load(text: string): Topology {
  const { topology, problems } = parseTopology(text, { file: '/srv/demo/topology.yaml' });
  expect(problems).toEqual([]);
  if (topology === null) throw new Error('no topology');
  return topology;
}

const node = (topology: Topology, id: string): NodeSpec => {
  const found = topology.nodes.find((spec) => spec.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

const withPassword = (value: string): Secrets => ({ passwordOf: () => value, warnings: [] });

/** The conf read back by the grammar of redis.conf, as a map of directives. */
function readBack(text: string): Record<string, string[][]> {
  const conf = parseConf({ path: 'redis.conf', content: text });
  if (!conf.ok) throw new Error(JSON.stringify(conf.errors));
  const map = new Map<string, string[][]>();
  for (const line of conf.lines) map.set(line.name, [...(map.get(line.name) ?? []), line.args.map(confText)]);
  return Object.fromEntries(map);
}

const plain = (directives: Directives) => Object.fromEntries(directives);

const templates = await loadTemplates(null);

describe('renderNode', () => {
  const demo = load(`
name: demo
defaults:
  password: {env: REPLCTL_PASSWORD}
  config: {appendonly: yes, maxmemory: 100mb}
master: 6379
replicas:
  - port: 6381
    name: reports
    config: {repl-diskless-sync-delay: 3, save: ""}
`);

  it('writes one flat commented conf', () => {
    expect(renderNode(demo, node(demo, 'reports'), { templates, secrets: MASKED_SECRETS }))
      .toMatchInlineSnapshot(`
      "# reports of demo: replica of 6379
      # Rendered by replctl from the topology file: edit that, then \`replctl up\`.

      # ---- network
      port 6381
      bind 127.0.0.1
      # Without a password, a server that listens beyond loopback refuses every remote client.
      protected-mode yes

      # ---- process: started detached by replctl, found again by pidfile
      daemonize no
      dir /srv/demo/.replctl/demo/nodes/reports
      pidfile /srv/demo/.replctl/demo/nodes/reports/redis.pid
      logfile /srv/demo/.replctl/demo/nodes/reports/redis.log

      # ---- replication
      replicaof 127.0.0.1 6379
      # The master has masterauth too: it may become a replica.
      masterauth ***
      replica-read-only yes
      repl-ping-replica-period 10
      # The longest cut, in bytes of writes, that a replica can bridge without a full copy.
      repl-backlog-size 1mb
      # Sent straight from memory, at once: the engines' own delay of 5 s would hold up every start.
      repl-diskless-sync yes
      repl-diskless-sync-delay 3

      # ---- persistence
      save ""
      dbfilename dump.rdb
      appendonly yes
      appendfilename appendonly.aof

      # ---- security
      requirepass ***

      # ---- everything else under "config"
      maxmemory 100mb
      "
    `);
  });

  it('gives the master masterauth and no replicaof', () => {
    const directives = plain(declareDirectives(demo, node(demo, '6379'), { secrets: withPassword('pw') }));
    expect(directives).toMatchObject({ masterauth: [['pw']], requirepass: [['pw']] });
    expect(directives).not.toHaveProperty('replicaof');
  });

  it('renders hosts, TLS, ACL users and announced addresses', () => {
    const topology = load(`
defaults: {password: {env: X}}
master: {host: 10.0.0.1, port: 6379, announce: "nat.example:16379", user: repl, aclfile: users.acl,
  tls: {cert: c.pem, key: k.pem, ca: ca.pem, auth-clients: false}}
replicas:
  - {host: 10.0.0.2, port: 6379, ssh: true, dir: /data/redis, bind: [10.0.0.2, 127.0.0.1]}
`);
    const [master, replica] = topology.nodes.map((spec) =>
      plain(declareDirectives(topology, spec, { secrets: withPassword('pw') })),
    );
    expect(master).toMatchObject({
      port: [['0']],
      'tls-port': [['6379']],
      'tls-auth-clients': [['no']],
      'tls-replication': [['yes']],
      bind: [['0.0.0.0']],
      aclfile: [['/srv/demo/users.acl']],
      masteruser: [['repl']],
      'replica-announce-ip': [['nat.example']],
      'replica-announce-port': [['16379']],
    });
    expect(master).not.toHaveProperty('requirepass');
    expect(replica).toMatchObject({
      replicaof: [['nat.example', '16379']],
      bind: [['10.0.0.2', '127.0.0.1']],
      dir: [['/data/redis']],
      masteruser: [['repl']],
      'tls-replication': [['yes']],
      requirepass: [['pw']],
    });
  });

  it('cannot be made to say anything else, whatever the values are', () => {
    const hostile = oneof(
      string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      string({
        unit: constantFrom('\n', '\r', '"', "'", '#', '\\', ' ', '\0', 'x', '\t', 'é', '%', '<', '>'),
        minLength: 1,
        maxLength: 30,
      }),
      constantFrom(
        'pw\nreplicaof evil 1',
        '"\nslaveof evil 1\n"',
        '# x',
        '<%= 1 %>',
        'p'.repeat(10_240),
        '$1 $& $$',
      ),
    );
    assert(
      property(record({ password: hostile, dir: hostile, title: hostile }), ({ password, dir, title }) => {
        const spec = node(demo, 'reports');
        const odd: NodeSpec = {
          ...spec,
          dir,
          config: new Map([...spec.config, ['syslog-ident', [[title]]]]),
        };
        const options = { templates, secrets: withPassword(password) };
        const text = renderNode(demo, odd, options);
        // A lone surrogate has no UTF-8: what the file can hold is its replacement.
        const expected = JSON.stringify(
          plain(declareDirectives(demo, odd, options)),
          (_key, value: unknown) => (typeof value === 'string' ? Buffer.from(value).toString() : value),
        );
        expect(readBack(text)).toEqual(JSON.parse(expected));
        expect(text.split('\n').every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true);
        expect(readBack(maskSecrets(text))).toMatchObject({
          requirepass: [['***']],
          masterauth: [['***']],
          dir: readBack(text)['dir'],
        });
      }),
    );
  });

  it('renders for Redis 6 without what only newer servers know', () => {
    const directives = declareDirectives(load('engine: redis\nmaster: 6379'), node(demo, '6379'), {
      secrets: MASKED_SECRETS,
    });
    expect(directives.get('bind')).toEqual([['127.0.0.1']]);
    expect(directives.get('save')?.every((args) => args.length === 2)).toBe(true);
  });
});

describe('own templates', () => {
  async function renderWith(files: Record<string, string>): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), 'replctl-templates-'));
    try {
      for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
      const topology = load(`master: {port: 6379, templates: ${folder}}`);
      const [master] = topology.nodes;
      if (master === undefined) throw new Error('no master');
      return renderNode(topology, master, {
        templates: await loadTemplates(folder),
        secrets: MASKED_SECRETS,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('replace the built-in ones file by file', async () => {
    const text = await renderWith({
      'persistence.ejs': "# ours\nappendonly no\n<%= lines('save') %>\nactivedefrag no",
    });
    expect(text).toContain('# ours');
    expect(readBack(text)).toMatchObject({
      port: [['6379']],
      activedefrag: [['no']],
      save: [
        ['3600', '1'],
        ['300', '100'],
        ['60', '10000'],
      ],
    });
  });

  it('may not drop or change what replctl derives', async () => {
    await expect(renderWith({ 'redis.conf.ejs': 'port 6379' })).rejects.toThrow(/drop or change "bind"/);
    await expect(renderWith({ 'network.ejs': "port 1\n<%- lines('bind') %>" })).rejects.toMatchObject({
      code: 'TOPOLOGY_INVALID',
      message: expect.stringContaining('drop or change "port"'),
    });
    await expect(renderWith({ 'network.ejs': '<% nope( %>' })).rejects.toMatchObject({
      code: 'TOPOLOGY_INVALID',
    });
    await expect(renderWith({ 'network.ejs': '<%- include("none") %>' })).rejects.toThrow(
      /no template "none"/,
    );
  });
});

it('masks secrets and nothing else', () => {
  expect(
    maskSecrets('# requirepass x\nrequirepass "a b"\n  MASTERAUTH x\nuser default on >pw ~*\nport 1\n'),
  ).toBe('# requirepass x\nrequirepass "***"\n  MASTERAUTH "***"\nuser "***"\nport 1\n');
});
