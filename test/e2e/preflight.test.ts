import { renameSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/observe/client.ts';
import { ErrorReply } from '../../src/observe/reply.ts';
import { promote } from '../../src/apply/promote.ts';
import { move } from '../../src/apply/rearrange.ts';
import { AppliedTree } from '../support/applied-tree.ts';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { keepWriting } from '../support/keep-writing.ts';
import { poll } from '../support/poll.ts';

const DO = { isDryRun: false };

/** What cannot be read from any INFO is tried: m → a, m → b. */
describe.runIf(hasEngine('redis'))('before a switchover', () => {
  let tree: AppliedTree | null = null;
  afterEach(async () => {
    await tree?.remove();
    tree = null;
  });

  async function bringUp(
    announce = '',
    engine: TestEngine = 'redis',
  ): Promise<{ world: AppliedTree; m: number; a: number; stateDir: string }> {
    const [m = 0, a = 0, b = 0] = await freePorts(3);
    const world = new AppliedTree(
      [
        'name: t',
        `engine: ${engine}`,
        `master: {port: ${m}, name: m}`,
        'replicas:',
        `  - {port: ${a}, name: a${announce}}`,
        `  - {port: ${b}, name: b}`,
        '',
      ].join('\n'),
    );
    tree = world;
    await world.up();
    return { world, m, a, stateDir: (await world.topology()).stateDir };
  }

  async function refusalOf(action: Promise<unknown>): Promise<unknown> {
    const outcome: unknown = await action.catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'REFUSED', exitCode: 18 });
    return (outcome as { details: { refusals: unknown[] } }).details.refusals[0];
  }

  it('AddressNotValid: nobody answers where the target says it is', async () => {
    const { world } = await bringUp(', announce: {port: 1}');
    expect(await refusalOf(promote(await world.context('promote'), 'a', DO))).toMatchObject({
      code: 'AddressNotValid',
      node: 'a',
      measured: 'ECONNREFUSED',
    });
    expect(await refusalOf(move(await world.context('move'), 'b', 'a', DO))).toMatchObject({
      code: 'AddressNotValid',
      node: 'a',
    });
  });

  it('ConfNotWritable: the folder of a conf file is gone', async () => {
    const { world, stateDir } = await bringUp();
    const folder = path.join(stateDir, 'nodes', 'a');
    renameSync(folder, `${folder}.away`);
    try {
      expect(await refusalOf(promote(await world.context('promote'), 'a', DO))).toMatchObject({
        code: 'ConfNotWritable',
        node: 'a',
        measured: 'its folder is gone',
      });
    } finally {
      renameSync(`${folder}.away`, folder);
    }
  });

  it.each(['redis', 'bundled'] as const)(
    'BacklogShort: the target keeps too little for what the master says it sends, on %s',
    async (engine) => {
      const { world, m, a } = await bringUp('', engine);
      await world.call(a, 'CONFIG', 'SET', 'repl-backlog-size', '16384');
      const client = new Redis(m, '127.0.0.1');
      const stopWriting = keepWriting(() => client.set('k', 'x'.repeat(50_000)), 20);
      try {
        await poll('the master has measured it', async () => {
          const { instantaneous_output_repl_kbps: rate } = await world.info(m);
          return Number(rate) > 100;
        });
        expect(await refusalOf(promote(await world.context('promote'), 'a', DO))).toMatchObject({
          code: 'BacklogShort',
          node: 'a',
          measured: 16_384,
        });
      } finally {
        await stopWriting();
        client.disconnect();
      }
      expect(await world.liveTree()).toEqual({ m: null, a: 'm', b: 'm' });
    },
  );

  it('ScriptRunning: the target runs a script without end', async () => {
    const { world, a } = await bringUp();
    await world.call(a, 'CONFIG', 'SET', 'lua-time-limit', '1');
    const [spec] = (await world.topology()).nodes.filter(({ port }) => port === a);
    if (spec === undefined) throw new Error('no a');
    const client = await connect(spec, { password: null, timeoutMs: 60_000 });
    const endless = world.call(a, 'EVAL', 'while true do end', '0').catch((error: unknown) => error);
    await poll('it is busy', async () => {
      const reply = await client.call('GET', 'k');
      return reply instanceof ErrorReply && reply.code === 'BUSY';
    });
    expect(await refusalOf(promote(await world.context('promote'), 'a', DO))).toMatchObject({
      code: 'ScriptRunning',
      node: 'a',
      hint: 'replctl exec a -- SCRIPT KILL',
    });
    await client.call('SCRIPT', 'KILL');
    client.close();
    expect(await endless).toBeInstanceOf(Error);
    await promote(await world.context('promote'), 'a', { ...DO, fenceBudgetMs: 30_000 });
    expect(await world.liveTree()).toEqual({ a: null, m: 'a', b: 'a' });
  });
});
