import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SYSTEM_CLOCK, type Clock } from '../../src/server/clock.ts';
import { Exchanger } from '../../src/server/net/exchange.ts';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { infoFields } from '../support/info-fields.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';
import { createCertificates, tlsFlags, whyNoTls } from '../support/test-certificates.ts';

type Kind = 'bundled' | 'redis';

const OK = '+OK\r\n';
const noTls = whyNoTls();
if (noTls !== null) console.warn(`skipped: MIGRATE over TLS, since ${noTls}`);

it.skipIf(!hasEngine('redis'))('MIGRATE keeps its connections as redis-server does', async () => {
  const told = await Promise.all([useConnections('redis'), useConnections('bundled')]);
  const [expected] = told;
  expect(expected).toContainEqual(['again', OK, { kept: '1', accepted: 1, selects: 1 }]);
  expect(told[1]).toEqual(expected);
});

/** Each step's reply, what the source keeps then, and how often the target was connected to and sent a SELECT. */
async function useConnections(kind: Kind): Promise<unknown[]> {
  const from = await start(kind);
  const to = await start(kind);
  const [nobody] = (await freePorts(1)) as [number];
  const accepted = async (): Promise<number> =>
    Number(infoFields(await to.connection.call('INFO', 'stats'))['total_connections_received']);
  const before = await accepted();
  const told: unknown[] = [];
  const step = async (name: string, key: string, database: number, port = to.port): Promise<void> => {
    await from.connection.call('SET', key, 'v');
    const request = ['MIGRATE', '127.0.0.1', String(port), key, String(database), '20000'];
    const reply = await from.connection.call(...request);
    const stats = infoFields(await to.connection.call('INFO', 'commandstats'));
    const selects = Number(/calls=(\d+)/.exec(stats['cmdstat_select'] ?? '')?.[1]);
    told.push([
      name,
      reply,
      { kept: await keptBy(from.connection), accepted: (await accepted()) - before, selects },
    ]);
  };
  expect(await keptBy(from.connection)).toBe('0');
  await step('first', 'a', 9);
  await step('again', 'b', 9);
  await step('to another database', 'c', 3);
  await step('refused', 'c', 3);
  await step('after a refusal', 'd', 3);
  await to.connection.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await step('after the target hung up', 'e', 3);
  await step('to nobody', 'f', 3, nobody);
  await step('no such database', 'f', 99);
  await step('at last', 'f', 3);
  return told;
}

it('closes a connection that nobody used for ten seconds, and the oldest of more than 64', async () => {
  const target = await start('bundled');
  const clock = heldClock();
  const exchanger = new Exchanger(clock);
  const ping = (host: string): readonly string[] =>
    exchanger.run(exchanger.connectionTo(host, target.port), {
      request: Buffer.from('*1\r\n$4\r\nPING\r\n'),
      replyCount: 1,
      timeoutMs: 20_000,
    }).lines;
  const clients = async (): Promise<number> =>
    Number(infoFields(await target.connection.call('INFO', 'clients'))['connected_clients']) - 1;

  expect(ping('127.0.0.1')).toEqual(['+PONG']);
  clock.advance(6000);
  expect(ping('127.1')).toEqual(['+PONG']);
  clock.advance(6000);
  expect(exchanger.keptCount).toBe(1);
  await poll('the unused one to be closed', async () => (await clients()) === 1);
  clock.advance(6000);
  expect(exchanger.keptCount).toBe(0);
  await poll('both to be closed', async () => (await clients()) === 0);

  // 127.0.0.1 in 66 spellings.
  for (let zeros = 0; zeros < 66; zeros += 1) expect(ping(`0x${'0'.repeat(zeros)}7f.1`)).toEqual(['+PONG']);
  expect(exchanger.keptCount).toBe(64);
  await poll('two of them to be closed', async () => (await clients()) === 64);
  clock.advance(12_000);
  await poll('all to be closed', async () => (await clients()) === 0);
});

it.skipIf(noTls !== null).each([
  ['bundled', 'redis'],
  ['redis', 'bundled'],
] as const)('MIGRATE from %s to %s speaks TLS when tls-cluster says so', async (source, target) => {
  const certificates = mkdtempSync(path.join(tmpdir(), 'replctl-certificates-'));
  onTestFinished(() => rmSync(certificates, { recursive: true, force: true }));
  createCertificates(certificates);
  const [sourcePort, targetPort] = (await freePorts(2)) as [number, number];
  const from = await start(source, [...tlsFlags(certificates, sourcePort), '--tls-cluster', 'yes']);
  const to = await start(target, tlsFlags(certificates, targetPort));
  const migrate = async (port: number, key: string): Promise<string> =>
    from.connection.call('MIGRATE', '127.0.0.1', String(port), key, '0', '20000');
  const [nobody] = (await freePorts(1)) as [number];
  await from.connection.call('MSET', 'a', '1', 'b', '2', 'c', '3');
  expect(await migrate(targetPort, 'a')).toBe(OK);
  expect(await migrate(targetPort, 'b')).toBe(OK);
  expect(await to.connection.call('MGET', 'a', 'b')).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
  expect(await keptBy(from.connection)).toBe('1');
  expect(await migrate(nobody, 'c')).toBe('-IOERR error or timeout connecting to the client\r\n');
  await from.connection.call('CONFIG', 'SET', 'tls-cluster', 'no');
  expect(await migrate(to.port, 'c')).toBe(OK);
  expect(await from.connection.call('DBSIZE')).toBe(':0\r\n');
});

async function start(
  kind: Kind,
  flags: readonly string[] = [],
): Promise<{ readonly port: number; readonly connection: RawConnection }> {
  const server = await (kind === 'bundled'
    ? startBundledServer(flags)
    : startRealServer('redis-server', flags));
  onTestFinished(() => server.stop());
  const connection = await RawConnection.open(server.port);
  onTestFinished(() => connection.close());
  return { port: server.port, connection };
}

async function keptBy(source: RawConnection): Promise<string | undefined> {
  return infoFields(await source.call('INFO', 'stats'))['migrate_cached_sockets'];
}

/** A clock that stands until it is advanced; what is due every so often runs once then. */
function heldClock(): Clock & { advance(ms: number): void } {
  let now = 1_000_000;
  const due = new Set<() => void>();
  return {
    ...SYSTEM_CLOCK,
    monotonic: () => now,
    every: (_, run) => {
      due.add(run);
      return { cancel: () => void due.delete(run) };
    },
    advance: (ms) => {
      now += ms;
      for (const run of due) run();
    },
  };
}
