import { afterEach, describe, expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import {
  awaitInSync,
  follow,
  readDatasets,
  readInfo,
  startNode,
  type ReplicationNode,
} from './replication-nodes.ts';

const running: ReplicationNode[] = [];

/** What has come since Redis 7.2; a server that does not know one is not asked for it. */
const KEEPING = [
  ['HSET', 'h', 'f', '1.5', 'g', '2'],
  ['HINCRBYFLOAT', 'h', 'f', '1.25'],
  ['HINCRBYFLOAT', 'new', 'f', '0.5'],
  ['HSETEX', 'e', 'FIELDS', '2', 'a', '1', 'b', '2'],
  ['HSETEX', 'e', 'FNX', 'KEEPTTL', 'FIELDS', '1', 'c', '3'],
  ['HPERSIST', 'e', 'FIELDS', '1', 'a'],
  ['HGETDEL', 'e', 'FIELDS', '2', 'a', 'b'],
  ['HEXPIRE', 'h', '0', 'FIELDS', '1', 'g'],
  ['SET', 's', '1', 'EX', '1000'],
  ['SET', 's', '2', 'IFEQ', '1'],
  ['SET', 's', '3', 'IFEQ', '2', 'GET', 'PX', '900000'],
  ['SET', 'other', '1'],
  ['DELIFEQ', 'other', '1'],
  ['MSETEX', '2', 'm1', '1', 'm2', '2', 'NX', 'EX', '1000'],
];
const LOSING = [
  ['HEXPIRE', 'h', '1000', 'FIELDS', '1', 'f'],
  ['HSETEX', 'e', 'EX', '1000', 'FIELDS', '1', 'z', '1'],
];

async function call(node: ReplicationNode, argv: readonly string[]): Promise<boolean> {
  const [name = '', ...args] = argv;
  try {
    await node.client.call(name, ...args);
    return true;
  } catch (error) {
    // Only what the server does not know may fail.
    expect(String(error)).toMatch(/unknown command|syntax error/);
    return false;
  }
}

describe.each(['redis', 'valkey'] as const)('what %s sends that Redis 7.2 did not', (engine) => {
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (node) => node.stop()));
  });

  it.skipIf(!hasEngine(engine))('arrives on a bundled replica, or is told of', async () => {
    const master = await startNode(engine);
    running.push(master);
    const replica = await startNode('bundled');
    running.push(replica);
    await follow(replica, master.port);
    await awaitInSync(master, [replica]);

    for (const argv of KEEPING) await call(master, argv);
    await awaitInSync(master, [replica]);
    const [wanted, found] = await readDatasets([master, replica]);
    expect(found).toBe(wanted);
    expect((await readInfo(replica)).get('unexpected_error_replies')).toBe('0');

    let losses = 0;
    for (const argv of LOSING) if (await call(master, argv)) losses += 1;
    await awaitInSync(master, [replica]);
    const [wantedAfter, foundAfter] = await readDatasets([master, replica]);
    expect(foundAfter).toBe(wantedAfter);
    expect((await readInfo(replica)).get('unexpected_error_replies')).toBe(String(losses));
  });
});
