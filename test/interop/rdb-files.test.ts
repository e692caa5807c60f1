import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { isDumpPayloadIntact, readDumpPayload } from '../../src/server/rdb/dump-payload.ts';
import { RdbReader } from '../../src/server/rdb/rdb-reader.ts';
import { digestKeys } from '../server/rdb/digest-keys.ts';
import { RecordingSink } from '../server/rdb/recording-sink.ts';
import { writeRecorded } from '../server/rdb/write-recorded.ts';
import { hasEngine } from '../support/engines.ts';
import { type RealServer, startRealServer } from '../support/real-server.ts';

/** Every type, the encodings an engine chooses by itself, and the edges of the number and string forms. */
async function fill(client: Redis): Promise<void> {
  const texts = [
    '',
    'plain',
    '0',
    '-1',
    '127',
    '128',
    '-32768',
    '70000',
    '2147483648',
    '-9223372036854775808',
  ];
  const many = Array.from({ length: 1200 }, (_, index) => `element:${index}`);
  const numbers = ['1', '-5', '300', '-40000', '8000000', '-2000000000', '5000000000', '9223372036854775807'];
  const pipeline = client.pipeline();
  texts.forEach((text, index) => pipeline.set(`string:${index}`, text));
  pipeline.set('string:compressible', 'abcabcabc'.repeat(5000));
  pipeline.set('string:binary', Buffer.from(Array.from({ length: 256 }, (_, index) => index)));
  pipeline.set('string:expiring', 'soon', 'PX', 100_000_000);
  pipeline.set('12345', '67890');
  pipeline.rpush('list:small', ...texts, 'x'.repeat(100), 'y'.repeat(5000));
  pipeline.rpush('list:numbers', ...numbers);
  pipeline.rpush('list:big', ...many, 'z'.repeat(20_000));
  pipeline.sadd('set:integers', '1', '-2', '3000');
  pipeline.sadd('set:wide', ...numbers);
  pipeline.sadd('set:small', 'a', 'b', '12');
  pipeline.sadd('set:big', ...many);
  pipeline.zadd('zset:small', '1.5', 'a', '-2', 'b', '100000', 'c', 'inf', 'd', '-inf', 'e');
  pipeline.zadd('zset:big', ...many.flatMap((member, index) => [String(index / 2), member]));
  pipeline.hset('hash:small', 'f', 'v', 'n', '42', 'empty', '');
  pipeline.hset('hash:big', ...many.flatMap((field, index) => [field, String(index)]));
  pipeline.expire('hash:big', 100_000);
  await pipeline.exec();
  await fillStream(client);
  await client.select(3);
  await client.set('elsewhere', 'yes');
  await client.select(0);
}

async function fillStream(client: Redis): Promise<void> {
  const pipeline = client.pipeline();
  for (let index = 1; index <= 350; index++) {
    const own = index % 7 === 0 ? [`odd:${index}`, 'x'] : [];
    pipeline.xadd(
      'stream',
      `${1_700_000_000_000 + index * 3}-${index % 2}`,
      'a',
      String(index),
      'b',
      'same',
      ...own,
    );
  }
  pipeline.xdel('stream', `${1_700_000_000_000 + 10 * 3}-0`);
  pipeline.xgroup('CREATE', 'stream', 'group', '0');
  pipeline.xgroup('CREATE', 'stream', 'idle group', '$');
  pipeline.xreadgroup('GROUP', 'group', 'alice', 'COUNT', 5, 'STREAMS', 'stream', '>');
  pipeline.xreadgroup('GROUP', 'group', 'bob', 'COUNT', 3, 'STREAMS', 'stream', '>');
  pipeline.xgroup('CREATECONSUMER', 'stream', 'group', 'carol');
  pipeline.xadd('stream:emptied', '5-5', 'a', 'b');
  pipeline.xdel('stream:emptied', '5-5');
  await pipeline.exec();
}

const BIG_ENCODINGS = ['hash', 'zset'].flatMap((type) => [`--${type}-max-ziplist-entries`, '0']);
const LEGACY_LISTS = ['--list-max-ziplist-size', '3', '--set-max-intset-entries', '0'];
const STREAM_NODES = ['--stream-node-max-entries', '10'];

const SOURCES = [
  { name: 'small encodings', flags: [] },
  { name: 'big encodings', flags: [...BIG_ENCODINGS, ...LEGACY_LISTS, ...STREAM_NODES] },
  { name: 'no compression, no checksum', flags: ['--rdbcompression', 'no', '--rdbchecksum', 'no'] },
];

function readFile(file: Buffer): RecordingSink {
  const sink = new RecordingSink();
  const reader = new RdbReader(sink);
  for (let at = 0; at < file.length; at += 7001) reader.write(file.subarray(at, at + 7001));
  reader.end();
  return sink;
}

for (const binary of ['redis-server', 'valkey-server'] as const) {
  const isThere = hasEngine(binary === 'redis-server' ? 'redis' : 'valkey');
  describe.skipIf(!isThere)(`files of ${binary}`, () => {
    it.each(SOURCES)('are read and written back with an equal digest: $name', async ({ flags }) => {
      await withServer(startRealServer(binary, flags), async (source) => {
        await fill(source.client);
        const digest = await source.client.call('DEBUG', 'DIGEST');
        const pending = await source.client.call('XPENDING', 'stream', 'group', '-', '+', '10', 'alice');
        await source.client.save();
        const sink = readFile(readFileSync(path.join(source.folder, 'dump.rdb')));
        expect(digestKeys(sink.keys)).toBe(digest);

        const rewritten = writeRecorded(sink.keys);
        checkRdb(rewritten);
        const put = (folder: string): void => writeFileSync(path.join(folder, 'dump.rdb'), rewritten);
        await withServer(startRealServer(binary, [], put), async ({ client }) => {
          expect(await client.call('DEBUG', 'DIGEST')).toBe(digest);
          const loaded = await client.call('XPENDING', 'stream', 'group', '-', '+', '10', 'alice');
          expect(withoutIdleTime(loaded)).toEqual(withoutIdleTime(pending));
        });
      });
    });

    it('exchanges values with DUMP and RESTORE', async () => {
      await withServer(startRealServer(binary), async ({ client }) => {
        await fill(client);
        await client.call(
          'FUNCTION',
          'LOAD',
          "#!lua name=lib\nredis.register_function('f', function() return 1 end)",
        );
        for (const key of await client.keys('*')) {
          const payload = await client.dumpBuffer(key);
          expect(isDumpPayloadIntact(payload)).toBe(true);
          const sink = new RecordingSink();
          readDumpPayload(payload, sink);
          expect(sink.keys).toHaveLength(1);
        }
        await client.save();
      });
    });
  });
}

describe.skipIf(!hasEngine('redis') || !hasEngine('valkey'))('files of a newer form', () => {
  it('carry functions and counters to a reader that knows them', async () => {
    await withServer(startRealServer('valkey-server'), async (source) => {
      await fillStream(source.client);
      const code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
      await source.client.call('FUNCTION', 'LOAD', code);
      await source.client.save();
      const sink = readFile(readFileSync(path.join(source.folder, 'dump.rdb')));
      expect(sink.libraries).toEqual([code]);
      const full = await source.client.call('XINFO', 'STREAM', 'stream');
      const put = (folder: string): void =>
        writeFileSync(path.join(folder, 'dump.rdb'), writeRecorded(sink.keys, { version: 11 }));
      await withServer(startRealServer('valkey-server', [], put), async ({ client }) => {
        expect(withoutTreeShape(await client.call('XINFO', 'STREAM', 'stream'))).toEqual(
          withoutTreeShape(full),
        );
      });
    });
  });
});

async function withServer(
  starting: Promise<RealServer>,
  use: (server: RealServer) => Promise<void>,
): Promise<void> {
  const server = await starting;
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

function checkRdb(file: Buffer): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-rdb-'));
  try {
    const name = path.join(folder, 'dump.rdb');
    writeFileSync(name, file);
    expect(execFileSync('redis-check-rdb', [name], { encoding: 'utf8' })).toContain('RDB looks OK');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function withoutIdleTime(pending: unknown): unknown {
  return (pending as unknown[][]).map(([id, consumer, , deliveries]) => [id, consumer, deliveries]);
}

/** How many nodes the entries were spread over is the writer's choice. */
function withoutTreeShape(info: unknown): unknown {
  const fields = info as unknown[];
  const at = fields.indexOf('radix-tree-keys');
  return fields.filter((_, index) => index < at || index > at + 3);
}
