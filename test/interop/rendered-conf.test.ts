import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { normaliseLines } from '../../src/conf/normalise-value.ts';
import { confText, toByteString } from '../../src/conf/parse-conf.ts';
import { findDirective } from '../../src/conf/directives.ts';
import { declareDirectives } from '../../src/render/declare-directives.ts';
import { renderTopology } from '../../src/render/render-topology.ts';
import type { Topology } from '../../src/topology/model.ts';
import { nodeFiles } from '../../src/topology/node-files.ts';
import { parseTopology } from '../../src/topology/parse-topology.ts';
import { readSecrets } from '../../src/topology/secrets.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

const HOSTILE = `q"' #\\x41 \\n\nreplicaof 10.0.0.1 1\r\n\t%$& é中😀 ${'p'.repeat(10 * 1024)} "`;

let folder = '';
const running: ChildProcess[] = [];
const clients: Redis[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'replctl-rendered-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

async function deploy(engine: string): Promise<Topology> {
  const [master, replica] = (await freePorts(2)) as [number, number];
  const text = `
name: hostile
engine: ${engine}
defaults:
  password: {env: PW}
  config:
    client-output-buffer-limit: [replica 128mb 32mb 30]
    proc-title-template: "{title} {listen-addr}"
    maxmemory: 77mb
    notify-keyspace-events: KEA
    syslog-ident: 'a "quoted" # name'
master: ${String(master)}
replicas: [${String(replica)}]
`;
  const { topology, problems } = parseTopology(text, { file: path.join(folder, 'topology.yaml') });
  expect(problems).toEqual([]);
  if (topology === null) throw new Error('no topology');
  return topology;
}

async function start(command: readonly [string, ...string[]], topology: Topology): Promise<Redis[]> {
  const secrets = await readSecrets(topology, { PW: HOSTILE });
  const started: Redis[] = [];
  for (const { node, conf } of await renderTopology(topology, secrets)) {
    const { home, confFile } = nodeFiles(topology, node);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    writeFileSync(confFile, conf, { mode: 0o600 });
    const child = spawn(command[0], [...command.slice(1), confFile], { stdio: 'pipe' });
    running.push(child);
    const client = new Redis(node.port, '127.0.0.1', { password: HOSTILE, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    clients.push(client);
    await poll(`${command.join(' ')} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(String(child.stderr?.read() ?? child.stdout?.read()));
      return client.status === 'ready';
    });
    started.push(client);
  }
  return started;
}

describe.each([
  ['redis', ['redis-server']],
  ['valkey', ['valkey-server']],
] as const)('%s', (engine, command) => {
  it.skipIf(!hasEngine(engine))('understands every rendered directive as it was declared', async () => {
    const topology = await deploy(engine);
    const [master, replica] = (await start(command, topology)) as [Redis, Redis];
    await poll('the link', async () => (await replica.info('replication')).includes('master_link_status:up'));

    const secrets = await readSecrets(topology, { PW: HOSTILE });
    for (const [client, node] of [
      [master, topology.nodes[0]],
      [replica, topology.nodes[1]],
    ] as const) {
      if (node === undefined) throw new Error('no node');
      const live = await client.config('GET', '*');
      const values = new Map(live.flatMap((name, at) => (at % 2 === 0 ? [[name, live[at + 1] ?? '']] : [])));
      const differing = [...declareDirectives(topology, node, { secrets })].flatMap(([name, lines]) => {
        const directive = findDirective(name);
        if (directive === undefined) return [`${name} is unknown`];
        const declared = normaliseLines(
          directive,
          lines.map((args) => args.map(toByteString)),
        );
        const found = values.get(name);
        if (!declared.ok) return [`${name}: ${declared.error}`];
        const wanted = confText(declared.value);
        return found === wanted
          ? []
          : [`${name}: declared ${wanted.slice(0, 80)}, live ${String(found).slice(0, 80)}`];
      });
      expect(differing).toEqual([]);
      expect(values.get('requirepass')).toBe(HOSTILE);
    }
  });

  it.skipIf(!hasEngine(engine))('keeps the password through CONFIG REWRITE and a restart', async () => {
    const topology = await deploy(engine);
    const [master] = (await start(command, topology)) as [Redis, Redis];
    await master.config('REWRITE');
    const [node] = topology.nodes;
    if (node === undefined) throw new Error('no node');
    const exited = once(running[0] as ChildProcess, 'exit');
    running[0]?.kill('SIGTERM');
    await exited;
    const again = spawn(command[0], [...command.slice(1), nodeFiles(topology, node).confFile], {
      stdio: 'ignore',
    });
    running.push(again);
    const client = new Redis(node.port, '127.0.0.1', { password: HOSTILE, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    clients.push(client);
    expect(await client.ping()).toBe('PONG');
    expect(await client.config('GET', 'requirepass')).toEqual(['requirepass', HOSTILE]);
  });
});
