import { expect, it } from 'vitest';
import { MasterStream } from '../../../src/server/replication/master-stream.ts';
import { Args } from '../../../src/server/resp/args.ts';
import { TestServer, withFolder } from '../persistence/test-server.ts';

const UNKNOWN = [
  ['SELECT', '0'],
  ['SET', 'before', '1'],
  ['FROMTHEFUTURE', 'key', 'a secret'],
  ['MULTI'],
  ['HSET', 'hash', 'a', '1'],
  ['FROMTHEFUTURE', 'hash', 'a secret'],
  ['SET', 'number', 'one'],
  ['INCR', 'number'],
  ['EXEC'],
  ['SET', 'after', '1'],
];

/** What Redis 7.4.1, 8.0.6 and Valkey 9.1.2 were seen to send. */
const NEWER = [
  ['SELECT', '0'],
  ['HSETEX', 'h', 'KEEPTTL', 'FIELDS', '1', 'f', '2.75'],
  ['HSETEX', 'h', 'FNX', 'KEEPTTL', 'FIELDS', '2', 'g', '1', 'gone', '1'],
  ['HGETDEL', 'h', 'FIELDS', '1', 'gone'],
  ['HPERSIST', 'h', 'FIELDS', '1', 'f'],
  ['MULTI'],
  ['SET', 's', '1'],
  ['SET', 's', '2', 'IFEQ', '1'],
  ['MSETEX', '2', 'a', 'x', 'b', 'y', 'NX', 'PXAT', '4000000000000'],
  ['EXEC'],
];
const EXPIRING = [
  ['HSETEX', 'h', 'PXAT', '4000000000000', 'FIELDS', '1', 'f', '3'],
  ['HPEXPIREAT', 'h', '4000000000000', 'FIELDS', '2', 'f', 'g'],
];

const encode = (stream: readonly string[][]): Buffer =>
  Buffer.concat(stream.map((argv) => Args.of(argv).buf));

it('does what newer masters send', async () => {
  await withFolder(async (folder) => {
    const node = new TestServer(folder);
    const stream = new MasterStream(node.server, { peer: () => '127.0.0.1:6379', cut: () => undefined });
    stream.restart(1000, 0);
    expect(stream.feed(encode(NEWER))).toBe(1000 + encode(NEWER).length);
    expect(node.run('HGETALL', 'h')).toBe('*4\r\n$1\r\nf\r\n$4\r\n2.75\r\n$1\r\ng\r\n$1\r\n1\r\n');
    expect(node.run('MGET', 's', 'a', 'b')).toBe('*3\r\n$1\r\n2\r\n$1\r\nx\r\n$1\r\ny\r\n');
    expect(node.run('PEXPIRETIME', 'b')).toBe(':4000000000000\r\n');
    expect(node.server.stats.unexpectedErrorReplies).toBe(0);

    stream.feed(encode(EXPIRING));
    expect(node.run('HGET', 'h', 'f')).toBe('$1\r\n3\r\n');
    expect(node.run('HPEXPIRETIME', 'h', 'FIELDS', '2', 'f', 'g')).toBe(
      '*2\r\n:4000000000000\r\n:4000000000000\r\n',
    );
    expect(node.server.stats.unexpectedErrorReplies).toBe(0);
  });
});

it('does not know them from clients', async () => {
  await withFolder(async (folder) => {
    const node = new TestServer(folder);
    expect(node.run('MSETEX', '1', 'a', 'x')).toContain('-ERR unknown command');
    expect(node.run('SET', 's', '2', 'IFEQ', '1')).toBe('-ERR syntax error\r\n');
  });
});

it('says and counts what it can not do of a newer master, and does the rest', async () => {
  await withFolder(async (folder) => {
    const node = new TestServer(folder);
    const stream = new MasterStream(node.server, { peer: () => '127.0.0.1:6379', cut: () => undefined });
    stream.restart(1000, 0);
    const bytes = encode(UNKNOWN);
    expect(stream.feed(bytes)).toBe(1000 + bytes.length);

    expect(node.run('MGET', 'before', 'number', 'after')).toBe('*3\r\n$1\r\n1\r\n$3\r\none\r\n$1\r\n1\r\n');
    expect(node.run('HGET', 'hash', 'a')).toBe('$1\r\n1\r\n');
    expect(node.lines.filter((line) => line.includes('CRITICAL'))).toEqual([
      "== CRITICAL == This replica is sending an error to its master: 'ERR unknown command 'FROMTHEFUTURE'' after processing the command '<unknown>'",
      "== CRITICAL == This replica is sending an error to its master: 'ERR unknown command 'FROMTHEFUTURE'' after processing the command '<unknown>'",
      "== CRITICAL == This replica is sending an error to its master: 'ERR value is not an integer or out of range' after processing the command 'incr'",
    ]);
    expect(node.server.stats.unexpectedErrorReplies).toBe(3);
  });
});
