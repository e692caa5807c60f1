import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

type Kind = 'bundled' | 'redis';

const KINDS: readonly Kind[] = ['bundled', 'redis'];
const PASSWORD = 'a secret';

/** On the source, where TARGET stands for host and port of the target; on it a line that begins with `>`. */
const MOVES: readonly (readonly string[])[] = [
  ['SET', 'a', '1'],
  ['SET', 'b', '2', 'PX', '60000000'],
  ['RPUSH', 'l', 'x', 'y', '3'],
  ['HSET', 'h', 'f', 'v'],
  ['ZADD', 'z', '1.5', 'm'],
  ['SADD', 's', 'm1', '7'],
  ['MIGRATE', 'TARGET', 'missing', '0', '50000'],
  ['MIGRATE', 'TARGET', 'a', '0', '50000'],
  ['MIGRATE', 'TARGET', 'a', '0', '50000', 'AUTH', PASSWORD],
  ['EXISTS', 'a'],
  ['>', 'GET', 'a'],
  ['SET', 'a', 'anew'],
  ['MIGRATE', 'TARGET', 'a', '0', '50000', 'AUTH', PASSWORD],
  ['GET', 'a'],
  ['MIGRATE', 'TARGET', 'a', '0', '50000', 'REPLACE', 'COPY', 'AUTH2', 'default', PASSWORD],
  ['GET', 'a'],
  ['>', 'GET', 'a'],
  ['MIGRATE', 'TARGET', 'a', '0', '50000', 'AUTH2', 'nobody', PASSWORD],
  ['MIGRATE', 'TARGET', 'a', '99', '50000', 'AUTH', PASSWORD],
  ['MIGRATE', 'TARGET', 'l', '3', '50000', 'AUTH', PASSWORD],
  ['>', 'SELECT', '3'],
  ['>', 'LRANGE', 'l', '0', '-1'],
  ['>', 'SELECT', '0'],
  // One of the three is there already: the others go.
  ['>', 'SET', 'h', 'in the way'],
  ['MIGRATE', 'TARGET', '', '0', '50000', 'AUTH', PASSWORD, 'KEYS', 'b', 'h', 'missing', 'z', 's'],
  ['EXISTS', 'b', 'z', 's'],
  ['EXISTS', 'h'],
  ['>', 'MGET', 'b', 'h'],
  ['>', 'ZRANGE', 'z', '0', '-1', 'WITHSCORES'],
  ['>', 'SCARD', 's'],
  // Inside of transactions and scripts.
  ['SET', 'in multi', '1'],
  ['MULTI'],
  ['MIGRATE', 'TARGET', 'in multi', '0', '50000', 'AUTH', PASSWORD],
  ['EXISTS', 'in multi'],
  ['EXEC'],
  ['SET', 'in script', '1'],
  [
    'EVAL',
    "return redis.call('MIGRATE', ARGV[1], ARGV[2], KEYS[1], 0, 50000, 'AUTH', ARGV[3])",
    '1',
    'in script',
    'TARGET',
    PASSWORD,
  ],
  ['>', 'EXISTS', 'in multi', 'in script'],
  // What is wrong with a request.
  ['MIGRATE', 'TARGET', 'k', '0', '50000', 'KEYS', 'a'],
  ['MIGRATE', 'TARGET', 'k', '0', '50000', 'AUTH'],
  ['MIGRATE', 'TARGET', 'k', '0', '50000', 'AUTH2', 'x'],
  ['MIGRATE', 'TARGET', 'k', '0', '50000', 'MOVE'],
  ['MIGRATE', 'TARGET', 'k', 'zero', '50000'],
  ['MIGRATE', 'TARGET', 'k', '0', 'soon'],
  ['MIGRATE', 'TARGET', 'k', '0'],
  ['COMMAND', 'GETKEYSANDFLAGS', 'MIGRATE', 'h', '1', '', '0', '1', 'AUTH', 'KEYS', 'KEYS', 'a', 'b'],
  ['COMMAND', 'GETKEYSANDFLAGS', 'MIGRATE', 'h', '1', 'k', '0', '1', 'COPY'],
  ['COMMAND', 'INFO', 'MIGRATE'],
];

describe.skipIf(!hasEngine('redis'))('MIGRATE', () => {
  const ports = new Map<string, number>();
  const folders = new Map<string, string>();
  let expected: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  const portOf = (name: string): number => ports.get(name) ?? 0;

  beforeAll(async () => {
    for (const kind of KINDS) {
      const flags = ['--appendonly', 'yes'];
      for (const role of ['source', 'target']) {
        const server = await (kind === 'bundled'
          ? startBundledServer(flags)
          : startRealServer('redis-server', flags));
        ports.set(`${kind} ${role}`, server.port);
        folders.set(`${kind} ${role}`, server.folder);
        stops.push(server.stop);
      }
      const target = await RawConnection.open(portOf(`${kind} target`));
      await target.call('CONFIG', 'SET', 'requirepass', PASSWORD);
      target.close();
    }
    // Once: a redis-server keeps its connection to a target for a while, and what it said there.
    expected = await transcript('redis', 'redis');
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
  });

  async function transcript(source: Kind, target: Kind): Promise<string[]> {
    const from = await RawConnection.open(portOf(`${source} source`));
    const to = await RawConnection.open(portOf(`${target} target`));
    await to.call('AUTH', PASSWORD);
    await to.call('FLUSHALL');
    await from.call('FLUSHALL');
    const seen: string[] = [];
    for (const line of MOVES) {
      const args = line.flatMap((word) =>
        word === 'TARGET' ? ['127.0.0.1', String(portOf(`${target} target`))] : [word],
      );
      const reply = args[0] === '>' ? await to.call(...args.slice(1)) : await from.call(...args);
      seen.push(`${line.join(' ')} → ${JSON.stringify(reply)}`);
    }
    from.close();
    to.close();
    return seen;
  }

  it.each([
    ['bundled', 'bundled'],
    ['bundled', 'redis'],
    ['redis', 'bundled'],
  ] as const)('from %s to %s goes as between two of redis', async (source, target) => {
    expect(await transcript(source, target)).toEqual(expected);
  });

  it('gives up as redis-server does', async () => {
    const [nobody] = (await freePorts(1)) as [number];
    const mute = net.createServer(() => undefined).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const mutePort = (mute.address() as net.AddressInfo).port;
    await Promise.all(
      KINDS.map(async (kind) => {
        const source = await RawConnection.open(portOf(`${kind} source`));
        await source.call('SET', 'k', 'v');
        const migrate = (port: number): Promise<string> =>
          source.call('MIGRATE', '127.0.0.1', String(port), 'k', '0', '3000');
        expect(await migrate(nobody), kind).toBe('-IOERR error or timeout writing to target instance\r\n');
        expect(await migrate(mutePort), kind).toBe('-IOERR error or timeout reading to target instance\r\n');
        expect(await source.call('GET', 'k')).toBe('$1\r\nv\r\n');
        source.close();
      }),
    );
    mute.close();
  });

  it('tells the log and the slow log what redis-server tells them', async () => {
    const told = new Map<Kind, string>();
    for (const kind of KINDS) {
      const source = await RawConnection.open(portOf(`${kind} source`));
      const target = String(portOf('redis target'));
      const migrate = (...more: string[]): Promise<string> =>
        source.call('MIGRATE', '127.0.0.1', target, '', '0', '50000', 'AUTH', PASSWORD, ...more);
      await source.call('FLUSHALL');
      await source.call('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
      await source.call('MSET', 'a', '1', 'b', '2', 'c', '3');
      await migrate('REPLACE', 'KEYS', 'a', 'x', 'b');
      const slow = await source.call('SLOWLOG', 'GET', '1');
      expect(slow).toContain('(redacted)');
      expect(slow).not.toContain(PASSWORD);
      await migrate('COPY', 'REPLACE', 'KEYS', 'c');
      await migrate('KEYS', 'c');
      await source.call('SET', 'last', kind);
      told.set(kind, await logSince(folders.get(`${kind} source`) ?? '', 'MSET', 'last'));
      source.close();
    }
    expect(told.get('bundled')).toContain('DEL');
    expect(told.get('bundled')).toBe(told.get('redis'));
  });
});

/** The increment of a log from the last `first` on, as soon as it holds `last`; without what follows that. */
async function logSince(folder: string, first: string, last: string): Promise<string> {
  const folderOfLog = path.join(folder, 'appendonlydir');
  let text = '';
  await poll(`${last} in the log`, async () => {
    const name = readdirSync(folderOfLog).find((file) => file.includes('.incr.')) ?? '';
    text = readFileSync(path.join(folderOfLog, name), 'latin1');
    text = text.slice(text.lastIndexOf(first));
    return text.includes(last);
  });
  return text.slice(0, text.indexOf(last));
}
