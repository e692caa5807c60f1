import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';
import { RawConnection } from '../support/raw-connection.ts';

/**
 * A disk that takes no more: the system lets no file of the process grow beyond a limit, and a write that would fails
 * with EFBIG as it would with ENOSPC. The signal that goes with it is ignored, as it is in Node anyway.
 */
type Kind = 'bundled' | 'redis';

const VALUE = 'v'.repeat(1000);

interface Node {
  readonly admin: RawConnection;
  /** No file may grow beyond so many bytes; undefined for any size. */
  readonly limit: (bytes: number | undefined) => void;
  readonly info: (field: string) => Promise<string>;
  readonly kill: () => Promise<void>;
  readonly exited: () => boolean;
  readonly log: () => string;
}

const started: { readonly child: ChildProcess; readonly exit: Promise<unknown> }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const { child, exit } of started.splice(0)) {
    child.kill('SIGKILL');
    await exit;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-full-'));
  folders.push(folder);
  return folder;
}

async function start(kind: Kind, folder: string, flags: readonly string[]): Promise<Node> {
  const [port] = (await freePorts(1)) as [number];
  const engine = kind === 'redis' ? ['redis-server'] : [process.execPath, inject('serverScript')];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...flags];
  const child = spawn('sh', ['-c', `trap '' XFSZ; exec "$@"`, 'sh', ...engine, ...args], { stdio: 'pipe' });
  let log = '';
  child.stdout.on('data', (text: Buffer) => (log += text.toString()));
  child.stderr.on('data', (text: Buffer) => (log += text.toString()));
  const exit = once(child, 'exit');
  started.push({ child, exit });
  await poll(`${kind} to be ready`, async () => log.includes('eady to accept connections'));
  const admin = await RawConnection.open(port);
  return {
    admin,
    limit: (bytes) =>
      void execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes ?? 'unlimited'}:unlimited`]),
    info: async (field) =>
      new RegExp(`^${field}:(.*)\\r$`, 'm').exec(await admin.call('INFO', 'persistence'))?.[1] ?? '',
    kill: async () => {
      child.kill('SIGKILL');
      await exit;
    },
    exited: () => child.exitCode !== null || child.signalCode !== null,
    log: () => log,
  };
}

/** What a process prints comes by another way than its replies. */
async function logged(log: () => string, line: RegExp): Promise<void> {
  await poll(`the log to say ${line.source}`, async () => line.test(log()));
}

/** What clients hear while saves fail, and after. */
async function failToSave(kind: Kind): Promise<string[]> {
  const folder = newFolder();
  const { admin, limit, info, log } = await start(kind, folder, [
    '--save',
    '3600 1',
    '--rdbcompression',
    'no',
  ]);
  const seen: string[] = [];
  const say = async (...command: string[]): Promise<void> => {
    seen.push(`${command.join(' ').slice(0, 60)} → ${await admin.call(...command)}`);
  };
  const tell = async (...fields: string[]): Promise<void> => {
    for (const field of fields) seen.push(`${field} ${await info(field)}`);
  };
  const save = async (status: string): Promise<void> => {
    await say('BGSAVE');
    await poll('the save to end', async () => (await info('rdb_bgsave_in_progress')) === '0');
    await poll(`status ${status}`, async () => (await info('rdb_last_bgsave_status')) === status);
  };
  const dump = path.join(folder, 'dump.rdb');
  for (let i = 0; i < 300; i += 1) await admin.call('SET', `key:${i}`, VALUE);
  await say('SAVE');
  const whole = readFileSync(dump);
  limit(100_000);
  await say('SET', 'one', 'more');
  await save('err');
  await tell('rdb_changes_since_last_save', 'rdb_last_bgsave_status', 'rdb_saves');
  await say('SET', 'a', '1');
  await say('PING');
  await say('GET', 'one');
  await say('MULTI');
  await say('INCR', 'n');
  await say('EXEC');
  await say('EVAL', "return redis.call('SET', KEYS[1], 1)", '1', 'k');
  await say('EVAL', "return redis.call('GET', KEYS[1])", '1', 'one');
  await say('SAVE');
  await say('SHUTDOWN', 'SAVE');
  await say('DEL', 'one');
  await say('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
  await say('SET', 'a', '1');
  await say('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes');
  await say('SET', 'a', '2');
  seen.push(
    `the old file is ${readFileSync(dump).equals(whole) ? 'whole' : 'gone'}`,
    readdirSync(folder).join(' '),
  );
  limit(undefined);
  await save('ok');
  await say('SET', 'a', '3');
  await tell('rdb_changes_since_last_save', 'rdb_last_bgsave_status');
  await say('SAVE');
  await logged(log, /Write error .*saving DB .*: File too large/);
  await logged(log, /Background saving error/);
  return seen;
}

/** The log can not be written for a while; then a kill. What was acknowledged must be there. */
async function failToAppend(kind: Kind): Promise<string[]> {
  const folder = newFolder();
  const flags = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const node = await start(kind, folder, flags);
  const { admin, limit, info } = node;
  const acknowledged: string[] = [];
  const write = async (i: number): Promise<string> => {
    const reply = await admin.call('SET', `key:${i}`, VALUE);
    if (reply === '+OK\r\n') acknowledged.push(`key:${i}`);
    return reply;
  };
  for (let i = 0; i < 20; i += 1) await write(i);
  limit(40_000);
  let refusal = '';
  for (let i = 20; refusal === '' || refusal === '+OK\r\n'; i += 1) refusal = await write(i);
  const seen = [
    refusal.replace(/: .*\r\n/, ': …'),
    await info('aof_last_write_status'),
    await admin.call('GET', 'none'),
    (await admin.call('DEL', 'key:0')).replace(/: .*\r\n/, ': …'),
  ];
  limit(undefined);
  await poll('the log to be written again', async () => (await info('aof_last_write_status')) === 'ok');
  seen.push(await write(1000), await info('aof_last_write_status'));
  await poll('the log to be on disk', async () => (await info('aof_buffer_length')) === '0');
  await logged(node.log, /AOF write error looks solved, Redis can write again\./);
  await node.kill();
  const next = await start(kind, folder, flags);
  const found = await next.admin.call('EXISTS', ...acknowledged);
  expect(found).toBe(`:${acknowledged.length}\r\n`);
  return seen;
}

/** Nothing may be answered that is not on disk: the server ends instead. */
async function failAlways(kind: Kind): Promise<string[]> {
  const folder = newFolder();
  const flags = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  const node = await start(kind, folder, flags);
  for (let i = 0; i < 20; i += 1) await node.admin.call('SET', `key:${i}`, VALUE);
  node.limit(30_000);
  let count = 20;
  while ((await node.admin.call('SET', `key:${count}`, VALUE)) === '+OK\r\n') count += 1;
  await poll('the server to end', async () => node.exited());
  await logged(
    node.log,
    /Can't recover from AOF write error when the AOF fsync policy is 'always'\. Exiting\.\.\./,
  );
  const next = await start(kind, folder, flags);
  return [String(count), await next.admin.call('DBSIZE')];
}

const CAN_LIMIT = spawnSync('prlimit', ['--version'], { stdio: 'ignore' }).status === 0;

describe.skipIf(!hasEngine('redis') || !CAN_LIMIT)('when the disk is full', () => {
  it.each([
    ['saves fail, the old file stays and writes are refused', failToSave],
    ['the log is written later and writes are refused meanwhile', failToAppend],
    ['nothing is acknowledged with appendfsync always', failAlways],
  ] as const)('%s, as in redis-server', async (_title, run) => {
    const [ours, theirs] = await Promise.all([run('bundled'), run('redis')]);
    expect(ours).toEqual(theirs);
  });
});
