import { describe, expect, it } from 'vitest';
import { DEFAULT_CHANGE_OPTIONS } from '../../src/plan/plan-up.ts';
import type { Tree } from '../../src/plan/tree.ts';
import { ids, randomTree, seeds } from './dice.ts';
import { ask, planOf, runAll } from './planning.ts';
import { World } from './world.ts';

function sorted(tree: Tree): [string, string | null][] {
  return [...tree].sort(([a], [b]) => a.localeCompare(b));
}

function expectConverged(world: World, declared: Tree): void {
  expect(sorted(world.tree())).toEqual(sorted(declared));
  for (const [id, parent] of declared) expect(world.server(id).confParent).toBe(parent);
  world.writesEnabled = false;
  world.settle();
  for (const id of declared.keys()) expect(world.isReady(id)).toBe(true);
  const again = planOf(ask(world.view(), declared, declared));
  expect(again.stages).toEqual([]);
}

function rootLog(world: World, declared: Tree): Set<number | 'ping'> {
  const [[root] = ['']] = declared;
  return new Set(world.server(root).log);
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
      const plan = planOf(ask(world.view(), to, from));
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
        ask(world.view(), to, from, { options: { ...DEFAULT_CHANGE_OPTIONS, allowsRemoval: true } }),
      );
      runAll(world, plan);
      expect(world.mostWritable).toBeLessThanOrEqual(1);
      expectConverged(world, to);
      const held = rootLog(world, to);
      expect(best.filter((write) => !held.has(write))).toEqual([]);
    });
  });

  it('restarts any nodes of any tree: nothing lost, nothing copied, the roles as before', () => {
    seeds((dice) => {
      const names = ids(2 + dice(8));
      const tree = randomTree(names, dice);
      const world = new World(tree, dice);
      world.live();
      world.settle();
      const fullBefore = world.fullSyncs;
      const configDifferences = names
        .filter(() => dice(2) === 0)
        .map((node) => ({ node, directive: 'databases', value: { args: ['4'] }, needs: 'restart' as const }));
      const plan = planOf(ask(world.view(), tree, tree, { configDifferences }));
      const restarted = plan.stages.flat().flatMap((step) => (step.kind === 'restart-node' ? step.node : []));
      expect(restarted.toSorted()).toEqual(configDifferences.map(({ node }) => node).toSorted());
      runAll(world, plan);
      expect(world.fullSyncs - fullBefore).toBe(0);
      expect(world.mostWritable).toBe(1);
      expectConverged(world, tree);
      const kept = rootLog(world, tree);
      expect(world.acked.filter((write) => !kept.has(write))).toEqual([]);
    });
  });

  it('finishes what was interrupted between any two steps, without a second master or a lost write', () => {
    seeds((dice) => {
      const names = ids(2 + dice(8));
      const [from, to] = [randomTree(names, dice), randomTree(names, dice)];
      const world = new World(from, dice);
      world.live();
      world.settle();
      const steps = planOf(ask(world.view(), to, from)).stages.flat();
      const cut = dice(steps.length + 1);
      for (const step of steps.slice(0, cut)) {
        world.live();
        world.run(step);
      }
      world.endLeases();
      world.live();
      const again = ask(world.view(), to, from, {
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
