import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { startBundledServer } from '../support/bundled-server.ts';
import { readDataset } from '../support/dataset.ts';
import type { TestEngine } from '../support/engines.ts';
import { infoFields } from '../support/info-fields.ts';
import { poll } from '../support/poll.ts';
import { startRealServer } from '../support/real-server.ts';

export interface ReplicationNode {
  readonly engine: TestEngine;
  readonly port: number;
  readonly folder: string;
  readonly client: Redis;
  stop(): Promise<void>;
}

const QUICK = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

/** A node of any engine that does not wait five seconds for company before a full resync. */
export async function startNode(
  engine: TestEngine,
  flags: readonly string[] = [],
  prepare: (folder: string) => void = () => undefined,
): Promise<ReplicationNode> {
  if (engine === 'bundled') {
    const server = await startBundledServer([...QUICK, ...flags], prepare);
    const client = connect(server.port);
    const stop = async (): Promise<void> => {
      client.disconnect();
      await server.stop();
    };
    return { engine, port: server.port, folder: server.folder, client, stop };
  }
  const binary = engine === 'redis' ? 'redis-server' : 'valkey-server';
  const server = await startRealServer(binary, [...QUICK, ...flags], prepare);
  server.client.disconnect();
  const client = connect(server.port);
  const stop = async (): Promise<void> => {
    client.disconnect();
    await server.stop();
  };
  return { engine, port: server.port, folder: server.folder, client, stop };
}

function connect(port: number): Redis {
  const client = new Redis(port, '127.0.0.1', { enableReadyCheck: false, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  return client;
}

export async function follow(node: ReplicationNode, port: number): Promise<void> {
  await node.client.call('REPLICAOF', '127.0.0.1', String(port));
}

/** No PING goes out any more, and all that did has arrived: nothing moves an offset but writes. */
export async function silence(master: ReplicationNode, replicas: readonly ReplicationNode[]): Promise<void> {
  for (const node of [master, ...replicas])
    await node.client.config('SET', 'repl-ping-replica-period', '3600');
  await awaitInSync(master, replicas);
}

/** Fields of INFO's replication and stats sections. */
export async function readInfo(node: ReplicationNode): Promise<ReadonlyMap<string, string>> {
  const text = `${await node.client.info('replication')}\r\n${await node.client.info('stats')}`;
  return new Map(Object.entries(infoFields(text)));
}

/** Waits until the replicas follow the master's history and have applied all of it. */
export async function awaitInSync(
  master: ReplicationNode,
  replicas: readonly ReplicationNode[],
): Promise<void> {
  for (const [index, replica] of replicas.entries()) {
    await poll(
      `replica ${index} (${replica.engine}) to be in sync with its ${master.engine} master`,
      async () => {
        const [up, down] = await Promise.all([readInfo(master), readInfo(replica)]);
        const hasAll = down.get('master_repl_offset') === up.get('master_repl_offset');
        return (
          down.get('master_link_status') === 'up' &&
          down.get('master_replid') === up.get('master_replid') &&
          hasAll
        );
      },
    );
  }
}

/** The datasets of all nodes, to be equal. */
export async function readDatasets(nodes: readonly ReplicationNode[]): Promise<string[]> {
  const known = await Promise.all(nodes.map(({ client }) => client.call('COMMAND', 'INFO', 'PEXPIRETIME')));
  const expiry = known.some((infos) => (infos as unknown[])[0] === null) ? 'PTTL' : 'PEXPIRETIME';
  return Promise.all(nodes.map((node) => readDataset(node.client, undefined, expiry)));
}

/** Data of every kind, in two databases, some of it with a time to live. */
export async function fillNode({ client }: ReplicationNode, round: number): Promise<void> {
  const batch = client.pipeline();
  for (let index = 0; index < 200; index += 1)
    batch.set(`string:${round}:${index}`, `value ${index}`.repeat(10));
  batch.set(`expiring:${round}`, 'soon', 'EX', 1000);
  batch.incrbyfloat('float', 1.25);
  batch.rpush('list', ...Array.from({ length: 50 }, (_, index) => `${round}:${index}`));
  batch.lpop('list');
  batch.sadd('set', ...Array.from({ length: 50 }, (_, index) => `${round}:${index}`));
  batch.spop('set', 3);
  batch.zadd('zset', ...Array.from({ length: 50 }, (_, index) => [index / 3, `${round}:${index}`]).flat());
  batch.zpopmin('zset');
  batch.hset('hash', ...Array.from({ length: 50 }, (_, index) => [`${round}:${index}`, index]).flat());
  batch.hincrby('hash', 'count', 1);
  batch.call('MULTI').incr('in-transaction').lpush('also', `${round}`).call('EXEC');
  batch.select(3).append('elsewhere', `${round};`).select(0);
  const results = await batch.exec();
  for (const [error] of results ?? []) if (error !== null) throw error;
}

/** SHUTDOWN SAVE, and a new process with the same data, on another port. */
export async function restart(node: ReplicationNode, flags: readonly string[]): Promise<ReplicationNode> {
  const dump = path.join(node.folder, 'dump.rdb');
  // A redis-server that copied its master has put down what it copied.
  rmSync(dump, { force: true });
  await node.client.call('SHUTDOWN', 'SAVE').catch(() => undefined);
  const saved = await poll(
    'the dump of a server that shuts down',
    async () => existsSync(dump) && readFileSync(dump),
  );
  const next = await startNode(node.engine, flags, (folder) =>
    writeFileSync(path.join(folder, 'dump.rdb'), saved),
  );
  await node.stop();
  return next;
}
