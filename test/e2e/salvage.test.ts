import { afterEach, describe, expect, it } from 'vitest';
import { salvage } from '../../src/apply/salvage.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

describe.each(ENGINES)('salvage on %s', (engine) => {
  let tree: AppliedTree | null = null;
  afterEach(async () => {
    await tree?.remove();
    tree = null;
  });

  it.runIf(hasEngine(engine))(
    'reads back what a former master took alone, replays it and re-attaches it',
    async () => {
      const [a = 0, b = 0] = await freePorts(2);
      tree = new AppliedTree(
        treeYaml(
          engine,
          new Map([
            [a, null],
            [b, a],
          ]),
        ),
      );
      await tree.up();
      await tree.call(a, 'SET', 'shared', '1');
      await tree.caughtUp(a, b);
      await tree.call(b, 'REPLICAOF', 'NO', 'ONE');
      const truth: string[][] = [];
      for (let index = 0; index < 50; index++) {
        const command =
          index % 3 === 0 ? ['SET', `only-a:${index}`, `v${index}`] : ['RPUSH', 'both', `from a, ${index}`];
        await tree.call(a, command[0] ?? '', ...command.slice(1));
        truth.push(command);
      }
      await tree.call(b, 'RPUSH', 'both', 'from b');
      tree.edit(() =>
        treeYaml(
          engine,
          new Map([
            [b, null],
            [a, b],
          ]),
        ),
      );

      const result = await salvage(await tree.context('salvage'), String(a), {
        replays: true,
        reattaches: true,
      });

      expect(result.commands.map(({ args }) => args.map(String))).toEqual(truth);
      expect(result.lostBytes).toBe(0);
      expect(result.touchedOnBoth).toEqual([{ database: 0, key: Buffer.from('both') }]);
      expect(result.replayed).toBe(truth.length);
      expect(await tree.call(b, 'GET', 'only-a:48')).toBe('v48');
      expect((await tree.info(a))['role']).toBe('slave');
      await poll('a has what b has', async () => (await tree?.call(a, 'GET', 'only-a:48')) === 'v48');
      await expect(
        salvage(await tree.context('salvage'), String(a), { replays: false, reattaches: false }),
      ).rejects.toMatchObject({ code: 'REFUSED' });
    },
  );
});
