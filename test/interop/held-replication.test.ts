import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

type Kind = 'bundled' | 'redis';

const FLAGS = ['--repl-diskless-sync-delay', '0'];
/** A silent link is cut after eight seconds: longer than a process has to wait for a core. */
const IMPATIENT = [
  ['--repl-timeout', '8'],
  ['--repl-ping-replica-period', '1'],
  ['--busy-reply-threshold', '100'],
].flat();
const BUSY_MS = 10_000;
const ENDLESS = 'while true do end';

interface Node {
  readonly port: number;
  readonly admin: RawConnection;
  readonly info: (field: string) => Promise<string>;
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function start(kind: Kind, more: readonly string[]): Promise<Node> {
  const flags = [...FLAGS, ...more];
  const server = await (kind === 'bundled'
    ? startBundledServer(flags)
    : startRealServer('redis-server', flags));
  const admin = await RawConnection.open(server.port);
  const info = async (field: string): Promise<string> =>
    new RegExp(`^${field}:(.*)\\r$`, 'm').exec(await admin.call('INFO', 'everything'))?.[1] ?? '';
  stops.push(async () => {
    admin.close();
    await server.stop();
  });
  return { port: server.port, admin, info };
}

async function startPair(
  masterKind: Kind,
  replicaKind: Kind,
  flags: readonly string[] = [],
): Promise<{ master: Node; replica: Node }> {
  const master = await start(masterKind, flags);
  const replica = await start(replicaKind, flags);
  await replica.admin.call('REPLICAOF', '127.0.0.1', String(master.port));
  await poll('the link', async () => (await replica.info('master_link_status')) === 'up');
  await caughtUp(master, replica);
  return { master, replica };
}

async function caughtUp(master: Node, replica: Node): Promise<void> {
  await poll('equal offsets', async () => {
    const offset = await master.info('master_repl_offset');
    return (await replica.info('slave_repl_offset')) === offset;
  });
}

/** Runs an endless script for longer than a link may be silent. */
async function beBusy(node: Node): Promise<void> {
  const victim = await RawConnection.open(node.port);
  victim.send(['EVAL', ENDLESS, '0']);
  await poll('the script to be slow', async () => (await node.admin.call('PING')).startsWith('-BUSY'));
  const end = Date.now() + BUSY_MS;
  await poll('the time to be over', async () => Date.now() > end);
  expect(await node.admin.call('SCRIPT', 'KILL')).toBe('+OK\r\n');
  expect(await victim.read()).toContain('-ERR Script killed by user');
  victim.close();
}

async function slowMaster(): Promise<void> {
  const { master, replica } = await startPair('bundled', 'redis', IMPATIENT);
  const syncs = await master.info('sync_full');
  await beBusy(master);
  expect(await replica.info('master_link_status')).toBe('up');
  await master.admin.call('SET', 'after', '1');
  await caughtUp(master, replica);
  expect([await master.info('sync_full'), await master.info('sync_partial_ok')]).toEqual([syncs, '0']);
}

async function slowReplica(): Promise<void> {
  const { master, replica } = await startPair('redis', 'bundled', IMPATIENT);
  const syncs = await master.info('sync_full');
  const writer = (async () => {
    for (let i = 0; i < 200; i += 1) {
      await master.admin.call('SET', `key:${i}`, 'v'.repeat(2000));
      await sleep(20);
    }
  })();
  await beBusy(replica);
  await writer;
  await caughtUp(master, replica);
  expect(await replica.admin.call('DBSIZE')).toBe(':200\r\n');
  expect([await master.info('sync_full'), await master.info('sync_partial_ok')]).toEqual([syncs, '0']);
}

it.skipIf(!hasEngine('redis'))(
  'a link outlives a slow script on a bundled master, and on a bundled replica, which takes what was written meanwhile',
  async () => {
    await Promise.all([slowMaster(), slowReplica()]);
  },
);

describe.skipIf(!hasEngine('redis'))('a paused replica', () => {
  it.each(['redis', 'bundled'] as const)(
    'of kind %s reads on and applies nothing until the end',
    async (kind) => {
      const { master, replica } = await startPair('redis', kind);
      await replica.admin.call('CLIENT', 'PAUSE', '100000', 'WRITE');
      const before = await replica.info('slave_repl_offset');
      await master.admin.call('SET', 'k', 'v'.repeat(100));
      await master.admin.call('SET', 'k2', 'v');
      const written = Number(await master.info('master_repl_offset'));
      await poll(
        'the writes to arrive',
        async () => Number(await replica.info('slave_read_repl_offset')) >= written,
      );
      // A ping of the master may have come before the writes.
      expect(Number(await replica.info('slave_repl_offset')) - Number(before)).toBeLessThan(100);
      expect(await replica.admin.call('GET', 'k')).toBe('$-1\r\n');
      expect(await replica.admin.call('CLIENT', 'UNPAUSE')).toBe('+OK\r\n');
      await caughtUp(master, replica);
      expect(await replica.admin.call('GET', 'k2')).toBe('$1\r\nv\r\n');
    },
  );
});
