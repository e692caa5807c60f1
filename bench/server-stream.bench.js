// How fast a bundled replica applies the stream of a bundled master, to how fast that master took the same writes from
// 50 clients, pipeline 16; beside redis-server. The replica stands still while the master is written to, so that each
// has the machine for itself. Needs `npm run build`.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nowMs, withServer } from './million-keys.js';

const run = promisify(execFile);
const ROUNDS = Number(process.env.REPLCTL_BENCH_ROUNDS ?? 3);
const WRITES = 1_000_000;
const WARM_UP = 200_000;
const BAR = 0.8;
const DEADLINE_MS = 120_000;
/** Room for all that the replica misses while it stands still. */
const FLAGS = ['--repl-backlog-size', '256mb', '--client-output-buffer-limit', 'replica', '0', '0', '0'];

export async function* bench() {
  const ratios = { ours: [], theirs: [] };
  const rates = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const engine of ['theirs', 'ours']) {
      const { takenMs, appliedMs } = await measure(engine);
      ratios[engine].push(takenMs / appliedMs);
      rates[engine] = `${perSecond(appliedMs)} applied, ${perSecond(takenMs)} taken`;
    }
  }
  yield {
    work: 'stream applied by a replica, to what the master took at pipeline 16',
    ours: `${median(ratios.ours).toFixed(2)} (${rates.ours})`,
    theirs: `${median(ratios.theirs).toFixed(2)} (${rates.theirs})`,
    ratio: median(ratios.ours),
    bar: { text: `≥ ${BAR}`, holds: median(ratios.ours) >= BAR },
  };
}

function measure(engine) {
  const options = { flags: FLAGS };
  const withReplica = (master) =>
    withServer(engine, 1, undefined, (replica) => applyAfterwards(master, replica), options);
  return withServer(engine, 0, undefined, withReplica, options);
}

async function applyAfterwards(master, replica) {
  await replica.client.replicaof('127.0.0.1', master.port);
  await until(replica.client, (info) => info.includes('master_link_status:up'));
  await write(master.port, WARM_UP);
  await caughtUp(master, replica);
  process.kill(replica.pid, 'SIGSTOP');
  const begin = nowMs();
  await write(master.port, WRITES);
  const written = nowMs();
  process.kill(replica.pid, 'SIGCONT');
  await caughtUp(master, replica);
  return { takenMs: written - begin, appliedMs: nowMs() - written };
}

function write(port, count) {
  const load = ['-t', 'set', '-r', WRITES, '-n', count, '-c', 50, '-P', 16, '-d', 32, '-q'];
  return run('redis-benchmark', ['-p', port, ...load].map(String));
}

async function caughtUp(master, replica) {
  const offset = Number(/master_repl_offset:(\d+)/.exec(await master.client.info('replication'))[1]);
  await until(replica.client, (info) => Number(/slave_repl_offset:(\d+)/.exec(info)[1]) >= offset);
}

async function until(client, isSo) {
  const deadline = nowMs() + DEADLINE_MS;
  while (!isSo(await client.info('replication'))) {
    if (nowMs() > deadline) throw new Error(`the replica is not that far after ${DEADLINE_MS} ms`);
    await sleep(5);
  }
}

const perSecond = (ms) => `${(WRITES / ms).toFixed(0)}k/s`;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
