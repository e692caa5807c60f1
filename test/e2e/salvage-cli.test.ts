import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { SalvageReport } from '../../src/show/salvage-report.ts';
import { treeYaml } from '../support/applied-tree.ts';
import { Deployment } from '../support/deployment.ts';
import { ENGINES, hasEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';

describe.each(ENGINES)('replctl salvage on %s', (engine) => {
  let deployment: Deployment | null = null;
  afterEach(async () => {
    await deployment?.destroy();
    deployment = null;
  });

  it.runIf(hasEngine(engine))('lists, keeps, replays and re-attaches only what it was told to', async () => {
    const [a = 0, b = 0] = await freePorts(2);
    const tree = (root: number, replica: number) =>
      treeYaml(
        engine,
        new Map([
          [root, null],
          [replica, root],
        ]),
      );
    const d = new Deployment(tree(a, b));
    deployment = d;
    await d.ok('up');
    const inThree = d.client(a);
    await inThree.connect();
    await inThree.select(3);
    await inThree.set('shared', '1');
    await d.converged(a, [b]);
    await d.call(b, 'REPLICAOF', 'NO', 'ONE');
    // No SELECT precedes this one in the stream: the database is known only from before the fork.
    const bytes = Buffer.from([0, 255, 13, 10, 42]);
    await inThree.set('binary', bytes);
    await inThree.multi().incr('counter').set('shared', '2').exec();
    await d.call(b, 'SET', 'shared', 'in database 0');
    writeFileSync(d.file, tree(b, a));

    const listed = await d.json<SalvageReport>('salvage', String(a), '--out', 'lost.resp');
    expect(
      listed.commands.map(({ database, args }) => [database, JSON.stringify(args[0]).toUpperCase()]),
    ).toEqual([
      [3, '"SET"'],
      [3, '"MULTI"'],
      [3, '"INCR"'],
      [3, '"SET"'],
      [3, '"EXEC"'],
    ]);
    expect(listed.commands[0]?.args).toEqual(['set', 'binary', { base64: bytes.toString('base64') }]);
    expect(listed).toMatchObject({ lostBytes: 0, touchedOnBoth: [], replayed: 0, isReattached: false });
    const kept = path.join(d.dir, 'lost.resp');
    expect(readFileSync(kept).includes(bytes)).toBe(true);
    expect(statSync(kept).mode & 0o777).toBe(0o600);

    const refused = await d.expect(18, 'salvage', String(a), '--reattach');
    expect(refused.stderr).toContain('5 commands');
    expect((await d.info(a))['role']).toBe('master');

    const done = await d.ok('salvage', String(a), '--replay', '--reattach');
    expect(done.stdout).toContain('5 commands replayed');
    await d.converged(b, [a]);
    const onMaster = d.client(b);
    await onMaster.connect();
    await onMaster.select(3);
    expect(await onMaster.getBuffer('binary')).toEqual(bytes);
    expect(await onMaster.get('counter')).toBe('1');
  });
});
