import { afterEach, describe, expect, it } from 'vitest';
import { hasEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
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
/** Hash fields with a time to live, to which no other clock than the master's must add anything. */
const EXPIRING = [
  ['HSET', 't', 'a', '1', 'b', '2', 'c', '3', 'd', '4', 'e', '5', 'f', '6'],
  ['HEXPIRE', 't', '1000', 'FIELDS', '4', 'a', 'b', 'c', 'd'],
  ['HPEXPIRE', 't', '2000000', 'NX', 'FIELDS', '2', 'a', 'e'],
  ['HEXPIREAT', 't', '4000000000', 'GT', 'FIELDS', '2', 'b', 'f'],
  ['HINCRBY', 't', 'a', '5'],
  ['HSET', 't', 'c', '7'],
  ['HPERSIST', 't', 'FIELDS', '1', 'd'],
  ['HSETEX', 't', 'EX', '1000', 'FIELDS', '2', 'x', '1', 'y', '2'],
  ['HSETEX', 't', 'KEEPTTL', 'FIELDS', '1', 'x', '5'],
  ['HGETEX', 't', 'EX', '300', 'FIELDS', '2', 'f', 'nope'],
  ['HGETEX', 't', 'PERSIST', 'FIELDS', '1', 'y'],
  ['HINCRBYFLOAT', 't', 'x', '1.5'],
  ['COPY', 't', 'u'],
  ['RENAME', 'u', 'v'],
];
const FIELDS = ['FIELDS', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'x', 'y', 'nope'];

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

/** When the fields end, on each node; nothing where the first does not know such. */
async function readTimes(nodes: readonly ReplicationNode[]): Promise<unknown[][]> {
  if (!(await call(nodes[0]!, ['HPEXPIRETIME', 't', ...FIELDS]))) return [];
  const read = async ({ client }: ReplicationNode): Promise<unknown[]> =>
    Promise.all(['t', 'v'].map(async (key) => client.call('HPEXPIRETIME', key, ...FIELDS)));
  return Promise.all(nodes.map(read));
}

describe.each(['redis', 'valkey', 'bundled'] as const)('what %s sends that Redis 7.2 did not', (engine) => {
  afterEach(async () => {
    await Promise.all(running.splice(0).map(async (node) => node.stop()));
  });

  it.skipIf(!hasEngine(engine))('arrives on bundled replicas, in the stream and in an RDB', async () => {
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

    for (const argv of EXPIRING) await call(master, argv);
    const late = await startNode('bundled');
    running.push(late);
    await follow(late, master.port);
    await awaitInSync(master, [replica, late]);
    const nodes = [master, replica, late];
    const [wantedAfter, ...foundAfter] = await readDatasets(nodes);
    for (const one of foundAfter) expect(one).toBe(wantedAfter);
    const [wantedTimes, ...foundTimes] = await readTimes(nodes);
    for (const times of foundTimes) expect(times).toEqual(wantedTimes);
    expect((await readInfo(replica)).get('unexpected_error_replies')).toBe('0');
  });

  it.skipIf(!hasEngine(engine))('goes on to live and die after a promotion', async ({ skip }) => {
    const master = await startNode(engine);
    running.push(master);
    await master.client.hset('h', { soon: '1', late: '2' });
    const knows = await call(master, ['HPEXPIRE', 'h', '1000000', 'FIELDS', '1', 'soon']);
    skip(!knows, 'this server has no fields that expire');
    const heir = await startNode('bundled');
    running.push(heir);
    const replica = await startNode('bundled');
    running.push(replica);
    await follow(heir, master.port);
    await awaitInSync(master, [heir]);
    await follow(replica, heir.port);
    await awaitInSync(heir, [replica]);
    await heir.client.call('REPLICAOF', 'NO', 'ONE');
    expect(await heir.client.call('HPEXPIRE', 'h', '1', 'XX', 'FIELDS', '2', 'soon', 'late')).toEqual([1, 0]);
    await poll('the field to be deleted', async () => (await replica.client.hlen('h')) === 1);
    expect(await replica.client.hgetall('h')).toEqual({ late: '2' });
  });
});
