import { afterEach, describe, expect, it } from 'vitest';
import { treeYaml } from '../support/applied-tree.ts';
import { Deployment } from '../support/deployment.ts';
import { hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { poll } from '../support/poll.ts';

interface Change {
  readonly verb: string;
  readonly resyncs: readonly {
    readonly node: string;
    readonly predicted: { readonly verdict: string } | null;
    readonly actual: { readonly verdict: string; readonly bytes: number | null } | null;
  }[];
}

/** m → a → c, m → b, all by their ports: every verb that changes the tree can be planned now and applied later. */
describe.runIf(hasEngine('redis'))('plans as contracts', () => {
  let deployment: Deployment | null = null;
  afterEach(async () => {
    await deployment?.destroy();
    deployment = null;
  });

  it('apply carries a plan out exactly, or nothing when the world moved', async () => {
    const [m = 0, a = 0, b = 0, c = 0] = await freePorts(4);
    const d = new Deployment(
      treeYaml(
        'redis',
        new Map([
          [m, null],
          [a, m],
          [b, m],
          [c, a],
        ]),
      ),
    );
    deployment = d;
    await d.ok('up');
    const [M, A, B, C] = [m, a, b, c].map(String) as [string, string, string, string];
    const verbs: readonly (readonly string[])[] = [
      ['promote', C],
      ['chain', A, B, C],
      ['chain', '--star'],
      ['remove', B],
    ];
    for (const [index, verb] of verbs.entries()) {
      await d.ok('plan', ...verb, '-o', `stale-${index}.json`);
    }
    await d.ok('plan', 'move', C, '--under', B, '-o', 'move.json');
    const dry = await d.json<Change>('apply', 'move.json', '--dry-run');
    expect(dry.resyncs).toEqual([expect.objectContaining({ node: C, actual: null })]);
    const done = await d.json<Change>('apply', 'move.json');
    expect(done.verb).toBe('move');
    expect(
      done.resyncs.map(({ node, predicted, actual }) => [node, predicted?.verdict, actual?.verdict]),
    ).toEqual([[C, 'PARTIAL', 'PARTIAL']]);
    expect(done.resyncs[0]?.actual?.bytes).toEqual(expect.any(Number));
    expect((await d.info(c))['master_port']).toBe(B);

    for (const index of verbs.keys()) {
      const refused = await d.expect(18, 'apply', `stale-${index}.json`);
      expect(refused.stderr).toContain('nothing was changed');
    }
    expect((await d.info(m))['role']).toBe('master');

    // Long enough for a machine that is busy.
    await d.ok('plan', 'promote', A, '--timeout', '30s', '-o', 'promote.json');
    const promoted = await d.json<Change>('apply', 'promote.json');
    expect(promoted.resyncs.length).toBeGreaterThan(0);
    for (const { predicted, actual } of promoted.resyncs) expect(actual?.verdict).toBe(predicted?.verdict);
    expect((await d.info(a))['role']).toBe('master');
    expect((await d.info(m))['master_port']).toBe(A);
    await d.expect(2, 'plan', 'move', M);
    await d.expect(2, 'plan', 'promote');
  }, 300_000);

  it('restarts, switches back and promotes by force by a plan made before', async () => {
    const [m = 0, a = 0, b = 0] = await freePorts(3);
    const [M, A] = [String(m), String(a)];
    const d = new Deployment(
      treeYaml(
        'redis',
        new Map([
          [m, null],
          [a, m],
          [b, m],
        ]),
      ),
    );
    deployment = d;
    await d.ok('up');
    const runs = async (): Promise<unknown[]> =>
      Promise.all([m, a, b].map(async (port) => (await d.info(port, 'server'))['run_id']));
    const before = await runs();

    await d.ok('plan', 'restart', A, M, '--timeout', '30s', '-o', 'restart.json');
    expect(await runs()).toEqual(before);
    const restarted = await d.json<Change>('apply', 'restart.json', '--timeout', '30s');
    expect(restarted.verb).toBe('restart');
    const after = await runs();
    expect(after.map((run, index) => run === before[index])).toEqual([false, false, true]);
    expect((await d.info(m))['role']).toBe('master');
    await d.expect(18, 'apply', 'restart.json');
    await d.expect(2, 'plan', 'restart');

    await d.call(a, 'REPLICAOF', 'NO', 'ONE');
    await d.call(m, 'REPLICAOF', '127.0.0.1', A);
    await d.call(b, 'REPLICAOF', '127.0.0.1', A);
    await d.converged(a, [m, b]);
    await d.expect(18, 'plan', '-o', 'never.json');
    await d.ok('plan', 'up', '--restore-roles', '--timeout', '30s', '-o', 'roles.json');
    await d.ok('apply', 'roles.json', '--timeout', '30s');
    expect((await d.info(m))['role']).toBe('master');
    expect((await d.info(a))['master_port']).toBe(M);

    await d.expect(18, 'plan', 'promote', A, '--force', '-o', 'never.json');
    process.kill(d.pidOf(M), 'SIGKILL');
    await poll('the replicas lost it', async () => {
      const infos = await Promise.all([a, b].map((port) => d.info(port)));
      return infos.every((info) => info['master_link_status'] === 'down');
    });
    await d.ok('plan', 'promote', A, '--force', '-o', 'force.json');
    expect((await d.info(a))['role']).toBe('slave');
    // Done, with the dead master as a finding.
    await d.expect(4, 'apply', 'force.json');
    expect((await d.info(a))['role']).toBe('master');
    expect((await d.info(b))['master_port']).toBe(A);
  }, 300_000);

  it('throws diverged writes away by a plan that was made with that consent, and by no other', async () => {
    const [m = 0, a = 0] = await freePorts(2);
    const d = new Deployment(
      treeYaml(
        'redis',
        new Map([
          [m, null],
          [a, m],
        ]),
      ),
    );
    deployment = d;
    await d.ok('up');
    await d.call(m, 'SET', 'k', 'of all');
    await d.call(a, 'REPLICAOF', 'NO', 'ONE');
    await d.call(a, 'SET', 'k', 'its own');
    const refused = await d.expect(18, 'plan', 'up', '-o', 'never.json');
    expect(refused.stderr).toContain('--discard-diverged');
    await d.ok('plan', 'up', '--discard-diverged', '-o', 'discard.json');
    expect(await d.call(a, 'GET', 'k')).toBe('its own');
    const { resyncs } = await d.json<Change>('apply', 'discard.json');
    expect(resyncs.map(({ node, predicted, actual }) => [node, predicted?.verdict, actual?.verdict])).toEqual(
      [[String(a), 'FULL', 'FULL']],
    );
    await poll('it has the data of all', async () => (await d.call(a, 'GET', 'k')) === 'of all');
    expect((await d.info(a))['master_port']).toBe(String(m));
  }, 300_000);
});
