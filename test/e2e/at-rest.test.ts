import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { down } from '../../src/apply/down.ts';
import { stopNodes } from '../../src/apply/lifecycle.ts';
import { promoteForced } from '../../src/apply/promote.ts';
import type { State } from '../../src/apply/state.ts';
import { AppliedTree } from '../support/applied-tree.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

const DO = { isDryRun: false };

describe.each((['redis', 'bundled'] as const).filter(hasEngine))('up when nobody lives, on %s', (engine) => {
  let tree: AppliedTree;
  let [a, b, c] = [0, 0, 0];
  beforeEach(async () => {
    [a = 0, b = 0, c = 0] = await freePorts(3);
  });
  afterEach(() => tree.remove());

  it('starts from the replica whose files go on where the master’s end, and gives the role back', async () => {
    await leaveOneAhead();
    const { plan } = await tree.up();
    expect(plan.warnings).toEqual([expect.stringMatching(`^${b} is started as master, for ${a} lacks \\d+`)]);
    await expectEverything();
    expect(await tree.liveTree()).toEqual({ [a]: null, [b]: String(a), [c]: String(a) });
    expect((await tree.up()).plan.stages).toEqual([]);
  });

  it('asks when it never saw how the two histories belong together, and starts whom it is told to', async () => {
    await leaveOneAhead();
    await forgetLineage();
    await expect(tree.up()).rejects.toMatchObject({
      code: 'REFUSED',
      hint: expect.stringContaining(`promote ${b} --force`),
      details: { refusals: [{ code: 'HistoryUnknown', node: String(b) }] },
    });
    await expect(tree.call(a, 'PING')).rejects.toThrow();
    await promoteForced(await tree.context('promote'), String(b), DO);
    await expectEverything();
    expect(await tree.liveTree()).toEqual({ [b]: null, [a]: String(b), [c]: String(b) });
  });

  it('asks when the master died with an old file, and a replica appended every write to one', async () => {
    await bringUp("    config: {appendonly: 'yes'}\n");
    // A replica that has copied its master begins a new append-only file, which counts once it is complete.
    await poll(`the append-only file of ${b}`, async () => {
      const info = await tree.info(b);
      return info['aof_rewrite_in_progress'] === '0' && info['aof_rewrite_scheduled'] === '0';
    });
    await write('second');
    // Written behind a sync that is under way, it would be lost with the process.
    await poll(`the append-only file of ${b}`, async () => (await tree.info(b))['aof_buffer_length'] === '0');
    for (const port of [b, c, a]) await tree.kill(port);
    await expect(tree.up()).rejects.toMatchObject({
      hint: expect.stringContaining(`promote ${b} --force`),
      details: { refusals: [{ code: 'HistoryUnknown', node: String(b) }] },
    });
    await promoteForced(await tree.context('promote'), String(b), DO);
    await expectEverything();
  });

  /** Leaves nobody alive, and a write that only a stopped replica has on disk: the others died and saved nothing. */
  async function leaveOneAhead(): Promise<void> {
    await bringUp('');
    await write('second');
    await stopNodes(await tree.context('stop'), [String(b)], DO);
    await tree.kill(a);
    await tree.kill(c);
  }

  async function bringUp(configOfB: string): Promise<void> {
    const list = `replicas:\n  - port: ${b}\n${configOfB}  - ${c}\n`;
    tree = new AppliedTree(`name: t\nengine: ${engine}\nmaster: ${a}\n${list}`);
    await tree.up();
    await write('first');
    await down(await tree.context('down'), { isDryRun: false, wipe: null });
    expect((await tree.up()).plan.warnings).toEqual([]);
    if (configOfB === '') expect(await tree.fullSyncs()).toBe(0);
  }

  async function write(key: string): Promise<void> {
    await tree.call(a, 'SET', key, key);
    await tree.caughtUp(a, b, c);
  }

  async function expectEverything(): Promise<void> {
    for (const port of [a, b, c]) {
      expect(await tree.call(port, 'MGET', 'first', 'second')).toEqual(['first', 'second']);
    }
  }

  /** As if the master had been started by other hands. */
  async function forgetLineage(): Promise<void> {
    const file = path.join((await tree.topology()).stateDir, 'state.json');
    const state = JSON.parse(readFileSync(file, 'utf8')) as State;
    expect(state.lineage).not.toEqual([]);
    writeFileSync(file, JSON.stringify({ ...state, lineage: [] }));
  }
});
