import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Deployment, PATIENT } from './deployment.ts';
import { hasEngine, type TestEngine } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { poll } from './poll.ts';

const ZERO_ID = '0'.repeat(40);
type Ports = readonly [number, number, number, number];

let deployment: Deployment | undefined;

function deploy(topology: string, env: Record<string, string> = {}): Deployment {
  deployment = new Deployment(topology, env);
  return deployment;
}

const star = (engine: TestEngine, [master, first, second]: Ports, extra = ''): string =>
  `name: e2e\nengine: ${engine}\n${extra}master: ${master}\nreplicas: [${first}, ${second}]\n`;

const chain = (engine: TestEngine, [master, first, second]: Ports): string =>
  `name: e2e\nengine: ${engine}\nmaster: ${master}\nreplicas:\n  - port: ${first}\n    replicas: [${second}]\n`;

async function fourPorts(): Promise<Ports> {
  return (await freePorts(4)) as unknown as Ports;
}

const slaves = (info: Record<string, string>): string[] =>
  Object.entries(info)
    .filter(([key]) => /^slave\d+$/.test(key))
    .map(([, value]) => value);

/** The scenarios of docs/scenarios.md, by their numbers, on one engine. 5, 6 and 21 need several hosts. */
export function describeScenarios(engine: TestEngine): void {
  const run = it.skipIf(!hasEngine(engine));
  describe(`scenarios on ${engine}`, () => {
    afterEach(async () => {
      await deployment?.destroy();
      deployment = undefined;
    });

    run('1 a node alone is a master with an empty replication state', async () => {
      const [port] = await fourPorts();
      const d = deploy(`name: e2e\nengine: ${engine}\nmaster: ${port}\n`);
      await d.ok('up');
      const info = await d.info(port);
      expect(info).toMatchObject({
        role: 'master',
        connected_slaves: '0',
        master_repl_offset: '0',
        master_replid2: ZERO_ID,
        second_repl_offset: '-1',
        repl_backlog_active: '0',
      });
      expect(info['master_replid']).toMatch(/^[0-9a-f]{40}$/);
    });

    run('2 one master and two replicas from conf files; 17 full sync; 18 heartbeat', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      await d.call(master, 'SET', 'k', 'v');
      await d.converged(master, [first, second]);
      const listed = slaves(await d.info(master));
      expect(listed).toHaveLength(2);
      for (const [index, port] of [first, second].entries()) {
        expect(listed.some((line) => line.includes(`port=${port},state=online`))).toBe(true);
        expect(await d.call(port, 'GET', 'k'), `replica ${index}`).toBe('v');
        expect((await d.info(port))['role']).toBe('slave');
      }
      expect(Number((await d.info(master, 'stats'))['sync_full'])).toBe(2);
      const lags = await poll('lag of 0 or 1', async () => {
        const found = slaves(await d.info(master)).map((line) => Number(/lag=(-?\d+)/.exec(line)?.[1]));
        return found.every((lag) => lag === 0 || lag === 1) && found;
      });
      expect(lags).toHaveLength(2);
    });

    run('3 defaults serve all nodes and a node overrides them', async () => {
      const [master, first, second] = await fourPorts();
      const d = deploy(
        `name: e2e\nengine: ${engine}\ndefaults:\n  config: {repl-backlog-size: 16mb, maxmemory-policy: allkeys-lru}\nmaster: ${master}\nreplicas:\n  - ${first}\n  - port: ${second}\n    config: {maxmemory-policy: noeviction}\n`,
      );
      await d.ok('up');
      expect(await d.call(master, 'CONFIG', 'GET', 'repl-backlog-size')).toEqual([
        'repl-backlog-size',
        '16777216',
      ]);
      expect(await d.call(first, 'CONFIG', 'GET', 'maxmemory-policy')).toEqual([
        'maxmemory-policy',
        'allkeys-lru',
      ]);
      expect(await d.call(second, 'CONFIG', 'GET', 'maxmemory-policy')).toEqual([
        'maxmemory-policy',
        'noeviction',
      ]);
    });

    run('4 a password links the nodes, is never shown, and a wrong one is named', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const password = 's3cret pass"word#';
      const d = deploy(star(engine, ports, 'defaults:\n  password: {env: E2E_PASSWORD}\n'), {
        E2E_PASSWORD: password,
      });
      const up = await d.ok('up');
      const outputs = [
        up,
        await d.healthy(),
        await d.healthy('--json'),
        await d.ok('render'),
        await d.ok('plan'),
      ];
      for (const { stdout, stderr } of outputs) expect(stdout + stderr).not.toContain('s3cret');
      for (const pid of d.pids())
        expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('s3cret');
      await expect(d.call(master, 'GET', 'k')).rejects.toThrow(/NOAUTH/);
      const client = d.client(first, password);
      await client.connect();
      await client.config('SET', 'masterauth', 'wrong');
      // Cut the link, so that the wrong password is used.
      const atMaster = d.client(master, password);
      await atMaster.connect();
      await atMaster.call('CLIENT', 'KILL', 'TYPE', 'replica');
      const status = await poll('status names the cause', async () => {
        const result = await d.run(['status', '--json']);
        return result.stdout.includes('AuthBroken') && result;
      });
      expect(status.code).toBe(4);
      expect(second).toBeGreaterThan(0);
    });

    run('7 and 8 a relation made by command takes effect, is drift, and is lost at restart', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      await d.call(second, 'REPLICAOF', '127.0.0.1', String(first));
      await poll('the link to the new master is up', async () => {
        const info = await d.info(second);
        return info['master_port'] === String(first) && info['master_link_status'] === 'up';
      });
      const status = await d.expect(4, 'status', '--json', ...PATIENT);
      expect(status.stdout).toContain('WrongParent');
      await d.ok('restart', String(second), '--yes');
      await d.converged(master, [first, second]);
      expect((await d.info(second))['master_port']).toBe(String(master));
    });

    run('9 a replica refuses writes; a writable one is warned about', async () => {
      const ports = await fourPorts();
      const [, first] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      await expect(d.call(first, 'SET', 'k', 'v')).rejects.toThrow(
        "READONLY You can't write against a read only replica.",
      );
      await d.call(first, 'CONFIG', 'SET', 'replica-read-only', 'no');
      expect(await d.call(first, 'SET', 'k', 'v')).toBe('OK');
      expect((await d.expect(4, 'status', '--json', ...PATIENT)).stdout).toContain('ErrantWritesPossible');
    });

    run('10 a late joiner gets what was there and what comes', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(`name: e2e\nengine: ${engine}\nmaster: ${master}\nreplicas: [${first}]\n`);
      await d.ok('up');
      for (const key of ['k1', 'k2', 'k3']) await d.call(master, 'SET', key, 'v');
      await d.ok('add', String(second), '--yes');
      await d.call(master, 'SET', 'k4', 'v');
      await d.converged(master, [first, second]);
      expect(await d.call(second, 'MGET', 'k1', 'k2', 'k3', 'k4')).toEqual(['v', 'v', 'v', 'v']);
      expect(readFileSync(d.file, 'utf8')).toContain(String(second));
    });

    run('11 and 12 the master goes and comes back; nobody is promoted by itself', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      await d.call(master, 'SET', 'k', 'before');
      await d.converged(master, [first, second]);
      await d.ok('stop', String(master), '--yes');
      await poll('the replicas see it', async () => {
        const states = await Promise.all([first, second].map((port) => d.info(port)));
        return states.every((state) => state['role'] === 'slave' && state['master_link_status'] === 'down');
      });
      expect(await d.call(first, 'GET', 'k')).toBe('before');
      expect((await d.expect(4, 'status', '--json', ...PATIENT)).stdout).toContain('NodeDown');
      await d.ok('start', String(master));
      await d.call(master, 'SET', 'k', 'after');
      await d.converged(master, [first, second]);
      expect(await d.call(second, 'GET', 'k')).toBe('after');
    });

    run(
      '13 and 19 a replica that was away resumes, or copies anew when the backlog is too short',
      async () => {
        const ports = await fourPorts();
        const [master, first, second] = ports;
        const d = deploy(star(engine, ports));
        await d.ok('up');
        await d.call(master, 'SET', 'k', '1');
        await d.converged(master, [first, second]);
        await d.ok('stop', String(first), '--yes');
        await d.call(master, 'SET', 'k', '2');
        const before = await d.info(master, 'stats');
        await d.ok('start', String(first));
        await d.converged(master, [first, second]);
        const between = await d.info(master, 'stats');
        expect(Number(between['sync_partial_ok'])).toBe(Number(before['sync_partial_ok']) + 1);
        expect(between['sync_full']).toBe(before['sync_full']);

        await d.ok('stop', String(first), '--yes');
        const value = 'x'.repeat(700_000);
        for (let index = 0; index < 20; index += 1) await d.call(master, 'SET', `big${index}`, value);
        await d.ok('start', String(first));
        await d.converged(master, [first, second]);
        expect(Number((await d.info(master, 'stats'))['sync_full'])).toBe(Number(between['sync_full']) + 1);
        expect(await d.call(first, 'STRLEN', 'big19')).toBe(700_000);
      },
    );

    run('14 daisy chain: writes reach the end, the middle refuses them', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(chain(engine, ports));
      await d.ok('up');
      expect(await d.info(first)).toMatchObject({ role: 'slave', connected_slaves: '1' });
      await d.call(master, 'SET', 'k', 'v');
      await d.converged(master, [first, second]);
      expect(await d.call(second, 'GET', 'k')).toBe('v');
      await expect(d.call(first, 'SET', 'k', 'v')).rejects.toThrow(/READONLY/);
    });

    run('15 re-target: a shared history costs no copy, another history replaces the data', async () => {
      const ports = await fourPorts();
      const [master, first, second, stranger] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      await d.call(master, 'SET', 'k', 'v');
      await d.converged(master, [first, second]);
      const full = (await d.info(master, 'stats'))['sync_full'];
      await d.ok('chain', '--yes');
      await d.converged(master, [first, second]);
      expect((await d.info(second))['master_port']).toBe(String(first));
      expect((await d.info(master, 'stats'))['sync_full']).toBe(full);
      expect((await d.info(first, 'stats'))['sync_full']).toBe('0');

      const other = new Deployment(`name: other\nengine: ${engine}\nmaster: ${stranger}\n`);
      try {
        await other.ok('up');
        await other.call(stranger, 'SET', 'foreign', '1');
        await d.call(second, 'REPLICAOF', '127.0.0.1', String(stranger));
        await other.converged(stranger, [second]);
        expect(await d.call(second, 'KEYS', '*')).toEqual(['foreign']);
      } finally {
        await other.destroy();
      }
    });

    run('16 promotion keeps the data, changes the replid and remembers the old one', async () => {
      const ports = await fourPorts();
      const [master, first, second] = ports;
      const d = deploy(`# kept comment\n${star(engine, ports)}`);
      await d.ok('up');
      await d.call(master, 'SET', 'k', 'v');
      await d.converged(master, [first, second]);
      const old = (await d.info(master))['master_replid'];
      const result = await d.ok('promote', String(first), '--yes', ...PATIENT);
      expect(result.stdout).toContain('0 acknowledged writes lost');
      const info = await d.info(first);
      expect(info).toMatchObject({ role: 'master', master_replid2: old });
      expect(info['master_replid']).not.toBe(old);
      await d.call(first, 'SET', 'k', 'w');
      await d.converged(first, [master, second]);
      expect(await d.call(master, 'GET', 'k')).toBe('w');
      expect((await d.info(first, 'stats'))['sync_full']).toBe('0');
      expect(readFileSync(d.file, 'utf8')).toContain('# kept comment');
      await d.healthy();
      await d.ok('down');
      await d.ok('up');
      expect((await d.info(first))['role']).toBe('master');
    });

    run('18 a silent peer is dropped after repl-timeout', async () => {
      const [master, first] = await fourPorts();
      const d = deploy(
        `name: e2e\nengine: ${engine}\ndefaults:\n  config: {repl-timeout: 2, repl-ping-replica-period: 1}\nmaster: ${master}\nreplicas: [${first}]\n`,
      );
      await d.ok('up');
      const pid = d.pidOf(String(first));
      process.kill(pid, 'SIGSTOP');
      try {
        await poll('the master drops it', async () => (await d.info(master))['connected_slaves'] === '0');
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await poll('it is back', async () => (await d.info(master))['connected_slaves'] === '1');
      await d.converged(master, [first]);
    });

    run('20 and 22 status shows lag, pid and uptime, and who holds a port', async () => {
      const ports = await fourPorts();
      const [master] = ports;
      const d = deploy(star(engine, ports));
      await d.ok('up');
      const { stdout } = await d.healthy();
      expect(stdout).toContain(String(d.pidOf(String(master))));
      const shown = await d.json<{
        nodes: { id: string; pid: number; uptimeSeconds: number; lagToRootBytes: number }[];
      }>('status', ...PATIENT);
      expect(shown.nodes).toHaveLength(3);
      for (const node of shown.nodes) {
        expect(node.pid).toBe(d.pidOf(node.id));
        expect(node.uptimeSeconds).toBeGreaterThanOrEqual(0);
        expect(node.lagToRootBytes).toBeGreaterThanOrEqual(0);
      }
      await d.ok('down');
      const squatter = new Deployment(`name: squatter\nengine: ${engine}\nmaster: ${master}\n`);
      try {
        await squatter.ok('up');
        const held = await d.expect(5, 'up');
        expect(held.stderr).toContain(String(squatter.pidOf(String(master))));
        expect((await d.run(['status', '--json', ...PATIENT])).stdout).toContain('PortSquatter');
        expect(await squatter.call(master, 'PING')).toBe('PONG');
      } finally {
        await squatter.destroy();
      }
    });
  });
}
