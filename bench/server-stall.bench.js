// How long the bundled server lets a PING wait while it saves or hands on a million keys and is written to all the
// time. By the clock, beside redis-server, less the times at which the machine itself stood still (a virtual one is
// taken off the processor); and by processor time, the longest turn of the server's event loop. Needs `npm run build`.
import { execFileSync, fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDump, withServer } from './million-keys.js';

const ROUNDS = Number(process.env.REPLCTL_BENCH_ROUNDS ?? 3);
const STALL_MS = 10;
const PARTS = path.join(import.meta.dirname, 'stall');
const QUIET_MS = 2500;
const DEADLINE_MS = 120_000;

const PHASES = {
  'nothing else': () => sleep(QUIET_MS),
  BGSAVE: async ({ client }) => {
    await client.bgsave();
    await until(client, 'persistence', (info) => info.includes('rdb_bgsave_in_progress:0'));
  },
  BGREWRITEAOF: async ({ client }) => {
    await client.bgrewriteaof();
    await until(client, 'persistence', (info) => info.includes('aof_rewrite_in_progress:0'));
  },
  'full sync': ({ client, port, engine }) =>
    withServer(engine, 1, undefined, async (replica) => {
      await replica.client.replicaof('127.0.0.1', port);
      await until(client, 'replication', (info) => info.includes('state=online'));
    }),
};

export async function* bench() {
  const dump = await makeDump();
  try {
    const [ours, theirs, turns] = [{}, {}, {}];
    for (let round = 0; round < ROUNDS; round++) {
      collect(ours, await pingThrough('ours', dump.file));
      collect(theirs, await pingThrough('theirs', dump.file));
      collect(turns, await meterThrough(dump.file));
    }
    for (const phase of Object.keys(PHASES)) {
      yield reportPings(phase, ours[phase], theirs[phase]);
      yield reportTurn(phase, turns[phase]);
    }
  } finally {
    dump.remove();
  }
}

function collect(into, measured) {
  for (const [phase, values] of Object.entries(measured)) (into[phase] ??= []).push(...values);
}

/** The slowest ping of each phase: by the clock, and less the machine's standstills; milliseconds. */
function pingThrough(engine, dump) {
  return withServer(engine, 0, dump, async (server) => {
    const stopWriting = startWriting(server.port);
    const pinger = fork(path.join(PARTS, 'pinger.js'), [String(server.port)]);
    const watches = os.cpus().map((_, core) => watchCore(core));
    const endPhase = async () => {
      const [{ slowest }, ...gaps] = await Promise.all([pinger, ...watches].map(nextPhase));
      return [
        {
          ms: Math.max(...slowest.map(([from, to]) => to - from)),
          ownMs: Math.max(...slowest.map((span) => lengthWithout(span, gaps.flat()))),
        },
      ];
    };
    try {
      return await throughPhases({ ...server, engine }, endPhase);
    } finally {
      for (const child of [pinger, ...watches]) child.disconnect();
      await stopWriting();
    }
  });
}

/** The longest turn of the server's event loop in each phase, in milliseconds of its processor time. */
async function meterThrough(dump) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'replctl-bench-'));
  const turns = path.join(folder, 'turns');
  const env = {
    NODE_OPTIONS: `--require ${path.join(PARTS, 'turn-meter.cjs')}`,
    REPLCTL_BENCH_TURNS: turns,
  };
  const use = async (server) => {
    const stopWriting = startWriting(server.port);
    const endPhase = async () => {
      rmSync(turns, { force: true });
      process.kill(server.pid, 'SIGUSR2');
      while (!existsSync(turns)) await sleep(5);
      return [Number(readFileSync(turns, 'latin1'))];
    };
    try {
      return await throughPhases({ ...server, engine: 'ours' }, endPhase);
    } finally {
      await stopWriting();
    }
  };
  try {
    return await withServer('ours', 0, dump, use, { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function throughPhases(server, endPhase) {
  await sleep(QUIET_MS);
  await endPhase();
  const measured = {};
  for (const [phase, work] of Object.entries(PHASES)) {
    await work(server);
    measured[phase] = await endPhase();
  }
  return measured;
}

/** One connection that always has 16 `SET`s of the keys under way. */
function startWriting(port) {
  const load = ['-t', 'set', '-r', 1_000_000, '-n', 1_000_000_000, '-c', 1, '-P', 16, '-d', 32, '-q'];
  const child = spawn('redis-benchmark', ['-p', port, ...load].map(String), { stdio: 'ignore' });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return () => {
    child.kill('SIGKILL');
    return gone;
  };
}

/** Needs root: what watches has to come before all else on its core. */
function watchCore(core) {
  // Alone on its core above all else, it must not wait there for threads of its own.
  const child = fork(path.join(PARTS, 'standstills.js'), { execArgv: ['--single-threaded'] });
  if (process.getuid() !== 0) return child;
  execFileSync('chrt', ['--all-tasks', '--fifo', '--pid', '90', String(child.pid)]);
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(child.pid)], {
    stdio: 'ignore',
  });
  return child;
}

function nextPhase(child) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    child.send('next');
  });
}

function lengthWithout([from, to], gaps) {
  let [left, seenTo] = [to - from, from];
  for (const [gapFrom, gapTo] of gaps.toSorted((a, b) => a[0] - b[0])) {
    left -= Math.max(0, Math.min(to, gapTo) - Math.max(seenTo, gapFrom));
    seenTo = Math.max(seenTo, Math.min(to, gapTo));
  }
  return left;
}

async function until(client, section, isSo) {
  const deadline = Date.now() + DEADLINE_MS;
  do {
    await sleep(50);
    if (Date.now() > deadline)
      throw new Error(`INFO ${section} did not come to its end in ${DEADLINE_MS} ms`);
  } while (!isSo(await client.info(section)));
}

const most = (values) => Math.max(...values);
const list = (values) => values.map((ms) => ms.toFixed(1)).join(', ');

function reportPings(phase, ours, theirs) {
  const [own, their] = [ours, theirs].map((rounds) => most(rounds.map(({ ownMs }) => ownMs)));
  const tell = (rounds) =>
    `${list(rounds.map(({ ownMs }) => ownMs))} ms (clock ${list(rounds.map(({ ms }) => ms))})`;
  return {
    work: `longest PING under writes, ${phase}`,
    ours: tell(ours),
    theirs: tell(theirs),
    ratio: own / their,
    ...(phase === 'nothing else' ? {} : { bar: { text: `≤ ${STALL_MS} ms`, holds: own <= STALL_MS } }),
  };
}

function reportTurn(phase, turns) {
  return {
    work: `longest turn of the event loop, ${phase}`,
    ours: `${list(turns)} ms`,
    theirs: `${STALL_MS} ms allowed`,
    ratio: most(turns) / STALL_MS,
    ...(phase === 'nothing else'
      ? {}
      : { bar: { text: `≤ ${STALL_MS} ms`, holds: most(turns) <= STALL_MS } }),
  };
}
