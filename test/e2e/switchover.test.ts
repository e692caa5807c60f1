import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApplyEvent } from '../../src/apply/context.ts';
import { promote } from '../../src/apply/promote.ts';
import { chain, move, star } from '../../src/apply/rearrange.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { WriteLoad } from '../support/write-load.ts';

const ROUNDS = Number(process.env['SWITCHOVER_ROUNDS'] ?? 8);
/** Six servers in a row that keep up with writes leave a busy machine nothing for the operations. */
const PAUSE_MS = 5;
const DO = { isDryRun: false };
/** A busy machine takes its time between two steps. */
const PATIENTLY = { ...DO, fenceBudgetMs: 30_000 };

describe.each(ENGINES)('switchover on %s', (engine) => {
  let tree: AppliedTree | null = null;
  afterEach(async () => {
    await tree?.remove();
    tree = null;
  });

  it.runIf(hasEngine(engine))(
    'moves the master about under load: no acknowledged write lost, no full sync',
    async () => {
      const ports = await freePorts(5);
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = ports;
      const config = 'defaults: {config: {repl-backlog-size: 64mb}}\n';
      tree = new AppliedTree(
        treeYaml(
          engine,
          new Map([
            [a, null],
            [b, a],
            [c, a],
            [d, c],
            [e, d],
          ]),
          config,
        ),
      );
      await tree.up();
      const before = await tree.fullSyncs();
      const load = new WriteLoad(ports);
      let master = a;
      try {
        for (let round = 0; round < ROUNDS; round++) {
          master = ports[(ports.indexOf(master) + 1 + (round % 4)) % 5] ?? a;
          const { report } = await promote(
            await tree.context(`promote ${master}`),
            String(master),
            PATIENTLY,
          );
          expect(report?.writeGapMs).toBeGreaterThan(0);
        }
      } finally {
        await load.stop();
      }
      expect(load.acked.size).toBeGreaterThan(100);
      expect(await load.missingOn(master)).toEqual([]);
      expect(await tree.fullSyncs()).toBe(before);
      const [root] = (await tree.topology()).nodes;
      expect(root?.port).toBe(master);
    },
  );

  it.runIf(hasEngine(engine))(
    'turns a chain of six around under load, and into a star, without a full sync',
    async () => {
      const ports = await freePorts(6);
      const config = 'defaults: {config: {repl-backlog-size: 64mb}}\n';
      tree = new AppliedTree(
        treeYaml(engine, new Map(ports.map((port, index) => [port, ports[index - 1] ?? null])), config),
      );
      await tree.up();
      const before = await tree.fullSyncs();
      const load = new WriteLoad(ports, 4, PAUSE_MS);
      const names = ports.map(String);
      const reversed = [...names].reverse();
      try {
        await promote(await tree.context('promote'), reversed[0] ?? '', PATIENTLY);
        await chain(await tree.context('chain'), reversed, DO);
        expect(await tree.liveTree()).toEqual(
          Object.fromEntries(reversed.map((name, index) => [name, reversed[index - 1] ?? null])),
        );
        await star(await tree.context('chain --star'), DO);
        await move(await tree.context('move'), names[1] ?? '', names[0] ?? '', DO);
      } finally {
        await load.stop();
      }
      expect(await tree.liveTree()).toEqual({
        ...Object.fromEntries(names.map((name) => [name, reversed[0] ?? ''])),
        [reversed[0] ?? '']: null,
        [names[1] ?? '']: names[0],
      });
      expect(await load.missingOn(ports[5] ?? 0)).toEqual([]);
      expect(await tree.fullSyncs()).toBe(before);
    },
  );

  it.runIf(hasEngine(engine))(
    'takes itself back when the target stops answering inside the fence: writes go on, the conf file is as before',
    async () => {
      const [a = 0, b = 0] = await freePorts(2);
      const t = new AppliedTree(
        treeYaml(
          engine,
          new Map([
            [a, null],
            [b, a],
          ]),
        ),
      );
      tree = t;
      await t.up();
      const confFile = path.join(t.dir, '.replctl', 't', 'nodes', String(a), 'redis.conf');
      const before = readFileSync(confFile, 'utf8');
      expect(before).not.toContain('replicaof');
      const target = Number((await t.info(b))['process_id']);
      let during = '';
      const context = await t.context('promote');
      const stopping = {
        ...context,
        emit: (event: ApplyEvent): void => {
          if (event.kind !== 'step-start' || event.what.kind !== 'fence') return;
          during = readFileSync(confFile, 'utf8');
          process.kill(target, 'SIGSTOP');
        },
      };
      try {
        await expect(promote(stopping, String(b), DO)).rejects.toMatchObject({ code: 'REFUSED' });
      } finally {
        process.kill(target, 'SIGCONT');
      }
      expect(during).toContain(`replicaof 127.0.0.1 ${b}\n`);
      expect(readFileSync(confFile, 'utf8')).toBe(before);
      expect(await t.call(a, 'SET', 'k', 'v')).toBe('OK');
      expect((await t.info(a))['role']).toBe('master');
    },
  );
});
