import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

/** Sentinel that was held up itself trusts nothing it knows for thirty seconds. */
const DEADLINE_MS = 120_000;

interface Node {
  readonly conf: string;
  readonly kill: () => Promise<void>;
}

/** A process that is killed at the end of the test, if not before. */
function start(command: string, args: readonly string[], conf: string): Node {
  const child = spawn(command, [...args], { stdio: 'ignore' });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(kill);
  return { conf, kill };
}

function connect(port: number): Redis {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

describe.skipIf(!hasEngine('redis'))('a real Sentinel over bundled nodes', () => {
  it('promotes the replica of a dead master and turns the old master into a replica', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replctl-sentinel-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const main = inject('serverScript');
    const [masterPort, replicaPort, sentinelPort] = (await freePorts(3)) as [number, number, number];
    const startNode = (port: number, extra = ''): Node => {
      const conf = path.join(folder, `${String(port)}.conf`);
      writeFileSync(
        conf,
        `port ${String(port)}\nbind 127.0.0.1\ndir ${folder}\nlogfile ${String(port)}.log\nsave ""\nrepl-diskless-sync-delay 0\n${extra}`,
      );
      return start(process.execPath, [main, conf], conf);
    };
    const master = startNode(masterPort);
    const replica = startNode(replicaPort, `replicaof 127.0.0.1 ${String(masterPort)}\n`);
    const [onMaster, onReplica] = [connect(masterPort), connect(replicaPort)];
    await onMaster.set('k', 'v');
    await poll('the replica to follow', async () => (await onReplica.get('k')) === 'v');

    const sentinelConf = path.join(folder, 'sentinel.conf');
    writeFileSync(
      sentinelConf,
      `port ${String(sentinelPort)}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor m 127.0.0.1 ${String(masterPort)} 1\n` +
        'sentinel down-after-milliseconds m 60000\nsentinel failover-timeout m 10000\n',
    );
    start('redis-server', [sentinelConf, '--sentinel'], sentinelConf);
    const sentinel = connect(sentinelPort);
    // Only the node that was killed is to be silent for long enough, on however busy a machine.
    const beQuick = (ms: number): Promise<unknown> =>
      sentinel.call('SENTINEL', 'SET', 'm', 'down-after-milliseconds', String(ms));
    await poll('Sentinel to see the replica', async () => {
      const replicas = await sentinel.call('SENTINEL', 'REPLICAS', 'm').catch(() => undefined);
      return JSON.stringify(replicas ?? '').includes('"master-link-status","ok"');
    });
    await master.kill();
    await beQuick(1000);
    await poll(
      'the replica to be promoted',
      async () => (await onReplica.role())[0] === 'master',
      DEADLINE_MS,
    );
    expect(await onReplica.get('k')).toBe('v');
    await poll(
      'the conf to be rewritten',
      async () => !readFileSync(replica.conf, 'utf8').includes('replicaof'),
    );
    await poll('Sentinel to have switched', async () => {
      const address = await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'm');
      return JSON.stringify(address) === JSON.stringify(['127.0.0.1', String(replicaPort)]);
    });
    await beQuick(60_000);

    start(process.execPath, [main, master.conf], master.conf);
    await poll('the old master to follow', async () => (await onMaster.role())[0] === 'slave', DEADLINE_MS);
    await onReplica.set('k', 'w');
    await poll('the old master to have it', async () => (await onMaster.get('k')) === 'w');
    await poll('its conf to be rewritten', async () =>
      readFileSync(master.conf, 'utf8').includes(`replicaof 127.0.0.1 ${String(replicaPort)}\n`),
    );
  });
});
