import { describe, expect, it } from 'vitest';
import { DEFAULT_CHANGE_OPTIONS, type Decision } from '../../src/plan/plan-up.ts';
import type { DataAtRest, LiveView } from '../../src/plan/live-view.ts';
import { levelsOf, type Tree } from '../../src/plan/tree.ts';
import { ids, randomTree, seeds } from './dice.ts';
import { ask, planOf, runAll } from './planning.ts';
import { downNode, World, type Dice } from './world.ts';

const PAIR: Tree = new Map([
  ['a', null],
  ['b', 'a'],
]);

type Log = readonly (number | 'ping')[];

describe('planUp when nobody lives', () => {
  it('throws nothing away that is on a disk, unless it is asked to', () => {
    const outcomes = { planned: 0, refused: 0 };
    seeds((dice) => {
      const [world, tree] = settledWorld(dice);
      for (let round = 1 + dice(3); round > 0; round--) {
        endAll(world, tree, dice);
        // A master that is started behind the tool's back: what it came out of is not on record.
        if (dice(8) === 0) liveUnseen(world, tree, dice);
        const disks = disksOf(world);
        const decision = ask(world.view(), tree, tree);
        if (decision.kind === 'refused') {
          outcomes.refused++;
          expectTrulyInDoubt(decision, [...disks.values()]);
          return;
        }
        outcomes.planned++;
        const [, root] = startOf(decision);
        runAll(world, decision.plan);
        const { log } = world.server(root);
        const lost = [...disks].filter(([, disk]) => !isPrefix(disk, log)).map(([id]) => id);
        const named = decision.plan.warnings.join('; ');
        expect(lost.filter((id) => !named.includes(`${id} has data of another history`))).toEqual([]);
        expect(world.mostWritable).toBe(1);
      }
    });
    expect(outcomes.planned).toBeGreaterThan(outcomes.refused);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  it('starts the last master, and copies nobody, when all were stopped one after the other', () => {
    seeds((dice) => {
      const [world, tree] = settledWorld(dice);
      for (let round = 1 + dice(3); round > 0; round--) {
        const copied = world.fullSyncs;
        world.settle();
        for (const id of levelsOf(tree).flat()) world.kill(id, true);
        const plan = planOf(ask(world.view(), tree, tree));
        expect(plan.warnings).toEqual([]);
        expect(plan.stages.flat().filter(({ kind }) => kind.startsWith('promote'))).toEqual([]);
        runAll(world, plan);
        expect(world.fullSyncs).toBe(copied);
      }
      expect(world.mostWritable).toBe(1);
    });
  });

  it('starts from a replica that was stopped after the master last saved, and hands the role back', () => {
    const world = new World(PAIR, () => 1);
    world.kill('b', true);
    world.kill('a', true);
    runAll(world, planOf(ask(world.view(), PAIR, PAIR)));
    world.write(world.server('a'));
    world.settle();
    world.kill('b', true);
    world.kill('a', false);
    const plan = planOf(ask(world.view(), PAIR, PAIR));
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^b is started as master, for a lacks \d+ bytes of its own history/),
    ]);
    const [first] = plan.stages.flat().filter(({ kind }) => kind === 'start-node');
    expect(first).toMatchObject({ node: 'b', parent: null });
    runAll(world, plan);
    expect(world.tree()).toEqual(PAIR);
    expect(world.acked.filter((write) => !world.server('a').log.includes(write))).toEqual([]);
  });

  it('does not compare offsets of histories whose relation it never saw: it asks', () => {
    const world = unknownWorld();
    const decision = ask(world.view(), PAIR, PAIR);
    expect(decision).toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'HistoryUnknown', node: 'b', hint: expect.stringContaining('promote b --force') }],
    });
    const discarding = ask(world.view(), PAIR, PAIR, {
      options: { ...DEFAULT_CHANGE_OPTIONS, discardsDiverged: true },
    });
    expect(startOf(discarding)).toEqual(['start-node', 'a']);
    const reversed = new Map([
      ['b', null],
      ['a', 'b'],
    ]);
    const forced = ask(world.view(), reversed, PAIR, {
      options: { ...DEFAULT_CHANGE_OPTIONS, isForced: true },
    });
    expect(startOf(forced)).toEqual(['start-node', 'b']);
  });
});

describe('planUp, where files do not say how far they reach', () => {
  const RDB: DataAtRest = { kind: 'known', replid: 'h', offset: 100 };
  const APPEND_ONLY: DataAtRest = { kind: 'unknown', isAppendOnly: true };
  const UNPLACED: DataAtRest = { kind: 'unknown', isAppendOnly: false };
  it.each([
    ['an append-only master is complete', APPEND_ONLY, false, APPEND_ONLY, 'starts a'],
    ['whatever a replica has', APPEND_ONLY, false, RDB, 'starts a'],
    ['so is a master that was stopped and saved', RDB, true, APPEND_ONLY, 'starts a'],
    ['though its file has no place in a history', UNPLACED, true, RDB, 'starts a'],
    ['one that died may lack what a replica appended', RDB, false, APPEND_ONLY, 'asks about b'],
    ['or what a replica saved', UNPLACED, false, RDB, 'asks about b'],
    ['one without data does not count', { kind: 'none' }, false, APPEND_ONLY, 'starts b'],
  ] as const)('%s', (_, own, hasSavedAll, other, outcome) => {
    const view: LiveView = {
      nodes: new Map([
        ['a', downNode(own, hasSavedAll)],
        ['b', downNode(other, true)],
      ]),
      lineage: [],
    };
    const decision = ask(view, PAIR, PAIR);
    const said =
      decision.kind === 'refused'
        ? `asks about ${decision.refusals.map(({ node }) => node).join()}`
        : `starts ${startOf(decision)[1]}`;
    expect(said).toBe(outcome);
  });
});

/** a was started by hand, b copied it and was stopped, and a died: nothing says what b's files are. */
function unknownWorld(): World {
  const world = new World(PAIR, () => 1);
  world.kill('b', true);
  world.kill('a', true);
  world.start('a', null);
  world.start('b', 'a');
  world.write(world.server('a'));
  world.settle();
  world.kill('b', true);
  world.kill('a', false);
  return world;
}

function settledWorld(dice: Dice): [World, Tree] {
  const tree = randomTree(ids(2 + dice(5)), dice);
  const world = new World(tree, dice);
  world.live();
  world.settle();
  world.view();
  return [world, tree];
}

/** One after the other, in any order, some with their data saved. */
function endAll(world: World, tree: Tree, dice: Dice): void {
  const order = [...randomTree([...tree.keys()], dice).keys()];
  for (const id of order) {
    if (dice(2) === 0) world.live();
    if (dice(3) === 0) world.settle();
    world.kill(id, dice(2) === 0);
  }
}

function liveUnseen(world: World, tree: Tree, dice: Dice): void {
  for (const id of levelsOf(tree).flat()) world.start(id, tree.get(id) ?? null);
  world.live();
  world.settle();
  endAll(world, tree, dice);
}

function disksOf(world: World): ReadonlyMap<string, Log> {
  return new Map([...world.servers].flatMap(([id, { disk }]) => (disk === null ? [] : [[id, disk.log]])));
}

/** Who is asked about something is asked for a reason: two disks of which neither has all. */
function expectTrulyInDoubt(decision: Decision, disks: readonly Log[]): void {
  const codes = decision.kind === 'refused' ? decision.refusals.map(({ code }) => code) : [];
  expect(codes.filter((code) => code !== 'Diverged' && code !== 'HistoryUnknown')).toEqual([]);
  if (codes.includes('HistoryUnknown')) return;
  const apart = disks.some((one) => disks.some((two) => !isPrefix(one, two) && !isPrefix(two, one)));
  expect(apart).toBe(true);
}

function startOf(decision: Decision): [string, string] {
  const step = planOf(decision)
    .stages.flat()
    .find(({ kind }) => kind === 'start-node');
  return step?.kind === 'start-node' ? [step.kind, step.node] : ['nothing', ''];
}

function isPrefix(one: Log, two: Log): boolean {
  return one.length <= two.length && one.every((entry, index) => entry === two[index]);
}
