import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { RdbReader } from '../../src/server/rdb/rdb-reader.ts';
import { digestKeys } from '../server/rdb/digest-keys.ts';
import { RecordingSink } from '../server/rdb/recording-sink.ts';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { startRealServer } from '../support/real-server.ts';

const LOG = 'appendonlydir';
const APPEND = ['--appendonly', 'yes', '--appendfsync', 'always'];

interface DataHolder {
  readonly folder: string;
  readonly client: Redis;
  stop(): Promise<void>;
}

interface Killable extends DataHolder {
  /** Ends it as `kill -9` does, the folder kept. */
  kill(): Promise<void>;
}

async function startBundled(
  flags: readonly string[] = [],
  prepare: (folder: string) => void = () => undefined,
): Promise<Killable> {
  const server = await startBundledServer(flags, prepare);
  const client = new Redis(server.port, '127.0.0.1', {
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  client.on('error', () => undefined);
  const stop = async (): Promise<void> => {
    client.disconnect();
    await server.stop();
  };
  const kill = async (): Promise<void> => {
    process.kill(server.pid, 'SIGKILL');
    await poll('the connection to end', async () => client.status === 'end');
  };
  return { folder: server.folder, client, kill, stop };
}

const startReal = (flags: readonly string[] = [], prepare?: (folder: string) => void): Promise<DataHolder> =>
  startRealServer('redis-server', flags, prepare);

async function withServer<T extends DataHolder>(
  starting: Promise<T>,
  use: (server: T) => Promise<void>,
): Promise<void> {
  const server = await starting;
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function fill(client: Redis): Promise<void> {
  const names = Array.from({ length: 700 }, (_, index) => `name:${index}`);
  const pipeline = client.pipeline();
  for (const name of names) pipeline.set(name, `value of ${name}`);
  pipeline.set('counter', '12345');
  pipeline.incr('counter');
  pipeline.append('name:1', ' and more');
  pipeline.del('name:2');
  pipeline.rpush('list', ...names);
  pipeline.lpop('list');
  pipeline.sadd('set', ...names);
  pipeline.spop('set');
  pipeline.zadd('zset', ...names.flatMap((name, index) => [String(index / 4), name]));
  pipeline.hset('hash', ...names.flatMap((name) => [name, name]));
  pipeline.hdel('hash', 'name:3');
  pipeline.pexpireat('name:5', 4_000_000_000_000);
  pipeline.expire('name:6', 100_000);
  pipeline.call('MULTI');
  pipeline.set('in', 'one');
  pipeline.set('go', 'two');
  pipeline.call('EXEC');
  const results = (await pipeline.exec()) ?? [];
  expect(results.map(([error]) => error).filter((error) => error !== null)).toEqual([]);
  await client.select(4);
  await client.set('elsewhere', 'yes');
  await client.select(0);
}

/** DEBUG DIGEST as the server's own dump file tells it. */
async function digestOf({ client, folder }: DataHolder): Promise<string> {
  await client.save();
  const sink = new RecordingSink();
  const reader = new RdbReader(sink);
  reader.write(readFileSync(path.join(folder, 'dump.rdb')));
  reader.end();
  return digestKeys(sink.keys.toSorted((a, b) => a.db - b.db));
}

const copyFrom = (source: DataHolder, name: string) => (folder: string) =>
  cpSync(path.join(source.folder, name), path.join(folder, name), { recursive: true });

describe.skipIf(!hasEngine('redis'))('files of the bundled server and redis-server', () => {
  it.each([
    ['bundled', startBundled, startReal],
    ['redis', startReal, startBundled],
  ] as const)('a dump file of %s is loaded by the other', async (_, from, to) => {
    await withServer(from(), async (source) => {
      await fill(source.client);
      const digest = await digestOf(source);
      expect(execFileSync('redis-check-rdb', [path.join(source.folder, 'dump.rdb')]).toString()).toContain(
        'OK',
      );
      await withServer(to([], copyFrom(source, 'dump.rdb')), async (target) => {
        expect(await digestOf(target)).toBe(digest);
      });
    });
  });

  it.each([
    ['bundled', startBundled, startReal, false, []],
    ['bundled, rewritten', startBundled, startReal, true, []],
    ['redis', startReal, startBundled, false, []],
    ['redis, rewritten', startReal, startBundled, true, []],
    ['redis without preamble', startReal, startBundled, true, ['--aof-use-rdb-preamble', 'no']],
  ] as const)('an append-only log of %s is loaded by the other', async (_, from, to, isRewritten, flags) => {
    await withServer(from([...APPEND, ...flags]), async (source) => {
      await source.client.set('before', 'the rewrite');
      if (isRewritten) {
        await source.client.bgrewriteaof();
        // What it replaces is removed last.
        await poll('the rewrite', async () => {
          const names = readdirSync(path.join(source.folder, LOG));
          return (
            names.some((name) => name.includes('.2.base.')) && !names.some((name) => name.includes('.1.'))
          );
        });
      }
      await fill(source.client);
      const digest = await digestOf(source);
      const manifest = path.join(source.folder, LOG, 'appendonly.aof.manifest');
      expect(execFileSync('redis-check-aof', [manifest]).toString()).toContain(
        'All AOF files and manifest are valid',
      );
      await withServer(to(APPEND, copyFrom(source, LOG)), async (target) => {
        expect(await digestOf(target)).toBe(digest);
        await target.client.set('goes', 'on');
      });
    });
  });
});

describe('a bundled server that is killed', () => {
  it.each(['always', 'everysec'])('has kept what it answered, with appendfsync %s', async (policy) => {
    const flags = ['--appendonly', 'yes', '--appendfsync', policy];
    const source = await startBundled(flags);
    let answered = 0;
    try {
      const writing = (async () => {
        for (let next = 1; ; next++) {
          await source.client.set(`key:${next}`, String(next));
          answered = next;
        }
      })().catch(() => undefined);
      await poll('some writes', async () => answered > 300);
      await source.client.bgrewriteaof();
      const before = answered;
      await poll('more writes', async () => answered > before + 300);
      await source.kill();
      await writing;
      const promised = answered;
      await withServer(startBundled(flags, copyFrom(source, LOG)), async ({ client }) => {
        const values = await client.mget(Array.from({ length: promised }, (_, index) => `key:${index + 1}`));
        const lost = values.filter((value) => value === null).length;
        // The answer to a write may leave in the turn before it is written, unless it is synced first.
        expect(lost).toBeLessThanOrEqual(policy === 'always' ? 0 : 1);
      });
    } finally {
      await source.stop();
    }
  });
});
