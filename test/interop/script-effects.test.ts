import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startBundledServer } from '../support/bundled-server.ts';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { startRealServer } from '../support/real-server.ts';

const FLAGS = [
  ['--appendonly', 'yes'],
  ['--repl-diskless-sync', 'no'],
  ['--repl-ping-replica-period', '1000'],
].flat();
const LIBRARY = `#!lua name=l
redis.register_function('two', function(keys, args) redis.call('SET', keys[1], 1) redis.call('INCR', keys[1]) return 'ok' end)
redis.register_function{function_name='ro', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}`;

/** Scripts and what surrounds them, whose effects must reach replicas and the append-only file in Redis' very bytes. */
const UNITS: readonly (readonly string[])[] = [
  ['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', 'a', '1'],
  [
    'EVAL',
    "redis.call('SET', 'a', 1) redis.call('INCR', 'a') return redis.call('LPUSH', 'l', 'x', 'y')",
    '0',
  ],
  ['EVAL', "return redis.call('GET', 'a')", '0'],
  ['EVAL_RO', "return redis.call('GET', 'a')", '0'],
  ['EVAL', "redis.call('SADD', 's', 'm') redis.call('SPOP', 's')", '0'],
  ['EVAL', "redis.call('SADD', 's', 'a', 'b', 'c') return redis.call('SREM', 's', 'zz')", '0'],
  ['EVAL', "redis.call('INCRBYFLOAT', 'f', '1.5') redis.call('HINCRBYFLOAT', 'h', 'x', '0.1')", '0'],
  [
    'EVAL',
    "redis.call('SELECT', 3) redis.call('SET', 'elsewhere', 1) redis.call('SELECT', 0) redis.call('SET', 'here', 1)",
    '0',
  ],
  ['SET', 'after', '0'],
  ['EVAL', "redis.call('SET', 'kept', 1) error('in the end')", '0'],
  [
    'EVAL',
    "redis.call('SET', 'kept', 2) redis.pcall('LPUSH', 'kept', 'x') return redis.call('DEL', 'none')",
    '0',
  ],
  ['EVAL', "redis.call('PUBLISH', 'c', 'm')", '0'],
  ['EVAL', "redis.call('PUBLISH', 'c', 'm') redis.call('SET', 'p', 1)", '0'],
  [
    'EVAL',
    "redis.replicate_commands() redis.set_repl(redis.REPL_NONE) redis.call('SET', 'none', 1) redis.set_repl(redis.REPL_ALL) redis.call('SET', 'all', 1)",
    '0',
  ],
  ['EVAL', "redis.set_repl(redis.REPL_AOF) redis.call('SET', 'only-aof', 1)", '0'],
  [
    'EVAL',
    "redis.set_repl(redis.REPL_REPLICA) redis.call('SET', 'only-replica', 1) redis.call('INCR', 'only-replica')",
    '0',
  ],
  [
    'EVAL',
    "redis.set_repl(redis.REPL_AOF) redis.call('SET', 'a1', 1) redis.set_repl(redis.REPL_SLAVE) redis.call('SET', 'r1', 1)",
    '0',
  ],
  ['EVAL', "redis.set_repl(redis.REPL_NONE) redis.call('SET', 'nowhere', 1)", '0'],
  ['SET', 'plain', '1'],
  ['EVAL', "redis.call('SET', 'x', 1, 'PX', 100000) redis.call('EXPIRE', 'a', 1000)", '0'],
  [
    'EVAL',
    "redis.call('XADD', 'stream', '1-1', 'f', 'v') redis.call('XADD', 'stream', 'MAXLEN', '~', 100, '2-*', 'f', 'v')",
    '0',
  ],
  ['EVAL', "redis.call('LPOP', 'l') redis.call('RPOPLPUSH', 'l', 'l2')", '0'],
  [
    'EVAL',
    "for i = 1, 3 do redis.call('RPUSH', 'many', i) end redis.call('SORT', 'many', 'STORE', 'sorted')",
    '0',
  ],
  [
    'EVAL',
    "redis.call('GETEX', 'x', 'PERSIST') redis.call('GETDEL', 'x') redis.call('EXPIRE', 'plain', -1)",
    '0',
  ],
  ['MULTI'],
  ['SET', 'm', '1'],
  ['EVAL', "redis.call('INCR', 'm') redis.call('INCR', 'm')", '0'],
  ['EVAL', "return redis.call('INCR', 'm')", '0'],
  ['EXEC'],
  ['MULTI'],
  ['EVAL', "return redis.call('INCR', 'm')", '0'],
  ['EXEC'],
  ['MULTI'],
  ['EVAL', "return redis.call('GET', 'm')", '0'],
  ['EXEC'],
  ['SCRIPT', 'LOAD', 'return 1'],
  ['EVALSHA', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', '0'],
  ['SCRIPT', 'FLUSH'],
  ['FUNCTION', 'LOAD', LIBRARY],
  ['FCALL', 'two', '1', 'fk'],
  ['FCALL_RO', 'ro', '1', 'fk'],
  ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY],
  ['FUNCTION', 'LOAD', LIBRARY],
  ['FUNCTION', 'DELETE', 'l'],
  ['FUNCTION', 'DELETE', 'l'],
  ['FUNCTION', 'FLUSH'],
  ['EVAL', "#!lua flags=no-writes\nreturn redis.call('GET', 'a')", '0'],
  ['EVAL', "#!lua\nreturn redis.call('SET', 'shebang', '1')", '0'],
  ['SET', 'the-end', '1'],
];

interface Subject {
  readonly port: number;
  readonly folder: string;
  readonly stop: () => Promise<void>;
}

let servers: Subject[] = [];
let streams: Listener[] = [];

beforeAll(async () => {
  if (!hasEngine('redis')) return;
  servers = await Promise.all([startBundledServer(FLAGS), startRealServer('redis-server', FLAGS)]);
  streams = await Promise.all(servers.map(({ port }) => Listener.attach(port)));
  for (const { port } of servers) {
    const client = await RawConnection.open(port);
    for (const argv of UNITS) await client.call(...argv);
    client.close();
  }
});
afterAll(async () => {
  for (const stream of streams) stream.close();
  for (const { stop } of servers) await stop();
});

it.skipIf(!hasEngine('redis'))('puts the same bytes into the stream', async () => {
  const [ours, theirs] = await Promise.all(
    streams.map(async (stream) =>
      poll('the end of the stream', async () => (stream.text.includes('the-end') ? stream.text : undefined)),
    ),
  );
  expect(commands(ours ?? '')).toEqual(commands(theirs ?? ''));
});

it.skipIf(!hasEngine('redis'))('puts the same bytes into the append-only file', async () => {
  const [ours, theirs] = await Promise.all(
    servers.map(async ({ folder }) =>
      poll('the end of the file', async () => {
        const aof = path.join(folder, 'appendonlydir');
        const file = readdirSync(aof).find((name) => name.endsWith('.incr.aof'));
        const text = file === undefined ? '' : readFileSync(path.join(aof, file), 'latin1');
        return text.includes('the-end') ? text : undefined;
      }),
    ),
  );
  expect(commands(ours ?? '')).toEqual(commands(theirs ?? ''));
});

/**
 * One command a line, times blanked out. Two things are evened out: 7.0 puts a SELECT before the MULTI where 7.2 has
 * it inside, and writes an empty MULTI and EXEC to the one of stream and file that set_repl keeps a unit from.
 */
function commands(text: string): string[] {
  const lines = readCommands(text).filter((line) => line !== 'PING');
  return lines
    .join('\n')
    .replaceAll(/^(SELECT \d+)\nMULTI$/gm, 'MULTI\n$1')
    .replaceAll(/^MULTI\nEXEC\n/gm, '')
    .split('\n');
}

function readCommands(text: string): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.startsWith('*')) {
    const [header = ''] = rest.split('\r\n', 1);
    let at = header.length + 2;
    const argv: string[] = [];
    for (let left = Number(header.slice(1)); left > 0; left -= 1) {
      const end = rest.indexOf('\r\n', at);
      const length = Number(rest.slice(at + 1, end));
      argv.push(rest.slice(end + 2, end + 2 + length));
      at = end + 2 + length + 2;
    }
    lines.push(argv.join(' ').replace(/\b\d{13}\b/g, '<time>'));
    rest = rest.slice(at);
  }
  return lines;
}

/** A replica that takes the RDB and then only listens. */
class Listener {
  private readonly socket: net.Socket;
  private received = '';

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
  }

  static async attach(port: number): Promise<Listener> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    const listener = new Listener(socket);
    socket.write('PSYNC ? -1\r\n');
    await poll('the payload', async () => listener.payloadEnd > 0);
    return listener;
  }

  /** What came behind the RDB. */
  get text(): string {
    return this.received.slice(this.payloadEnd);
  }

  close(): void {
    this.socket.destroy();
  }

  private get payloadEnd(): number {
    const found = /\r\n\n*\$(\d+)\r\n/.exec(this.received);
    if (found === null) return 0;
    const end = found.index + found[0].length + Number(found[1]);
    return end <= this.received.length ? end : 0;
  }
}
