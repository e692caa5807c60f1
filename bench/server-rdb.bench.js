// Loading, saving and handing on a million keys of 16 bytes with values of 32: the bundled server against
// redis-server, pair by pair, by the clock and by the processor time of the servers. Needs `npm run build`.
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf, KEYS, makeDump, nowMs, withServer } from './million-keys.js';

const ROUNDS = Number(process.env.REPLCTL_BENCH_ROUNDS ?? 5);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export async function* bench() {
  const dump = await makeDump();
  try {
    yield report('load 1 M keys', await inPairs((engine) => timeLoad(engine, dump.file)), 1.5);
    yield report('SAVE 1 M keys', await inPairs((engine) => timeSave(engine, dump.file)));
    yield report('full sync of 1 M keys', await inPairs((engine) => timeFullSync(engine, dump.file)), 1.5);
  } finally {
    dump.remove();
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

function report(work, { ours, theirs, cpuRatio }, most) {
  const ratio = ours / theirs;
  const bar = most === undefined ? undefined : { text: `≤ ${most} ×`, holds: ratio <= most };
  return { work, ours: `${ours.toFixed(0)} ms`, theirs: `${theirs.toFixed(0)} ms`, ratio, cpuRatio, bar };
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
