import { assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_CHANGE_OPTIONS,
  planUp,
  type ChangeQuestion,
  type Decision,
} from '../../src/plan/plan-up.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Tree } from '../../src/plan/tree.ts';
import { World, type Dice } from './world.ts';

const RUNS = Number(process.env['PLAN_RUNS'] ?? 500);

/** mulberry32: small, seeded, good enough to decide who is lucky. */
function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

function randomTree(ids: readonly string[], dice: Dice): Tree {
  const order = [...ids];
  for (let index = order.length - 1; index > 0; index--) {
    const other = dice(index + 1);
    [order[index], order[other]] = [order[other] ?? '', order[index] ?? ''];
  }
  return new Map(order.map((id, index) => [id, index === 0 ? null : (order[dice(index)] ?? null)]));
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${index}`);
}

function ask(
  world: World,
  declared: Tree,
  applied: Tree | null,
  more: Partial<ChangeQuestion> = {},
): Decision {
  return planUp({
    verb: 'up',
    deployment: 'test',
    declared,
    applied,
    view: world.view(),
    configDifferences: [],
    staleConfs: [],
    options: DEFAULT_CHANGE_OPTIONS,
    ...more,
  });
}

function planOf(decision: Decision): Plan {
  if (decision.kind === 'refused') throw new Error(JSON.stringify(decision.refusals));
  return decision.plan;
}

function runAll(world: World, plan: Plan): void {
  for (const stage of plan.stages) {
    for (const step of stage) {
      world.live();
      world.run(step);
    }
  }
  world.live();
}

function sorted(tree: Tree): [string, string | null][] {
  return [...tree].sort(([a], [b]) => a.localeCompare(b));
}

function expectConverged(world: World, declared: Tree): void {
  expect(sorted(world.tree())).toEqual(sorted(declared));
  for (const [id, parent] of declared) expect(world.server(id).confParent).toBe(parent);
  world.writesEnabled = false;
  world.settle();
  for (const id of declared.keys()) expect(world.isReady(id)).toBe(true);
  const again = planOf(ask(world, declared, declared));
  expect(again.stages).toEqual([]);
}

function rootLog(world: World, declared: Tree): Set<number | 'ping'> {
  const [[root] = ['']] = declared;
  return new Set(world.server(root).log);
}

function seeds(check: (dice: Dice) => void): void {
  assert(
    property(integer({ min: 0, max: 0x7fffffff }), (seed) => check(diceOf(seed))),
    { numRuns: RUNS },
  );
}

describe('planUp', () => {
  it('turns any healthy tree into any other: nothing lost, nothing copied, one master, the forecast right', () => {
    seeds((dice) => {
      const names = ids(2 + dice(11));
      const [from, to] = [randomTree(names, dice), randomTree(names, dice)];
      const world = new World(from, dice);
      world.live();
      world.settle();
      const [fullBefore] = [world.fullSyncs];
      world.live();
      const plan = planOf(ask(world, to, from));
      runAll(world, plan);
      expect(world.fullSyncs - fullBefore).toBe(0);
      const verdicts = plan.stages
        .flat()
        .flatMap((step) => ('resync' in step && step.resync ? [step.resync.verdict] : []));
      expect(verdicts.every((verdict) => verdict === 'PARTIAL')).toBe(true);
      expect(world.mostWritable).toBe(1);
      expectConverged(world, to);
      const kept = rootLog(world, to);
      expect(world.acked.filter((write) => !kept.has(write))).toEqual([]);
    });
  });

  it('brings up what is down, adds and removes, and keeps what the best survivor holds', () => {
    seeds((dice) => {
      const names = ids(2 + dice(8));
      const from = randomTree(names, dice);
      const world = new World(from, dice);
      world.live();
      world.settle();
      for (const id of names) if (dice(3) === 0) world.kill(id, dice(2) === 0);
      if (dice(2) === 0) world.live();
      const survivors = [...world.servers.values()].filter(({ isAlive }) => isAlive);
      const most = Math.max(0, ...survivors.map(({ log }) => log.length));
      const best =
        survivors.find(({ log }) => log.length === most)?.log.filter((entry) => entry !== 'ping') ?? [];
      const kept = names.filter((_, index) => index === 0 || dice(4) > 0);
      const wanted = [...kept, 'x1', 'x2'].slice(0, kept.length + dice(3));
      for (const id of wanted) if (!world.servers.has(id)) world.add(id);
      const to = randomTree(wanted, dice);
      const plan = planOf(
        ask(world, to, from, { options: { ...DEFAULT_CHANGE_OPTIONS, allowsRemoval: true } }),
      );
      runAll(world, plan);
      expect(world.mostWritable).toBeLessThanOrEqual(1);
      expectConverged(world, to);
      const held = rootLog(world, to);
      expect(best.filter((write) => !held.has(write))).toEqual([]);
    });
  });

  it('finishes what was interrupted between any two steps, without a second master or a lost write', () => {
    seeds((dice) => {
      const names = ids(2 + dice(8));
      const [from, to] = [randomTree(names, dice), randomTree(names, dice)];
      const world = new World(from, dice);
      world.live();
      world.settle();
      const steps = planOf(ask(world, to, from)).stages.flat();
      const cut = dice(steps.length + 1);
      for (const step of steps.slice(0, cut)) {
        world.live();
        world.run(step);
      }
      world.endLeases();
      world.live();
      const again = ask(world, to, from, {
        options: { ...DEFAULT_CHANGE_OPTIONS, restoresRoles: true },
      });
      runAll(world, planOf(again));
      expect(world.mostWritable).toBe(1);
      for (const server of world.servers.values()) server.pingsRaised = false;
      expectConverged(world, to);
      const kept = rootLog(world, to);
      expect(world.acked.filter((write) => !kept.has(write))).toEqual([]);
    });
  });
});
