import { expect, it } from 'vitest';
import { MasterStream } from '../../../src/server/replication/master-stream.ts';
import { Args } from '../../../src/server/resp/args.ts';
import { TestServer, withFolder } from '../persistence/test-server.ts';

const STREAM = [
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

it('says and counts what it can not do of a newer master, and does the rest', async () => {
  await withFolder(async (folder) => {
    const node = new TestServer(folder);
    const stream = new MasterStream(node.server, { peer: () => '127.0.0.1:6379', cut: () => undefined });
    stream.restart(1000, 0);
    const bytes = Buffer.concat(STREAM.map((argv) => Buffer.from(Args.of(argv).buf)));
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
