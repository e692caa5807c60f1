import { afterEach, describe, expect, it } from 'vitest';
import type { ChangeResult } from '../../src/apply/change.ts';
import { promote } from '../../src/apply/promote.ts';
import { ReplctlError } from '../../src/errors.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { SeededRandom, seedFrom } from '../support/seeded-random.ts';
import { WriteLoad } from '../support/write-load.ts';

/** `REPLCTL_TREES=100` for the long form; with `REPLCTL_TREES=1` the seed of a tree that failed there repeats it. */
const LONG_FORM = process.env['REPLCTL_TREES'];
const TREES = Number(LONG_FORM ?? 2);
/** Twelve bundled servers at once are for the long form. */
const MOST_NODES = { redis: 12, bundled: LONG_FORM === undefined ? 6 : 12 };
const MOST_LEVELS = 5;
const ATTEMPTS = 10;
const PAUSE_MS = 3;
const CONFIG = 'defaults: {config: {repl-backlog-size: 64mb}}\n';

type RandomTree = ReadonlyMap<number, number | null>;

describe.each((['redis', 'bundled'] as const).filter(hasEngine))('random trees on %s', (engine) => {
  let tree: AppliedTree | null = null;
  afterEach(async () => {
    await tree?.remove();
    tree = null;
  });

  it(
    'promotes any node and turns any tree into any other under writes: nothing lost, nothing copied, every resync foreseen',
    { timeout: 120_000 + TREES * 60_000 },
    async () => {
      const first = seedFrom('REPLCTL_TREES_SEED');
      const failures: string[] = [];
      for (let count = 0; count < TREES; count++) {
        const random = new SeededRandom(first + count);
        const ports = await freePorts(2 + random.below(MOST_NODES[engine] - 1));
        const shape = randomTree(ports, random);
        const what = `REPLCTL_TREES_SEED=${random.seed} on ${engine}: ${draw(shape)}`;
        tree = new AppliedTree(treeYaml(engine, shape, CONFIG));
        try {
          await tree.up();
          await disturb(tree, ports, random);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          failures.push(`${what}: ${error.message}`);
          process.stderr.write(`${failures.at(-1)}\n`);
        }
        await tree.remove();
        tree = null;
      }
      expect(failures).toEqual([]);
    },
  );

  async function disturb(t: AppliedTree, ports: readonly number[], random: SeededRandom): Promise<void> {
    const fulls = await t.fullSyncs();
    const load = new WriteLoad(ports, 1, PAUSE_MS);
    try {
      const [root] = (await t.topology()).nodes;
      const target = random.pick(ports.filter((port) => port !== root?.port));
      expectForeseen(
        await insist(async () =>
          promote(await t.context(`promote ${target}`), String(target), { isDryRun: false }),
        ),
      );
      expect((await t.liveTree())[String(target)], `promote ${target}`).toBe(null);
      const shape = randomTree(ports, random);
      t.edit(() => treeYaml(engine, shape, CONFIG));
      expectForeseen(await insist(() => t.up()));
      expect(await t.liveTree(), `to ${draw(shape)}`).toEqual(
        Object.fromEntries(
          [...shape].map(([port, parent]) => [String(port), parent === null ? null : String(parent)]),
        ),
      );
    } finally {
      await load.stop();
    }
    const [root] = (await t.topology()).nodes;
    expect(load.acked.size, 'acknowledged writes').toBeGreaterThan(0);
    expect(await load.missingOn(root?.port ?? 0), 'lost').toEqual([]);
    expect(await t.fullSyncs(), 'full syncs').toBe(fulls);
  }
});

/** On a machine too busy to keep up with the writes a switchover is refused, and nothing was changed: try again. */
async function insist(work: () => Promise<ChangeResult>): Promise<ChangeResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ReplctlError) || error.code !== 'REFUSED' || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Each edge that was made anew went as the plan had said, and that was: PARTIAL. */
function expectForeseen({ report }: ChangeResult): void {
  const resyncs = (report?.notes ?? []).flatMap(({ step, note }) =>
    step.kind === 'rehang' || step.kind === 'verify-link'
      ? [{ node: step.node, foreseen: step.resync?.verdict, was: note }]
      : [],
  );
  for (const { node, foreseen, was } of resyncs) {
    expect({ node, foreseen, was }).toEqual({ node, foreseen: 'PARTIAL', was: 'partial' });
  }
}

/** Any of the ports may be the root; parents stand before their children. */
function randomTree(ports: readonly number[], random: SeededRandom): RandomTree {
  const tree = new Map<number, number | null>();
  const levels = new Map<number, number>();
  for (const port of random.shuffle(ports)) {
    const open = [...levels].filter(([, level]) => level < MOST_LEVELS).map(([above]) => above);
    const parent = open.length === 0 ? null : random.pick(open);
    tree.set(port, parent);
    levels.set(port, parent === null ? 1 : (levels.get(parent) ?? 0) + 1);
  }
  return tree;
}

function draw(tree: RandomTree): string {
  return [...tree].map(([port, parent]) => (parent === null ? `${port}` : `${port}<${parent}`)).join(' ');
}
