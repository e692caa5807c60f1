import { afterEach, expect, it } from 'vitest';
import { hasEngine, majorVersion, type TestEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import {
  awaitInSync,
  fillNode,
  follow,
  readDatasets,
  readInfo,
  restart,
  silence,
  startNode,
  type ReplicationNode,
} from './replication-nodes.ts';

const WRITTEN_BYTES = 1_000_000;
/** Lines of the handshake, the frame of an RDB and newlines meanwhile: one side counts them, the other does not. */
const FRAMING_BYTES = 2_000;

const running: { stop(): Promise<void> }[] = [];

async function start(engine: TestEngine, flags: readonly string[] = []): Promise<ReplicationNode> {
  const node = await startNode(engine, flags);
  running.push(node);
  return node;
}

/** A chain, each node below the one before; in sync when it returns. */
async function startChain(
  engines: readonly TestEngine[],
  flags: readonly string[] = [],
): Promise<ReplicationNode[]> {
  const nodes = await Promise.all(engines.map(async (engine) => start(engine, flags)));
  const [master] = nodes;
  if (master === undefined) throw new Error('a chain needs nodes');
  await fillNode(master, 0);
  for (let index = 1; index < nodes.length; index += 1) {
    const [parent, node] = [nodes[index - 1], nodes[index]];
    if (parent === undefined || node === undefined) break;
    await follow(node, parent.port);
    await awaitInSync(master, [node]);
  }
  return nodes;
}

/** A replica in sync with its master over a proxy that can cut the link. */
async function startThroughProxy(
  above: TestEngine,
  below: TestEngine,
): Promise<{ master: ReplicationNode; replica: ReplicationNode; proxy: TcpProxy }> {
  const master = await start(above);
  const replica = await start(below);
  const proxy = await startTcpProxy(master.port);
  running.push(proxy);
  await fillNode(master, 0);
  await follow(replica, proxy.port);
  await awaitInSync(master, [replica]);
  return { master, replica, proxy };
}

async function expectEqual(nodes: readonly ReplicationNode[]): Promise<void> {
  const [master, ...replicas] = nodes;
  if (master === undefined) return;
  await awaitInSync(master, replicas);
  const [wanted = '', ...others] = await readDatasets(nodes);
  const lines = new Set(wanted.split('\n'));
  expect(lines.size).toBeGreaterThan(100);
  for (const other of others) {
    expect(other.split('\n').filter((line) => !lines.has(line))).toEqual([]);
    expect(other.length).toBe(wanted.length);
  }
}

async function counters(node: ReplicationNode): Promise<{ full: number; partial: number }> {
  const info = await readInfo(node);
  return { full: Number(info.get('sync_full')), partial: Number(info.get('sync_partial_ok')) };
}

/** Trees of bundled servers and one real engine, in both directions. One file per engine, so that they run side by side. */
export function describeReplicationWith(real: 'redis' | 'valkey'): void {
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (part) => part.stop()));
  });

  const isThere = hasEngine(real);
  const isBefore7 = (majorVersion(`${real}-server`) ?? 7) < 7;
  const CHAINS: readonly (readonly TestEngine[])[] = [
    [real, 'bundled', real],
    ['bundled', real, 'bundled'],
    [real, 'bundled', 'bundled'],
    ['bundled', 'bundled', real],
  ];

  it.skipIf(!isThere).each(CHAINS)('replicates down the chain %s → %s → %s', async (...engines) => {
    const nodes = await startChain(engines);
    const [master] = nodes as [ReplicationNode];
    for (let round = 1; round <= 5; round += 1) await fillNode(master, round);
    await expectEqual(nodes);
  });

  it.skipIf(!isThere)('sends an RDB of known length when diskless sync is off', async () => {
    const nodes = await startChain(['bundled', real, 'bundled'], ['--repl-diskless-sync', 'no']);
    await fillNode(nodes[0] as ReplicationNode, 1);
    await expectEqual(nodes);
  });

  it.skipIf(!isThere).each([
    ['bundled', real],
    [real, 'bundled'],
  ] as const)('resumes after a cut: %s master, %s replica', async (above, below) => {
    const { master, replica, proxy } = await startThroughProxy(above, below);
    for (let round = 1; round <= 3; round += 1) {
      const before = await counters(master);
      proxy.close();
      await fillNode(master, round);
      proxy.open();
      await expectEqual([master, replica]);
      const after = await counters(master);
      expect(after.full).toBe(before.full);
      expect(after.partial).toBeGreaterThan(before.partial);
    }
  });

  it.skipIf(!isThere).each([
    ['bundled', real, 'bundled'],
    [real, 'bundled', real],
  ] as const)('keeps its history through a promotion: %s → %s → %s', async (...engines) => {
    const nodes = await startChain(engines);
    const [old, next, leaf] = nodes as [ReplicationNode, ReplicationNode, ReplicationNode];
    const before = await Promise.all(nodes.map(counters));
    const replid = (await readInfo(old)).get('master_replid');
    // A PING that only the old master has counted would be a history of its own.
    await silence(old, [next, leaf]);
    await next.client.call('REPLICAOF', 'NO', 'ONE');
    await follow(old, next.port);
    await fillNode(next, 1);
    await expectEqual([next, old, leaf]);
    const info = await readInfo(next);
    expect(info.get('role')).toBe('master');
    expect(info.get('master_replid2')).toBe(replid);
    const after = await Promise.all(nodes.map(counters));
    expect(after.map(({ full }) => full)).toEqual(before.map(({ full }) => full));
  });

  it.skipIf(!isThere || isBefore7).each([
    ['bundled', real, 'bundled'],
    [real, 'bundled', real],
  ] as const)('counts what goes over a link: %s → %s → %s', async (...engines) => {
    const nodes = await startChain(engines);
    const [master, middle, leaf] = nodes as [ReplicationNode, ReplicationNode, ReplicationNode];
    const rates = poll('rates above 0', async () => {
      const [out, inAndOut, last] = [await readInfo(master), await readInfo(middle), await readInfo(leaf)];
      return [
        out.get('instantaneous_output_repl_kbps'),
        inAndOut.get('instantaneous_input_repl_kbps'),
        inAndOut.get('instantaneous_output_repl_kbps'),
        last.get('instantaneous_input_repl_kbps'),
      ].every((rate) => Number(rate) > 0);
    });
    await master.client.set('big', 'x'.repeat(WRITTEN_BYTES));
    await rates;
    await awaitInSync(master, [middle, leaf]);
    for (const [parent, child] of [
      [master, middle],
      [middle, leaf],
    ] as const) {
      const sent = await readInfo(parent);
      const got = await readInfo(child);
      expect(Number(got.get('total_net_input_bytes'))).toBeGreaterThan(WRITTEN_BYTES);
      expect(Number(got.get('total_net_repl_input_bytes'))).toBeGreaterThan(WRITTEN_BYTES);
      // Of what it sends in several pieces, Valkey 8.0 counts the last.
      if (parent.engine === 'valkey') continue;
      const bytes = Number(sent.get('total_net_repl_output_bytes'));
      expect(Number(sent.get('total_net_output_bytes'))).toBeGreaterThan(bytes);
      const strayBytes = Math.abs(bytes - Number(got.get('total_net_repl_input_bytes')));
      expect(strayBytes, `${parent.engine} to ${child.engine}`).toBeLessThan(FRAMING_BYTES);
    }
  });

  it.skipIf(!isThere).each([
    ['bundled', real],
    [real, 'bundled'],
  ] as const)('answers WAIT: %s master, %s replica', async (above, below) => {
    const [master] = (await startChain([above, below])) as [ReplicationNode];
    await master.client.set('waited', 'for');
    expect(await master.client.wait(1, 60_000)).toBe(1);
    expect(await master.client.wait(2, 50)).toBe(1);
  });

  it.skipIf(!isThere).each([
    ['bundled', real],
    [real, 'bundled'],
  ] as const)('hands over by FAILOVER: %s to %s', async (above, below) => {
    const [master, replica] = (await startChain([above, below])) as [ReplicationNode, ReplicationNode];
    await master.client.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port));
    await poll(
      'the replica to be the master',
      async () => (await readInfo(replica)).get('role') === 'master',
    );
    await fillNode(replica, 1);
    await expectEqual([replica, master]);
    expect((await readInfo(master)).get('master_failover_state')).toBe('no-failover');
    expect((await counters(replica)).full).toBe(0);
  });

  it.skipIf(!isThere).each([
    ['bundled', real],
    [real, 'bundled'],
  ] as const)('resumes after a restart: %s master, %s replica', async (above, below) => {
    const { master, replica, proxy } = await startThroughProxy(above, below);

    const replicaAgain = await restart(replica, ['--replicaof', '127.0.0.1', String(proxy.port)]);
    running.push(replicaAgain);
    await fillNode(master, 1);
    await expectEqual([master, replicaAgain]);
    expect(await counters(master)).toEqual({ full: 1, partial: 1 });

    await silence(master, [replicaAgain]);
    const masterAgain = await restart(master, []);
    running.push(masterAgain);
    proxy.retarget(masterAgain.port);
    await fillNode(masterAgain, 2);
    await expectEqual([masterAgain, replicaAgain]);
    // A master before 7.0 does not take its history up again from its RDB.
    const isForgotten = isBefore7 && above === real;
    expect(await counters(masterAgain)).toEqual({ full: isForgotten ? 1 : 0, partial: isForgotten ? 0 : 1 });
  });

  it.skipIf(!isThere)('logs in to its master with masterauth', async () => {
    const master = await start(real);
    await master.client.config('SET', 'requirepass', 'sésame ouvre-toi');
    const replica = await start('bundled', ['--masterauth', 'sésame ouvre-toi']);
    await follow(replica, master.port);
    await fillNode(master, 1);
    await expectEqual([master, replica]);
  });

  it.skipIf(!isThere)('takes the stream of a master under load, cut again and again', async () => {
    // Whatever is written while a link is down, it is still there.
    const master = await start(real, ['--repl-backlog-size', '256mb']);
    const replica = await start('bundled');
    const leaf = await start(real);
    const proxy = await startTcpProxy(master.port);
    running.push(proxy);
    await follow(replica, proxy.port);
    await follow(leaf, replica.port);
    const end = new AbortController();
    const load = (async () => {
      for (let round = 0; !end.signal.aborted; round += 1) await fillNode(master, round % 20);
    })();
    for (let cuts = 0; cuts < 10; cuts += 1) {
      await poll(
        'the link to be up',
        async () => (await readInfo(replica)).get('master_link_status') === 'up',
      );
      proxy.cut();
    }
    end.abort();
    await load;
    await expectEqual([master, replica, leaf]);
    expect((await counters(master)).partial).toBeGreaterThan(0);
  });
}
