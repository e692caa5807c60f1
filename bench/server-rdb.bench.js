// Loading, saving and handing on a million keys of 16 bytes with values of 32: the bundled server against
// redis-server, pair by pair, by the clock and by the processor time of the servers. Needs `npm run build`.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const KEYS = 1_000_000;
const ROUNDS = Number(process.env.REPLCTL_BENCH_ROUNDS ?? 5);
const FIRST_PORT = 23_000 + (process.pid % 2000) * 4;
const STALL_MS = 10;
const FILL = `for i = 1, ${KEYS} do
  redis.call('set', string.format('key:%012d', (i * 7919) % 1000003),
    string.rep(string.char(97 + i % 26), 8) .. string.format('%024d', i * 104729)) end`;

/** A delay that collects replicas would be measured too. */
const SYNC = ['--repl-diskless-sync-delay', '0'];
const SERVER = path.join(import.meta.dirname, '..', 'bin', 'server.js');
const ENGINES = { ours: [process.execPath, SERVER], theirs: ['redis-server'] };

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export async function* bench() {
  const source = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  try {
    const dump = await makeDump(source);
    yield report('load 1 M keys', await inPairs((engine) => timeLoad(engine, dump)), 1.5);
    yield report('SAVE 1 M keys', await inPairs((engine) => timeSave(engine, dump)));
    yield report('full sync of 1 M keys', await inPairs((engine) => timeFullSync(engine, dump)), 1.5);
    yield reportStall('BGSAVE', await longestStall(dump, (client) => client.bgsave()));
    yield reportStall('BGREWRITEAOF', await longestStall(dump, (client) => client.bgrewriteaof()));
  } finally {
    rmSync(source, { recursive: true, force: true });
  }
}

async function inPairs(measure) {
  const pairs = [];
  for (let round = 0; round < ROUNDS; round++) pairs.push([await measure('ours'), await measure('theirs')]);
  const of = (side, kind) => median(pairs.map((pair) => pair[side][kind]));
  return { ours: of(0, 'ms'), theirs: of(1, 'ms'), cpuRatio: of(0, 'cpuMs') / of(1, 'cpuMs') };
}

/** What `work` takes by the clock, and of the processor in these servers. */
async function timed(servers, work) {
  const cpu = () => servers.reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  const before = cpu();
  const begin = nowMs();
  await work();
  return { ms: nowMs() - begin, cpuMs: cpu() - before };
}

/** Milliseconds of processor time a process has used; ticks are hundredths of a second. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function report(work, { ours, theirs, cpuRatio }, most) {
  const ratio = ours / theirs;
  const bar = most === undefined ? undefined : { text: `≤ ${most} ×`, holds: ratio <= most };
  return { work, ours: `${ours.toFixed(0)} ms`, theirs: `${theirs.toFixed(0)} ms`, ratio, cpuRatio, bar };
}

function reportStall(work, { stallMs, idleMs }) {
  const bar = { text: `≤ ${STALL_MS} ms`, holds: stallMs <= STALL_MS };
  const name = `longest PING during ${work} under write load`;
  return {
    work: name,
    ours: `${stallMs.toFixed(1)} ms`,
    theirs: `${STALL_MS} ms allowed, ${idleMs.toFixed(1)} ms without it`,
    ratio: stallMs / STALL_MS,
    bar,
  };
}

async function makeDump(folder) {
  const server = await start('theirs', 0, folder, ['--rdbcompression', 'no']);
  await server.client.eval(FILL, 0);
  await server.client.save();
  await server.stop(false);
  return path.join(folder, 'dump.rdb');
}

/** Start to the first PONG with the keys, less the same without them. */
async function timeLoad(engine, dump) {
  const start = async ({ readyMs, pid }) => ({ ms: readyMs, cpuMs: cpuOf(pid) });
  const empty = await withServer(engine, 0, undefined, start);
  const full = await withServer(engine, 0, dump, start);
  return { ms: full.ms - empty.ms, cpuMs: full.cpuMs - empty.cpuMs };
}

function timeSave(engine, dump) {
  return withServer(engine, 0, dump, (server) => timed([server], () => server.client.save()));
}

function timeFullSync(engine, dump) {
  return withServer(engine, 0, dump, (master) =>
    withServer(engine, 1, undefined, (replica) =>
      timed([master, replica], async () => {
        await replica.client.replicaof('127.0.0.1', master.port);
        while ((await replica.client.dbsize().catch(() => 0)) < KEYS) await sleep(5);
      }),
    ),
  );
}

/** A connection pings all the time, another writes all the time, and a third asks for the work. */
function longestStall(dump, begin) {
  return withServer('ours', 0, dump, async ({ client, port }) => {
    const writer = new Redis(port, '127.0.0.1');
    const pinger = new Redis(port, '127.0.0.1');
    let isOver = false;
    const writing = (async () => {
      for (let i = 0; !isOver; i++) {
        await Promise.all(
          Array.from({ length: 16 }, (_, j) =>
            writer.set(`key:${String(((i * 16 + j) * 31) % 1_000_003).padStart(12, '0')}`, 'x'.repeat(32)),
          ),
        );
      }
    })();
    await sleep(500);
    let longest = 0;
    const pinging = (async () => {
      while (!isOver) {
        const at = nowMs();
        await pinger.ping();
        longest = Math.max(longest, nowMs() - at);
      }
    })();
    await sleep(1500);
    const idleMs = longest;
    longest = 0;
    await begin(client);
    for (;;) {
      await sleep(100);
      if (/rdb_bgsave_in_progress:1|aof_rewrite_in_progress:1/.test(await client.info('persistence')))
        continue;
      break;
    }
    isOver = true;
    await Promise.all([writing, pinging]);
    writer.disconnect();
    pinger.disconnect();
    return { stallMs: longest, idleMs };
  });
}

async function withServer(engine, slot, dump, use) {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-bench-'));
  if (dump !== undefined) copyFileSync(dump, path.join(folder, 'dump.rdb'));
  const server = await start(engine, slot + (engine === 'ours' ? 0 : 2), folder);
  try {
    return await use(server);
  } finally {
    await server.stop(true);
  }
}

async function start(engine, slot, folder, flags = []) {
  const port = FIRST_PORT + slot;
  const [command, ...args] = ENGINES[engine];
  const begin = nowMs();
  const options = ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...SYNC];
  const child = spawn(command, [...args, ...options.map(String), ...flags], { stdio: 'ignore' });
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
