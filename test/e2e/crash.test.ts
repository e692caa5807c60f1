import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resume, rollback } from '../../src/apply/resume.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { buildFixture } from '../support/build-fixture.ts';
import { crash } from '../support/crash-run.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { MasterWatch } from '../support/master-watch.ts';
import { SeededRandom, seedFrom } from '../support/seeded-random.ts';
import { WriteLoad } from '../support/write-load.ts';

/** Stages of a promotion in a tree of four: wait, raise, fence, catch up, demote, promote, verify, release, hang, … */
const STAGES = 10;
/** So many of them, chosen by the seed; all with REPLCTL_KILL_MATRIX=all. */
const SAMPLE = process.env['REPLCTL_KILL_MATRIX'] === 'all' ? STAGES : 3;

/** Writes go on all the time and leave the machine to the steps. */
const WRITE_PAUSE_MS = 4;

describe('killed at any step of a promotion', () => {
  let tree: AppliedTree | null = null;
  let fixture = '';
  beforeAll(async () => {
    fixture = await buildFixture('crash');
  });
  afterAll(() => rmSync(fixture, { force: true }));
  afterEach(async () => {
    await tree?.remove();
    tree = null;
  });

  it.runIf(hasEngine('redis')).each(['resume', 'rollback', 'up'] as const)(
    '%s makes it as if it had not been interrupted: one master, nothing lost, nothing copied, fences gone',
    { timeout: 300_000 },
    async (way) => {
      const ports = await freePorts(4);
      const [a = 0, b = 0, c = 0, d = 0] = ports;
      const config = 'defaults: {config: {repl-backlog-size: 64mb}}\n';
      tree = new AppliedTree(
        treeYaml(
          'redis',
          new Map([
            [a, null],
            [b, a],
            [c, a],
            [d, c],
          ]),
          config,
        ),
      );
      await tree.up();
      const fulls = await tree.fullSyncs();
      const random = new SeededRandom(seedFrom('REPLCTL_KILL_SEED'));
      process.stderr.write(`crash, then ${way}: REPLCTL_KILL_SEED=${random.seed}\n`);
      const stages = random.shuffle(Array.from({ length: STAGES }, (_, stage) => stage)).slice(0, SAMPLE);
      for (const stage of stages) {
        const [master] = (await tree.topology()).nodes;
        const target = String([d, b, a, c].find((port) => String(port) !== master?.id));
        const before = tree.text;
        const load = new WriteLoad(ports, 2, WRITE_PAUSE_MS);
        const watch = new MasterWatch(ports);
        await crash(
          fixture,
          tree.file,
          `${way === 'rollback' ? 'done' : 'start'}:${stage}`,
          'promote',
          target,
        );
        if (way === 'resume') await resume(await tree.context('resume'));
        else if (way === 'rollback') await rollback(await tree.context('rollback'));
        else await tree.up();
        await load.stop();
        expect(await watch.stop()).toBeLessThanOrEqual(1);
        const declared = (await tree.topology()).nodes;
        expect(await tree.liveTree()).toEqual(
          Object.fromEntries(declared.map(({ id, parent }) => [id, parent])),
        );
        if (way === 'rollback') expect(tree.text).toBe(before);
        else expect(declared[0]?.id).toBe(target);
        expect(await load.missingOn(declared[0]?.port ?? 0)).toEqual([]);
        expect(await tree.fullSyncs()).toBe(fulls);
        for (const port of ports) {
          expect(await tree.call(port, 'CONFIG', 'GET', 'repl-ping-replica-period')).toEqual([
            'repl-ping-replica-period',
            '10',
          ]);
        }
      }
    },
  );
});
