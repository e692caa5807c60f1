import { afterAll, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
});

/** What a replica answers while it loads data beside its own, after that has failed, and in the end. */
async function course(replicaPort: number, masterPort: number): Promise<string[]> {
  const [replica, master] = await Promise.all([
    RawConnection.open(replicaPort),
    RawConnection.open(masterPort),
  ]);
  const seen: string[] = [];
  const ask = async (...argv: string[]): Promise<void> => {
    seen.push(`${argv.join(' ')} → ${await replica.call(...argv)}`);
  };
  const shows = async (text: string): Promise<boolean> =>
    (await replica.call('INFO', 'persistence')).includes(text);
  try {
    await master.call('FLUSHALL');
    await master.call('SET', 'which', 'old');
    await replica.call('REPLICAOF', '127.0.0.1', String(masterPort));
    await poll('the first sync', async () => (await replica.call('GET', 'which')).includes('old'));
    await replica.call('REPLICAOF', '127.0.0.1', '1');
    // More than the backlog holds, so that the history is the same and the data has to be copied all the same.
    for (let i = 0; i < 200; i += 1) await master.call('SET', `key:${i}`, 'x'.repeat(1000));
    await master.call('SET', 'which', 'new');
    await master.call('CONFIG', 'SET', 'rdb-key-save-delay', '100000');
    await replica.call('REPLICAOF', '127.0.0.1', String(masterPort));
    await poll('async_loading', async () => shows('async_loading:1'));
    expect(await shows('\nloading:0')).toBe(true);
    await ask('GET', 'which');
    await ask('REPLICAOF', 'NO', 'ONE');
    await ask('CONFIG', 'SET', 'appendonly', 'no');
    await ask('SAVE');
    await ask('CONFIG', 'SET', 'maxmemory-samples', '6');
    expect(await shows('async_loading:1')).toBe(true);
    await master.call('CONFIG', 'SET', 'rdb-key-save-delay', '0');
    await master.call('CLIENT', 'KILL', 'TYPE', 'replica');
    await poll('the end of it', async () => shows('async_loading:0'));
    await poll('the new data', async () => (await replica.call('GET', 'which')).includes('new'));
    await ask('DBSIZE');
    await ask('REPLICAOF', 'NO', 'ONE');
    return seen;
  } finally {
    for (const open of [replica, master]) open.close();
  }
}

// Redis' own suite asks its replica the same (integration/replication, "Diskless load swapdb").
it.skipIf(!hasEngine('redis'))('repl-diskless-load swapdb serves the old data meanwhile', async () => {
  const servers = await Promise.all([
    startRealServer('redis-server', [
      '--repl-diskless-sync-delay',
      '0',
      '--repl-backlog-size',
      '16kb',
      '--rdbcompression',
      'no',
    ]),
    startBundledServer(['--repl-diskless-load', 'swapdb']),
  ]);
  stops.push(...servers.map(({ stop }) => stop));
  const [master, replica] = servers;
  const loading = '-LOADING Redis is loading the dataset in memory\r\n';
  expect(await course(replica.port, master.port)).toEqual([
    'GET which → $3\r\nold\r\n',
    `REPLICAOF NO ONE → ${loading}`,
    `CONFIG SET appendonly no → ${loading}`,
    `SAVE → ${loading}`,
    'CONFIG SET maxmemory-samples 6 → +OK\r\n',
    'DBSIZE → :201\r\n',
    'REPLICAOF NO ONE → +OK\r\n',
  ]);
});
