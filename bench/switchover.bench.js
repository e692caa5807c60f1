// Planned switchovers under write load, to random nodes of a five-node tree of three levels: `replctl promote`, beside
// FAILOVER of the servers and the usual script, each on a tree of its own, in turns. Needs `npm run build`.
//
//   SWITCHOVER_ROUNDS    (10)     of `replctl promote`
//   SWITCHOVER_EVERY     (5)      … of them one of FAILOVER and one of the script
//   SWITCHOVER_RATE      (24000)  writes a second to aim at
//   SWITCHOVER_ENGINES   (redis,bundled)
//   SWITCHOVER_SEED      (1)
import { fork } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tree, failover, replctl, script } from './switchover/trees.js';

const ROUNDS = Number(process.env.SWITCHOVER_ROUNDS ?? 10);
const EVERY = Number(process.env.SWITCHOVER_EVERY ?? 5);
const RATE = Number(process.env.SWITCHOVER_RATE ?? 24_000);
const ENGINES = (process.env.SWITCHOVER_ENGINES ?? 'redis,bundled').split(',');
const SEED = Number(process.env.SWITCHOVER_SEED ?? 1);
const FIRST_PORT = 24_000 + (process.pid % 300) * 20;
const WRITERS = 4;
const WARM_UP_MS = 150;
/** A while without a switchover shows how long writes pause on this machine anyway. */
const LEAD_MS = 500;
const TAIL_MS = 150;

export async function* bench() {
  for (const engine of ENGINES) yield* benchEngine(engine);
}

async function* benchEngine(engine) {
  const random = randomFrom(SEED);
  const load = startLoad();
  const ways = [replctl, failover, script].map((way, index) => ({
    way,
    tree: new Tree(engine, FIRST_PORT + index * 5),
    runs: [],
  }));
  const [ours, native, usual] = ways;
  try {
    for (const { tree } of ways) await tree.up();
    for (let round = 0; round < ROUNDS; round++) {
      ours.runs.push(await measure(ours, load, random));
      if (round % EVERY !== 0) continue;
      native.runs.push(await measure(native, load, random));
      usual.runs.push(await measure(usual, load, random));
    }
  } finally {
    load.kill();
    for (const { tree } of ways) await tree.down();
  }
  yield* report(engine, ours.runs, native.runs, usual.runs);
}

/** One switchover with writes before, during and after it. What it cost is counted when all is at rest again. */
async function measure({ way, tree }, load, random) {
  await way.prepare(tree);
  await tree.converged();
  const target = await way.choose(tree, random);
  const before = await tree.fullSyncs();
  await load.ask('start', {
    ports: tree.ports,
    master: tree.master,
    writers: WRITERS,
    perSecond: RATE,
    prefix: `w${load.next()}`,
  });
  await sleep(WARM_UP_MS);
  await load.ask('mark');
  await sleep(LEAD_MS);
  const { gapMs: calmMs } = await load.ask('report');
  await load.ask('mark');
  const details = await way.switch(tree, target);
  await sleep(TAIL_MS);
  const seen = await load.ask('report');
  await load.ask('stop');
  tree.master = target;
  await tree.converged();
  const lost = await load.ask('verify', { port: target });
  return { ...seen, ...details, calmMs, lost, fullSyncs: (await tree.fullSyncs()) - before };
}

function* report(engine, ours, native, usual) {
  const all = { ours, native, usual };
  for (const [name, runs] of Object.entries(all)) console.log(summary(engine, name, runs));
  console.log(
    `${engine}: machine load ${os
      .loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}; ${stepTimes(ours)}`,
  );
  const total = (runs, field) => runs.reduce((sum, run) => sum + run[field], 0);
  for (const [field, work] of [
    ['lost', 'acknowledged writes lost'],
    ['fullSyncs', 'full syncs'],
  ]) {
    const [mine, theirs] = [total(ours, field) / ours.length, total(usual, field) / usual.length];
    yield {
      work: `${engine}: ${work} a switchover, to the usual script`,
      ours: String(mine),
      theirs: theirs.toFixed(1),
      ratio: theirs === 0 ? mine : mine / theirs,
      bar: { text: '= 0', holds: mine === 0 },
    };
  }
  for (const [share, mostMs] of [
    [0.5, 20],
    [0.99, 100],
  ]) {
    const [mine, theirs] = [ours, native].map((runs) =>
      percentile(
        runs.map(({ gapMs }) => gapMs),
        share,
      ),
    );
    yield {
      work: `${engine}: write gap p${share * 100}, to FAILOVER`,
      ours: `${mine.toFixed(1)} ms`,
      theirs: `${theirs.toFixed(1)} ms`,
      ratio: mine / theirs,
      bar: { text: `≤ ${mostMs} ms`, holds: mine <= mostMs },
    };
  }
}

function summary(engine, name, runs) {
  const gaps = runs.map(({ gapMs }) => gapMs);
  const sum = (field) => runs.reduce((total, run) => total + run[field], 0);
  const at = (share) => percentile(gaps, share).toFixed(1);
  return `${engine} ${name}: ${runs.length} switchovers, ${sum('acked')} acknowledged at ${Math.round(sum('perSecond') / runs.length)}/s, ${sum('lost')} lost, ${sum('fullSyncs')} full syncs; write gap ms p50 ${at(0.5)} p90 ${at(0.9)} p99 ${at(0.99)} max ${at(1)} (half a second without one: p50 ${percentile(
    runs.map(({ calmMs }) => calmMs),
    0.5,
  ).toFixed(1)})`;
}

/** Median of each step between fence and promotion, and what replctl itself calls the gap. */
function stepTimes(runs) {
  const fenced = ['fence', 'catch-up', 'demote', 'promote'].map((kind) => {
    const times = runs.map(({ stages }) => stages.flat().find((step) => step.kind === kind).outcome.tookMs);
    return `${kind} ${percentile(times, 0.5).toFixed(1)}`;
  });
  const own = percentile(
    runs.map(({ writeGapMs }) => writeGapMs),
    0.5,
  );
  return `steps in ms: ${fenced.join(', ')}; gap as replctl reports it ${own.toFixed(1)}`;
}

function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

function startLoad() {
  const child = fork(path.join(import.meta.dirname, 'switchover', 'write-load.js'));
  let count = 0;
  return {
    next: () => count++,
    kill: () => child.kill(),
    ask: (ask, options = {}) =>
      new Promise((resolve, reject) => {
        const died = () => reject(new Error('the write load died'));
        child.once('exit', died);
        child.once('message', ({ answer }) => {
          child.off('exit', died);
          resolve(answer);
        });
        child.send({ ask, ...options });
      }),
  };
}

/** mulberry32 */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
