import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adopt } from '../../src/apply/adopt.ts';
import type { ChangeResult } from '../../src/apply/change.ts';
import type { ApplyEvent } from '../../src/apply/context.ts';
import { history } from '../../src/apply/history.ts';
import { restartNodes, startNodes, stopNodes } from '../../src/apply/lifecycle.ts';
import { addNode, removeNode } from '../../src/apply/membership.ts';
import { applyPlan, plan } from '../../src/apply/plan-file.ts';
import { promote, promoteForced } from '../../src/apply/promote.ts';
import { editPromote } from '../../src/apply/rearrange.ts';
import { ReplctlError } from '../../src/errors.ts';
import { AppliedTree, treeYaml } from '../support/applied-tree.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

const DO = { isDryRun: false };
/** A busy machine takes its time between two steps. */
const PATIENTLY = { ...DO, fenceBudgetMs: 30_000 };
const BIG_BYTES = 100_000;

describe.each((['redis', 'bundled'] as const).filter(hasEngine))('operations on %s', (engine) => {
  let tree: AppliedTree;
  let ports: number[] = [];
  const at = (index: number): number => ports[index] ?? 0;
  const name = (index: number): string => String(at(index));
  beforeEach(async () => {
    ports = await freePorts(5);
    tree = new AppliedTree(
      treeYaml(
        engine,
        new Map([
          [at(0), null],
          [at(1), at(0)],
          [at(2), at(0)],
          [at(3), at(2)],
        ]),
      ),
    );
    await tree.up();
  });
  afterEach(() => tree.remove());

  const kill = (index: number): Promise<void> => tree.kill(at(index));
  const replicated = (): Promise<void> => tree.caughtUp(at(0), at(1), at(2), at(3));
  const declaredTree = async (): Promise<Record<string, string | null>> =>
    Object.fromEntries((await tree.topology()).nodes.map(({ id, parent }) => [id, parent]));

  it('up again does nothing; what was edited, and only that, is done', async () => {
    expect((await tree.up()).plan.stages).toEqual([]);
    tree.edit((text) =>
      text.replace('master:', 'defaults: {config: {maxmemory: 64mb, databases: 4}}\nmaster:'),
    );
    const { report } = await tree.up();
    const kinds = new Set(report?.notes.map(({ step }) => step.kind));
    expect(kinds.has('config-set') && kinds.has('restart-node') && !kinds.has('rehang')).toBe(true);
    for (const port of ports.slice(0, 4)) {
      expect(await tree.call(port, 'CONFIG', 'GET', 'databases')).toEqual(['databases', '4']);
      expect(await tree.call(port, 'CONFIG', 'GET', 'maxmemory')).toEqual(['maxmemory', '67108864']);
    }
    expect(await tree.fullSyncs()).toBe(0);
    expect(await tree.liveTree()).toEqual(await declaredTree());
    expect((await tree.up()).plan.stages).toEqual([]);
  });

  it('adds, removes, stops, starts and restarts without a full sync of the others', async () => {
    await addNode(await tree.context('add'), name(4), name(1), DO);
    expect((await tree.liveTree())[name(4)]).toBe(name(1));
    const fulls = await tree.fullSyncs();
    await restartNodes(await tree.context('restart'), [name(0), name(2)], DO);
    await stopNodes(await tree.context('stop'), [name(3)], DO);
    await startNodes(await tree.context('start'), [name(3)], DO);
    await removeNode(await tree.context('remove'), name(2), {
      ...DO,
      isConfirmed: true,
      rehangsReplicas: true,
    });
    expect(await tree.liveTree()).toEqual(await declaredTree());
    expect((await declaredTree())[name(3)]).toBe(name(0));
    expect(await tree.fullSyncs()).toBeLessThanOrEqual(fulls);
    await expect(tree.call(at(2), 'PING')).rejects.toThrow();
  });

  it('tells what came over each link that it made: copies, and what was missed', async () => {
    await tree.call(at(0), 'SET', 'big', randomBytes(BIG_BYTES).toString('latin1'));
    const costs = ({ report }: ChangeResult): unknown =>
      report?.resyncs.map(({ node, actual }) => [node, actual?.verdict, (actual?.bytes ?? 0) > BIG_BYTES]);
    expect(costs(await addNode(await tree.context('add'), name(4), name(1), DO))).toEqual([
      [name(4), 'FULL', true],
    ]);
    const restarted = await restartNodes(await tree.context('restart'), [name(3)], DO);
    expect(costs(restarted)).toEqual([[name(3), 'PARTIAL', false]]);
    expect(restarted.report?.resyncs[0]?.actual?.bytes).toEqual(expect.any(Number));
    await tree.call(at(3), 'REPLICAOF', 'NO', 'ONE');
    await tree.call(at(3), 'SET', 'k', 'of its own');
    expect(costs(await tree.up({ discardsDiverged: true }))).toEqual([[name(3), 'FULL', true]]);
  });

  it('tells of a replica that was copied though no step was about it', async () => {
    const pid = Number((await tree.info(at(3)))['process_id']);
    await tree.call(at(2), 'CONFIG', 'SET', 'shutdown-timeout', '0');
    const context = await tree.context('restart');
    // Stopped and cut off while its parent goes, it misses a write that its parent's file has.
    const emit = (event: ApplyEvent): void => {
      if (!('what' in event) || event.what.kind !== 'restart-node') return;
      if (event.kind === 'step-start') {
        process.kill(pid, 'SIGSTOP');
        sayTo(at(2), 'CLIENT KILL TYPE replica');
        sayTo(at(0), 'SET k v', 'WAIT 2 20000');
      } else process.kill(pid, 'SIGCONT');
    };
    const { report } = await restartNodes({ ...context, emit }, [name(2)], DO);
    expect(report?.unforeseenCopies).toEqual([{ parent: name(2), copies: 1 }]);
  });

  it('a restart of the master gives its role back, leaves no trace of the fence, and ends when all are ready', async () => {
    await restartNodes(await tree.context('restart'), [name(0)], DO);
    expect(await tree.liveTree()).toEqual(await declaredTree());
    for (const port of ports.slice(0, 4)) {
      const info = await tree.info(port);
      if (port !== at(0)) expect(info['master_link_status']).toBe('up');
      const conf = readFileSync(String(info['config_file']), 'utf8');
      expect(conf).toMatch(/^repl-ping-replica-period 10$/m);
    }
    expect((await tree.up()).plan.stages).toEqual([]);
  });

  it('up after a node was told to shut down waits for its end: it would be gone a moment later', async () => {
    const before = (await tree.info(at(2)))['process_id'];
    const leaf = Number((await tree.info(at(3)))['process_id']);
    process.kill(leaf, 'SIGSTOP');
    try {
      await tree.call(at(0), 'SET', 'k', 'v');
      await poll('the middle node has it', async () => (await tree.call(at(2), 'GET', 'k')) === 'v');
      // Not answered: it waits for the leaf to have it too, and is gone then.
      tree.call(at(2), 'SHUTDOWN').catch(() => undefined);
      await poll('it waits', async () => (await tree.info(at(2)))['shutdown_in_milliseconds'] !== undefined);
      setTimeout(() => process.kill(leaf, 'SIGCONT'), 300);
      await tree.up();
    } finally {
      process.kill(leaf, 'SIGCONT');
    }
    const after = await tree.info(at(2));
    expect(after['process_id']).not.toBe(before);
    expect(after['shutdown_in_milliseconds']).toBeUndefined();
    expect(await tree.call(at(3), 'GET', 'k')).toBe('v');
    expect(await tree.liveTree()).toEqual(await declaredTree());
  });

  it('says who holds the port of a node, be it a server of another or no server, and starts nothing', async () => {
    await stopNodes(await tree.context('stop'), [name(3)], DO);
    const held = async (): Promise<unknown> => {
      try {
        return await tree.up();
      } catch (error) {
        return error;
      }
    };
    const foreign = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${at(3)},'127.0.0.1')`,
    ]);
    try {
      await portIs(at(3), true);
      expect(await held()).toMatchObject({
        code: 'NODE_NOT_STARTED',
        exitCode: 5,
        details: whoIs(foreign.pid),
      });
    } finally {
      foreign.kill('SIGKILL');
    }
    await portIs(at(3), false);
    const other = new AppliedTree(treeYaml(engine, new Map([[at(3), null]])));
    try {
      await other.up();
      const pid = Number((await other.info(at(3)))['process_id']);
      const error = await held();
      expect(error).toMatchObject({ code: 'NODE_NOT_STARTED', exitCode: 5, details: whoIs(pid) });
      expect(error).toHaveProperty('message', expect.stringContaining(`pid ${pid} (`));
    } finally {
      await other.remove();
    }
    await tree.up();
    expect(await tree.liveTree()).toEqual(await declaredTree());
  });

  it('up after the master was killed keeps what its replicas hold, though its disk has less', async () => {
    await tree.call(at(0), 'SET', 'k', 'v');
    await replicated();
    await kill(0);
    const { report } = await tree.up();
    expect(report?.notes.some(({ step }) => step.kind === 'promote-forced')).toBe(true);
    expect(await tree.call(at(0), 'GET', 'k')).toBe('v');
    expect(await tree.liveTree()).toEqual(await declaredTree());
  });

  it.skipIf(engine !== 'redis')(
    'restart kills a master that nothing else ends, and its replicas keep what they hold',
    async () => {
      await tree.call(at(0), 'SET', 'k', 'v');
      await replicated();
      await tree.call(at(0), 'CONFIG', 'SET', 'lua-time-limit', '0');
      const pid = Number((await tree.info(at(0)))['process_id']);
      // Once the server has these bytes, it reads nobody else's any more.
      const endless = connect(at(0), '127.0.0.1').on('error', () => undefined);
      await once(endless, 'connect');
      endless.write('EVAL "while true do end" 0\r\n');
      const patience = { ...(await tree.context('restart')), timeoutMs: 10_000 };
      const dry = await restartNodes(patience, [name(0)], { isDryRun: true });
      expect(dry.plan.warnings.join()).toContain(
        `${name(0)} does not answer and is killed if it does not end`,
      );
      expect(dry.plan.stages.flat()[0]).toMatchObject({ kind: 'stop-node', node: name(0), isHung: true });
      const { report } = await restartNodes(patience, [name(0)], DO);
      await poll('its connection is closed', async () => endless.closed);
      expect(report?.notes[0]).toMatchObject({ note: 'killed' });
      expect(report?.notes.some(({ step }) => step.kind === 'promote-forced')).toBe(true);
      expect(Number((await tree.info(at(0)))['process_id'])).not.toBe(pid);
      expect(await tree.call(at(0), 'GET', 'k')).toBe('v');
      expect(await tree.liveTree()).toEqual(await declaredTree());
    },
  );

  it('promotes by force only when the master is dead, and the old one comes back as a replica', async () => {
    await tree.call(at(0), 'SET', 'k', 'v');
    await replicated();
    await expect(promoteForced(await tree.context('promote'), null, DO)).rejects.toMatchObject({
      code: 'REFUSED',
      details: { refusals: [expect.objectContaining({ code: 'MasterNotDead' })] },
    });
    await kill(0);
    const { candidates, report: forced } = await promoteForced(await tree.context('promote'), name(3), DO);
    expect(candidates).toHaveLength(3);
    expect(forced?.possibleLoss).toMatchObject({
      master: name(0),
      keptOffset: expect.any(Number),
      silentSeconds: expect.any(Number),
    });
    for (const { predicted, actual } of forced?.resyncs ?? []) {
      expect(actual?.verdict).toBe(predicted?.verdict);
    }
    expect(forced?.resyncs.length).toBeGreaterThan(0);
    expect((await tree.topology()).nodes[0]?.id).toBe(name(3));
    const { report: back } = await tree.up();
    expect(back?.resyncs).toEqual([
      expect.objectContaining({ node: name(0), parent: name(3), actual: expect.objectContaining({}) }),
    ]);
    expect(await tree.liveTree()).toEqual(await declaredTree());
    expect(await tree.call(at(0), 'GET', 'k')).toBe('v');
    expect((await history((await tree.topology()).stateDir)).map(({ verb }) => verb)).toEqual([
      'up',
      'promote',
      'up',
    ]);
  });

  it('never undoes a promotion made elsewhere: adopts it, or switches back when told to', async () => {
    const swap = async (from: number, to: number): Promise<void> => {
      await tree.call(at(from), 'REPLICAOF', '127.0.0.1', name(to));
      await tree.call(at(to), 'REPLICAOF', 'NO', 'ONE');
      const replicas = ports.slice(0, 4).filter((port) => port !== at(to));
      await poll('linked', async () => {
        const infos = await Promise.all(replicas.map((port) => tree.info(port)));
        return infos.every((info) => info['master_link_status'] === 'up');
      });
    };
    await swap(0, 1);
    await expect(tree.up()).rejects.toMatchObject({
      code: 'REFUSED',
      details: { refusals: [expect.objectContaining({ code: 'RolesChangedElsewhere' })] },
    });
    await adopt(await tree.context('adopt'), DO);
    expect((await tree.topology()).nodes[0]?.id).toBe(name(1));
    expect((await tree.up()).plan.stages).toEqual([]);
    await swap(1, 2);
    await tree.up({ restoresRoles: true });
    expect((await tree.info(at(1)))['role']).toBe('master');
    expect(await tree.liveTree()).toEqual(await declaredTree());
  });

  it('applies a plan that still fits, and refuses one that does not', async () => {
    const topology = await tree.topology();
    const request = {
      verb: 'promote',
      edit: editPromote(topology, name(3)),
      options: { startsNodes: false },
    } as const;
    const stale = await plan(await tree.context('plan'), request);
    expect(JSON.parse(JSON.stringify(stale))).toEqual(stale);
    await applyPlan(await tree.context('apply'), stale);
    expect((await tree.info(at(3)))['role']).toBe('master');
    await expect(applyPlan(await tree.context('apply'), stale)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('a dry run changes nothing, and another operation holds the lock', async () => {
    const before = tree.text;
    const dry = await promote(await tree.context('promote'), name(3), { isDryRun: true });
    expect(dry.plan.stages.flat().some(({ kind }) => kind === 'promote')).toBe(true);
    expect(tree.text).toBe(before);
    expect((await tree.info(at(0)))['role']).toBe('master');
    const both = await Promise.allSettled([
      promote(await tree.context('promote'), name(3), PATIENTLY),
      promote(await tree.context('promote'), name(1), PATIENTLY),
    ]);
    const failures = both.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(ReplctlError);
    expect(failures[0]).toMatchObject({ code: 'LOCKED' });
  });
});

function whoIs(pid: number | undefined): unknown {
  return {
    refusals: [expect.objectContaining({ code: 'PortHeld', holder: expect.objectContaining({ pid }) })],
  };
}

function portIs(port: number, isHeld: boolean): Promise<unknown> {
  const isNow = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  return poll(`port ${port} is ${isHeld ? 'held' : 'free'}`, async () => (await isNow()) === isHeld);
}

/** Inline commands, answered before this returns. */
function sayTo(port: number, ...lines: string[]): void {
  const script = `
    const [port, ...lines] = process.argv.slice(1);
    const socket = require('node:net').connect(Number(port), '127.0.0.1');
    let replies = '';
    socket.on('data', (chunk) => {
      replies += chunk;
      if (replies.split('\\r\\n').length > lines.length) socket.end();
    });
    socket.write(lines.map((line) => line + '\\r\\n').join(''));`;
  execFileSync(process.execPath, ['-e', script, String(port), ...lines], { timeout: 30_000 });
}
