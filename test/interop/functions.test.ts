import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hasEngine, type TestEngine } from '../support/engines.ts';
import { poll } from '../support/poll.ts';
import { awaitInSync, follow, startNode, type ReplicationNode } from './replication-nodes.ts';

const LIBRARY = (name: string, value: string): string =>
  `#!lua name=${name}\nredis.register_function{function_name='${name}_f', callback=function() return '${value}' end, flags={'no-writes'}}`;

/** Function libraries travel with the data: in a full sync, down a chain, in the stream, and in files. */
describe.skipIf(!hasEngine('redis'))('function libraries', () => {
  const nodes: ReplicationNode[] = [];
  const start = async (engine: TestEngine, flags: string[] = [], prepare?: (folder: string) => void) => {
    const node = await startNode(engine, flags, prepare);
    nodes.push(node);
    return node;
  };
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop();
  });

  const chains: [TestEngine, TestEngine, TestEngine][] = [
    ['bundled', 'bundled', 'redis'],
    ['redis', 'bundled', 'bundled'],
    ['bundled', 'redis', 'bundled'],
  ];
  it.each(chains)('reach replicas from %s by %s to %s', async (...engines) => {
    const [top, middle, leaf] = await Promise.all(engines.map((engine) => start(engine)));
    if (top === undefined || middle === undefined || leaf === undefined) throw new Error('three nodes');
    await top.client.call('FUNCTION', 'LOAD', LIBRARY('early', '1'));
    await leaf.client.call('FUNCTION', 'LOAD', LIBRARY('own', 'gone'));
    await follow(middle, top.port);
    await awaitInSync(top, [middle]);
    await follow(leaf, middle.port);
    await awaitInSync(middle, [leaf]);
    for (const node of [middle, leaf]) expect(await node.client.call('FCALL_RO', 'early_f', 0)).toBe('1');
    await expect(leaf.client.call('FCALL_RO', 'own_f', 0)).rejects.toThrow(/Function not found/);
    await top.client.call('FUNCTION', 'LOAD', LIBRARY('late', '2'));
    await top.client.call('FUNCTION', 'LOAD', 'REPLACE', LIBRARY('early', '3'));
    await awaitInSync(top, [middle, leaf]);
    const lists = await Promise.all(
      [top, middle, leaf].map(({ client }) => client.call('FUNCTION', 'LIST', 'WITHCODE')),
    );
    const sorted = lists.map((list) => (list as unknown[]).map((entry) => JSON.stringify(entry)).toSorted());
    expect(sorted[1]).toEqual(sorted[0]);
    expect(sorted[2]).toEqual(sorted[0]);
    expect(await leaf.client.call('FCALL_RO', 'early_f', 0)).toBe('3');
    await top.client.call('FUNCTION', 'FLUSH');
    await awaitInSync(top, [middle, leaf]);
    expect(await leaf.client.call('FUNCTION', 'LIST')).toEqual([]);
  });

  it.each([
    ['bundled', 'redis'],
    ['redis', 'bundled'],
  ] as [TestEngine, TestEngine][])('are in the RDB that %s writes and %s loads', async (from, to) => {
    const writer = await start(from);
    await writer.client.call('FUNCTION', 'LOAD', LIBRARY('kept', 'yes'));
    await writer.client.set('key', 'value');
    await writer.client.call('SAVE');
    const dump = readFileSync(path.join(writer.folder, 'dump.rdb'));
    const reader = await start(to, [], (folder) => writeFileSync(path.join(folder, 'dump.rdb'), dump));
    await poll('the file to be loaded', async () => (await reader.client.get('key')) === 'value');
    expect(await reader.client.call('FCALL', 'kept_f', 0)).toBe('yes');
    expect(await reader.client.callBuffer('FUNCTION', 'DUMP')).toBeInstanceOf(Buffer);
  });
});
