import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resume, rollback } from '../../src/apply/resume.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { buildFixture } from '../support/build-fixture.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { WriteLoad } from '../support/write-load.ts';

/** Stages of a promotion in a tree of four: wait, raise, fence, catch up, demote, promote, verify, release, hang, … */
const STAGES = 10;

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
      for (let stage = 0; stage < STAGES; stage++) {
        const [master] = (await tree.topology()).nodes;
        const target = String([d, b, a, c].find((port) => String(port) !== master?.id));
        const before = tree.text;
        const load = new WriteLoad(ports, 2);
        const watch = new MasterWatch(tree, ports);
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

async function crash(fixture: string, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [fixture, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`did not crash (exit ${code}): ${said}`);
}

/** Looks again and again how many nodes say that they are master. */
class MasterWatch {
  private isStopped = false;
  private readonly watching: Promise<number>;

  constructor(tree: AppliedTree, ports: readonly number[]) {
    this.watching = this.watch(tree, ports);
  }

  stop(): Promise<number> {
    this.isStopped = true;
    return this.watching;
  }

  private async watch(tree: AppliedTree, ports: readonly number[]): Promise<number> {
    let most = 0;
    while (!this.isStopped) {
      await sleep(5);
      const roles = await readRoles(tree, ports);
      // Two answers are never from the same instant: only what is said twice in a row counts.
      if (roles.filter((role) => role === 'master').length > 1) {
        const again = await readRoles(tree, ports);
        most = Math.max(
          most,
          again.filter((role, index) => role === 'master' && roles[index] === role).length,
        );
      }
    }
    return most;
  }
}

/** A demoted master cuts its clients off, us too: null then. */
async function readRoles(tree: AppliedTree, ports: readonly number[]): Promise<(string | null)[]> {
  const infos = await Promise.allSettled(ports.map((port) => tree.info(port)));
  return infos.map((info) => (info.status === 'fulfilled' ? (info.value['role'] ?? null) : null));
}
