import { afterEach, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

type Start = () => Promise<{ readonly port: number; readonly stop: () => Promise<void> }>;
const bundled: Start = async () => startBundledServer(['--repl-diskless-sync-delay', '0']);
const redis: Start = async () => startRealServer('redis-server', ['--repl-diskless-sync-delay', '0']);

async function open(start: Start): Promise<number> {
  const { port, stop } = await start();
  stops.push(stop);
  return port;
}

/** What clients of a replica that cache keys hear of a full sync, and of a write in the stream after it. */
async function transcript(startReplica: Start, startMaster: Start): Promise<Record<string, string[]>> {
  const [port, masterPort] = await Promise.all([open(startReplica), open(startMaster)]);
  const [master, control] = await Promise.all([RawConnection.open(masterPort), RawConnection.open(port)]);
  await master.call('SET', 'a', 'new');
  await control.call('SET', 'a', 'old');
  const follow = async (): Promise<void> => {
    await control.call('REPLICAOF', '127.0.0.1', String(masterPort));
    await poll('the link', async () => (await control.call('INFO')).includes('master_link_status:up'));
  };
  const heard: Record<string, string[]> = {};
  const clients = {
    RESP3: ['HELLO 3', 'CLIENT TRACKING ON', 'GET a'],
    'RESP3, by prefix': ['HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX a', 'PING'],
    'RESP2, for another': ['SUBSCRIBE __redis__:invalidate'],
    'RESP2, for another, with a pattern': ['PSUBSCRIBE news*'],
  };
  const connections: [string, RawConnection][] = [];
  for (const [name, lines] of Object.entries(clients)) {
    const connection = await RawConnection.open(port);
    connections.push([name, connection]);
    if (name.startsWith('RESP2')) {
      const id = /:(\d+)/.exec(await connection.call('CLIENT', 'ID'))?.[1] ?? '';
      const other = await RawConnection.open(port);
      for (const line of [`CLIENT TRACKING ON REDIRECT ${id}`, 'GET a']) await other.call(...line.split(' '));
      connections.push(['redirecting', other]);
    }
    for (const line of lines) await connection.call(...line.split(' '));
  }
  await follow();
  for (const [name, connection] of connections) {
    if (name === 'redirecting') continue;
    heard[name] = [await connection.read(), name === 'RESP3' ? await connection.call('GET', 'a') : ''];
  }
  await master.call('SET', 'a', 'newer');
  for (const [name, connection] of connections)
    if (name.startsWith('RESP3')) heard[name]?.push(await connection.read());
  for (const connection of [master, control, ...connections.map(([, opened]) => opened)]) connection.close();
  return heard;
}

const EXPECTED = {
  RESP3: [
    '>2\r\n$10\r\ninvalidate\r\n_\r\n',
    '$3\r\nnew\r\n',
    '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n',
  ],
  'RESP3, by prefix': [
    '>2\r\n$10\r\ninvalidate\r\n_\r\n',
    '',
    '>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n',
  ],
  'RESP2, for another': ['*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n', ''],
  'RESP2, for another, with a pattern': ['*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n', ''],
};

it('the bundled server tells those who track keys of a full sync from a bundled master', async () => {
  expect(await transcript(bundled, bundled)).toEqual(EXPECTED);
});

it.skipIf(!hasEngine('redis'))('as redis-server does, below a master of the other kind', async () => {
  expect(await transcript(redis, bundled)).toEqual(EXPECTED);
  expect(await transcript(bundled, redis)).toEqual(EXPECTED);
});
