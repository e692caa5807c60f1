// The bundled server against redis-server: the same redis-benchmark on both, in turns, so that a noisy machine is
// noisy for both. `REPLCTL_BENCH_ROUNDS` (5) and `REPLCTL_BENCH_SCALE` (1) make it longer or shorter.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { NODE_OPTIONS } from './million-keys.js';

const run = promisify(execFile);
const ROUNDS = Number(process.env.REPLCTL_BENCH_ROUNDS ?? 5);
const SCALE = Number(process.env.REPLCTL_BENCH_SCALE ?? 1);
const SERVER = path.join(import.meta.dirname, '..', 'bin', 'server.js');
const KEYS = 1_000_000;

const THROUGHPUT = [
  ...[
    [1, 60_000, 0.8],
    [16, 500_000, 1],
    [100, 1_000_000, 1],
  ].flatMap(([pipeline, requests, bar]) =>
    ['set', 'get', 'incr'].map((test) => ({ test, pipeline, requests, bar })),
  ),
  ...['lpush', 'rpop', 'sadd', 'hset', 'zadd', 'spop'].map((test) => ({
    test,
    pipeline: 16,
    requests: 300_000,
    bar: 0.8,
  })),
  { test: 'lrange_100', pipeline: 16, requests: 40_000, bar: 0.8 },
  { test: 'mset', pipeline: 16, requests: 60_000, bar: 0.8 },
];

export async function* bench() {
  if (!existsSync(path.join(import.meta.dirname, '..', 'dist', 'server.cjs'))) {
    throw new Error('dist/server.cjs is missing: run `npm run build` first');
  }
  yield* startUp();
  const pair = await startPair();
  try {
    yield* memory(pair);
    for (const work of THROUGHPUT) yield await throughput(pair, work);
  } finally {
    await pair.stop();
  }
}

async function throughput({ ours, theirs }, { test, pipeline, requests, bar }) {
  const rates = { ours: [], theirs: [] };
  const cpuMs = { ours: 0, theirs: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = round % 2 === 0 ? ['theirs', 'ours'] : ['ours', 'theirs'];
    for (const side of order) {
      const { port, pid } = side === 'ours' ? ours : theirs;
      const before = cpuOf(pid);
      rates[side].push(await measure(port, test, pipeline, Math.round(requests * SCALE)));
      cpuMs[side] += cpuOf(pid) - before;
    }
  }
  const ratio = median(rates.ours.map((rate, round) => rate / rates.theirs[round]));
  return {
    work: `${test.toUpperCase()}, 50 clients, pipeline ${pipeline}`,
    ours: `${thousands(median(rates.ours))}/s`,
    theirs: `${thousands(median(rates.theirs))}/s`,
    ratio,
    cpuRatio: cpuMs.theirs / cpuMs.ours,
    bar: { text: `≥ ${bar}`, holds: ratio >= bar },
  };
}

async function measure(port, test, pipeline, requests) {
  const args = [
    '-p',
    port,
    '-c',
    50,
    '-n',
    requests,
    '-r',
    KEYS,
    '-d',
    32,
    '-P',
    pipeline,
    '-t',
    test,
    '--csv',
  ];
  const { stdout } = await run('redis-benchmark', args.map(String));
  const line = stdout
    .trim()
    .split('\n')
    .map((row) => row.replaceAll('"', '').split(','))
    .findLast(([name]) => name?.toLowerCase().startsWith(test.replace(/_\d+$/, '')));
  if (line === undefined) throw new Error(`redis-benchmark said nothing of ${test}: ${stdout}`);
  return Number(line[1]);
}

async function* memory({ ours, theirs }) {
  for (const { port } of [ours, theirs]) await fill(port);
  const [mine, real] = [rssBytes(ours.pid), rssBytes(theirs.pid)];
  yield {
    work: `memory of ${KEYS} keys of 16 bytes with values of 32`,
    ours: megabytes(mine),
    theirs: megabytes(real),
    ratio: mine / real,
    bar: { text: '≤ 1.5', holds: mine / real <= 1.5 },
  };
  // And what they held was really there.
  for (const { port } of [ours, theirs]) {
    const reply = await call(port, 'DBSIZE');
    if (reply !== `:${KEYS}\r\n`) throw new Error(`${port} holds ${reply}`);
    await call(port, 'FLUSHALL');
  }
}

/** Sets the keys over one pipelined connection. */
async function fill(port) {
  const socket = net.connect(port, '127.0.0.1');
  let missing = KEYS * '+OK\r\n'.length;
  const done = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      missing -= chunk.length;
      if (missing === 0) resolve();
    });
  });
  const value = 'v'.repeat(32);
  for (let key = 0; key < KEYS; key += 1000) {
    let batch = '';
    for (let i = key; i < key + 1000; i += 1) {
      batch += `*3\r\n$3\r\nSET\r\n$16\r\n${String(i).padStart(16, 'k')}\r\n$32\r\n${value}\r\n`;
    }
    if (!socket.write(batch)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await done;
  socket.destroy();
}

async function* startUp() {
  const times = { ours: [], theirs: [] };
  let rss = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of ['theirs', 'ours']) {
      const begin = performance.now();
      const server = await start(side);
      times[side].push(performance.now() - begin);
      if (side === 'ours') rss = rssBytes(server.pid);
      await server.stop();
    }
  }
  const [mine, real] = [median(times.ours), median(times.theirs)];
  yield {
    work: 'start to first PONG, empty',
    ours: `${mine.toFixed(0)} ms`,
    theirs: `${real.toFixed(0)} ms`,
    ratio: mine / real,
    bar: { text: '≤ 120 ms', holds: mine <= 120 },
  };
  yield {
    work: 'memory, empty',
    ours: megabytes(rss),
    theirs: '-',
    ratio: rss / 50e6,
    bar: { text: '≤ 50 MB', holds: rss <= 50e6 },
  };
}

async function startPair() {
  const [theirs, ours] = await Promise.all([start('theirs'), start('ours')]);
  return { ours, theirs, stop: () => Promise.all([ours.stop(), theirs.stop()]) };
}

/** Starts one server on a free port and waits for its first PONG. */
async function start(side) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'replctl-bench-'));
  const port = await freePort();
  const flags = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const [command, first] =
    side === 'ours' ? [process.execPath, [...NODE_OPTIONS, SERVER]] : ['redis-server', []];
  const child = spawn(command, [...first, ...flags.map(String)], { stdio: 'ignore' });
  const exit = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + 20_000; ;) {
    const reply = await call(port, 'PING').catch((error) => error);
    if (reply === '+PONG\r\n') break;
    if (Date.now() > deadline || child.exitCode !== null) {
      await stop();
      throw new Error(`${side} did not start on ${port}: ${reply}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { port, pid: child.pid, stop };
}

function call(port, command) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.setEncoding('latin1');
    socket.once('error', reject);
    socket.once('data', (reply) => {
      socket.destroy();
      resolve(reply);
    });
    socket.write(`${command}\r\n`);
  });
}

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function rssBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

/** Milliseconds of processor time a process has used, in the kernel and out of it; ticks are hundredths of a second. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const thousands = (rate) => `${(rate / 1000).toFixed(0)}k`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
