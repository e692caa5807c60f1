// Servers with a million keys of 16 bytes with values of 32, for the benches of the bundled server's files and syncs.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

export const KEYS = 1_000_000;
const FIRST_PORT = 23_000 + (process.pid % 2000) * 4;
const FILL = `for i = 1, ${KEYS} do
  redis.call('set', string.format('key:%012d', (i * 7919) % 1000003),
    string.rep(string.char(97 + i % 26), 8) .. string.format('%024d', i * 104729)) end`;

/** A delay that collects replicas would be measured too. */
const SYNC = ['--repl-diskless-sync-delay', '0'];
const SERVER = path.join(import.meta.dirname, '..', 'bin', 'server.js');
/** As `up` starts it (src/hosts/engine.ts). */
export const NODE_OPTIONS = ['--single-threaded-gc'];
const ENGINES = { ours: [process.execPath, ...NODE_OPTIONS, SERVER], theirs: ['redis-server'] };

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Writes an RDB file of the keys by redis-server; `remove` takes it away. */
export async function makeDump() {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  const server = await start('theirs', 0, folder, { flags: ['--rdbcompression', 'no'] });
  await server.client.eval(FILL, 0);
  await server.client.save();
  await server.stop(false);
  return {
    file: path.join(folder, 'dump.rdb'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * Runs one server of an engine with the keys of a dump, or none; slots 0 and 1 may run beside each other.
 * `options`: `flags` for the server, `env` added to its environment.
 */
export async function withServer(engine, slot, dump, use, options) {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  if (dump !== undefined) copyFileSync(dump, path.join(folder, 'dump.rdb'));
  const server = await start(engine, slot + (engine === 'ours' ? 0 : 2), folder, options);
  try {
    return await use(server);
  } finally {
    await server.stop(true);
  }
}

async function start(engine, slot, folder, { flags = [], env = {} } = {}) {
  const port = FIRST_PORT + slot;
  const [command, ...args] = ENGINES[engine];
  const begin = nowMs();
  const options = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...SYNC];
  const child = spawn(command, [...args, ...options.map(String), ...flags], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 5, enableReadyCheck: false });
  client.on('error', () => undefined);
  while ((await client.ping().catch(() => '')) !== 'PONG') await sleep(2);
  const readyMs = nowMs() - begin;
  const stop = async (isRemoving) => {
    client.disconnect();
    if (child.exitCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    if (isRemoving) rmSync(folder, { recursive: true, force: true });
  };
  return { port, pid: child.pid, client, readyMs, stop };
}

/** Milliseconds of processor time a process has used; ticks are hundredths of a second. */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
