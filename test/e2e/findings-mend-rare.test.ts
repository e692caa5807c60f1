import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { findEngine } from '../../src/hosts/engine.ts';
import { localHost } from '../../src/hosts/local-host.ts';
import { buildFixture } from '../support/build-fixture.ts';
import { crash } from '../support/crash-run.ts';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { freePorts } from '../support/free-ports.ts';
import { MendingTree } from '../support/mending-tree.ts';
import { poll } from '../support/poll.ts';
import { killIfThere } from '../support/processes-in.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/**
 * What seldom happens, brought about for real, and mended by the command that is printed for it. What the server has no
 * part in is run on one engine; SlowApply is about a pause that holds the stream of the master too, as Redis' does.
 */
describe.each((['redis', 'bundled'] as const).filter(hasEngine))('mending what is rare on %s', (engine) => {
  let tree: MendingTree;
  let isUp = false;
  const bringUp = async (options?: Parameters<typeof MendingTree.up>[1]): Promise<void> => {
    tree = await MendingTree.up(engine, options);
    isUp = true;
  };
  afterEach(async () => {
    if (isUp) await tree.destroy();
    isUp = false;
  });

  it('EmptyMaster', async () => {
    await bringUp();
    await tree.call('m', 'SET', 'k', 'v');
    await tree.caughtUp('a', 'b', 'c');
    process.kill(tree.deployment.pidOf('m'), 'SIGKILL');
    rmSync(path.join(tree.folderOf('m'), 'dump.rdb'), { force: true });
    // It lets no replica in before it is looked at: one that gets in is empty at once.
    tree.editConf('m', (conf) => `${conf}\nuser default on >sesame ~* &* +@all -psync -sync\n`);
    await startByHand(engine, tree.folderOf('m'), 'redis.conf');
    await poll('it answers', async () => (await tree.call('m', 'PING').catch(() => null)) === 'PONG');
    expect((await tree.deployment.run(['up'])).code).toBe(18);
    await tree.mend('EmptyMaster', 'm');
    for (const id of ['m', 'a', 'b', 'c'] as const) expect(await tree.call(id, 'GET', 'k')).toBe('v');
  });

  it('StuckFailover', async () => {
    await bringUp();
    const wake = tree.freeze('b');
    await tree.call('m', 'SET', 'k', 'v');
    await tree.call('m', 'FAILOVER', 'TO', '127.0.0.1', String(tree.port.b), 'FORCE', 'TIMEOUT', '1');
    await tree.mendOnly('StuckFailover', 'm');
    wake();
    await tree.healthy();
    expect(await tree.call('m', 'ROLE')).toContain('master');
  });

  it.skipIf(engine === 'bundled')('ForeignHistory', async () => {
    await bringUp({ defaults: ', config: {enable-debug-command: local}' });
    await tree.call('m', 'DEBUG', 'CHANGE-REPL-ID');
    // b comes back by a copy: a command that mends one waits a minute for the other.
    await tree.call('b', 'REPLICAOF', 'NO', 'ONE');
    await tree.call('b', 'REPLICAOF', '127.0.0.1', String(tree.port.m));
    await tree.mend('ForeignHistory', 'a');
  });

  it('ChildAhead', async () => {
    // Something on the way from a to c adds a command of its own to the stream.
    const proxy = await startTcpProxy(0);
    try {
      await bringUp({
        a: (port) => {
          proxy.retarget(port);
          return `, announce: {port: ${proxy.port}}`;
        },
      });
      proxy.inject('*1\r\n$4\r\nPING\r\n');
      await tree.mend('ChildAhead', 'c');
      await tree.call('m', 'SET', 'k', 'v');
      await poll('c has it', async () => (await tree.call('c', 'GET', 'k')) === 'v');
    } finally {
      await proxy.stop();
    }
  });

  it('LinkDown', async () => {
    // The way to a goes through something that once took a connection and never said a word on it.
    const silent = createServer();
    const heard = new Promise((resolve) => silent.once('connection', resolve));
    const silentPort = await new Promise<number>((resolve) =>
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port)),
    );
    const proxy = await startTcpProxy(silentPort);
    try {
      await bringUp({
        a: (port) => {
          proxy.retarget(port);
          return `, announce: {port: ${proxy.port}}`;
        },
      });
      proxy.retarget(silentPort);
      proxy.cut();
      await heard;
      proxy.retarget(tree.port.a);
      await tree.mend('LinkDown', 'c');
    } finally {
      await proxy.stop();
      silent.close();
    }
  });

  it.skipIf(engine === 'bundled')('UnknownReplica', async () => {
    await bringUp();
    const [port = 0] = await freePorts(1);
    const dir = mkdtempSync(path.join(tmpdir(), 'replctl-unknown-'));
    tree.atEnd(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(
      path.join(dir, 'x.conf'),
      `port ${port}\ndir ${dir}\nrequirepass sesame\nmasterauth sesame\nreplicaof 127.0.0.1 ${tree.port.m}\n`,
    );
    const pid = await startByHand(engine, dir, 'x.conf');
    tree.atEnd(() => killIfThere(pid));
    await tree.mend('UnknownReplica', 'm');
    // It was restarted from the file, with all that the file says.
    expect(await localHost.processFacts(pid)).toBeNull();
    expect(tree.deployment.pidOf(String(port))).not.toBe(pid);
  });

  it.skipIf(engine === 'bundled')('ResyncRisk', async () => {
    await bringUp({ defaults: ', config: {repl-backlog-size: 16kb}' });
    const client = tree.deployment.client(tree.port.m, 'sesame');
    await client.connect();
    const value = 'x'.repeat(50_000);
    let writes = 0;
    const write = (): Promise<unknown> => client.set('k', value).then(() => (writes += 1));
    // Seldom enough that a busy machine keeps up with it, and the rate stays what it is.
    const writer = setInterval(() => void write().catch(() => undefined), 50);
    tree.atEnd(() => clearInterval(writer));
    // INFO's rate is that of the last 1.6 s: the advice is good once it is steady.
    await poll('three seconds of writes', () => Promise.resolve(writes >= 60));
    await tree.mendOnly('ResyncRisk', 'm');
    const [, bytes] = (await tree.call('m', 'CONFIG', 'GET', 'repl-backlog-size')) as string[];
    tree.deployment.edit((text) => text.replace('16kb', String(bytes)));
    await tree.deployment.ok('up');
    clearInterval(writer);
    await tree.healthy();
  });

  it('SaveFailing', async () => {
    await bringUp();
    const inTheWay = path.join(tree.folderOf('m'), 'dump.rdb');
    rmSync(inTheWay, { force: true });
    mkdirSync(path.join(inTheWay, 'in-the-way'), { recursive: true });
    // The copy to a replica may have its child running still.
    await poll('a save', () =>
      tree.call('m', 'BGSAVE').then(
        () => true,
        () => false,
      ),
    );
    await tree.statusUntil('SaveFailing', ([top]) => top?.code === 'SaveFailing');
    rmSync(inTheWay, { recursive: true });
    await tree.mend('SaveFailing', 'm');
  });

  it.skipIf(engine === 'bundled')('SlowApply', async () => {
    await bringUp();
    await tree.call('b', 'CLIENT', 'PAUSE', '600000', 'WRITE');
    for (let index = 0; index < 5; index++) await tree.call('m', 'SET', `k${index}`, 'x'.repeat(500_000));
    await tree.mend('SlowApply', 'b');
    expect(await tree.call('b', 'STRLEN', 'k4')).toBe(500_000);
  });

  it.skipIf(engine === 'bundled')('UnfinishedOperation: a promotion that was killed', async () => {
    await bringUp();
    process.env['MEND_PASSWORD'] = 'sesame';
    const fixture = await buildFixture('crash');
    try {
      await crash(fixture, tree.deployment.file, 'done:4', 'promote', 'c');
    } finally {
      rmSync(fixture, { force: true });
    }
    await tree.mend('UnfinishedOperation', null);
    expect(await tree.call('c', 'ROLE')).toContain('master');
  });

  it.skipIf(engine === 'bundled')('HostUnreachable', async () => {
    const bin = mkdtempSync(path.join(tmpdir(), 'replctl-ssh-'));
    onTestFinished(() => rmSync(bin, { recursive: true }));
    const ssh = path.join(bin, 'ssh');
    const answer = (script: string): void => {
      writeFileSync(ssh, `#!/bin/sh\n${script}\n`);
      chmodSync(ssh, 0o755);
    };
    const reachable = 'while [ "$1" != -- ]; do shift; done\nexec sh -c "$3"';
    answer(reachable);
    await bringUp({
      b: ', ssh: db1',
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    tree.atEnd(() => {
      answer(reachable);
    });
    answer('echo "no route" >&2\nexit 255');
    const [top] = await tree.statusUntil('HostUnreachable', ([first]) => first?.code === 'HostUnreachable');
    expect(top).toMatchObject({ node: 'b', severity: 'warning', mend: null });
    answer(reachable);
    await tree.healthy();
  });
});

async function startByHand(engine: TestEngine, dir: string, conf: string): Promise<number> {
  const { command } = findEngine({ kind: engine, command: null }, localHost);
  const started = await localHost.spawnDetached([...command, path.join(dir, conf)], {
    cwd: dir,
    outputFile: path.join(dir, 'by-hand.out'),
  });
  return started.pid;
}
