import { ReplctlError } from '../errors.ts';
import { ErrorReply } from '../observe/reply.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { sendCanary } from './canary.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { pollUntil } from './poll-until.ts';

export interface SelfTestOptions {
  /** For the canary to arrive, and for the counts to become equal. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One check on one node, with what was found. */
export interface Check {
  readonly name: 'canary' | 'read-only' | 'keys';
  readonly node: NodeId;
  readonly passed: boolean;
  readonly found: string;
}

const CONNECT_TIMEOUT_MS = 2_000;
const POLL_MS = 20;

/**
 * Tries what a replicated deployment is for: a write on the master arrives on every replica, every replica refuses
 * writes, and all hold the same number of keys. Leaves nothing behind.
 *
 * Throws UNREACHABLE when a node does not answer; a failed check is a result.
 */
export async function selfTest(topology: Topology, options: SelfTestOptions): Promise<Check[]> {
  const deployment = await openDeployment(topology);
  const [master, ...replicas] = topology.nodes.map(({ id }) => id);
  if (master === undefined) throw new ReplctlError('INTERNAL', 'a topology without nodes');
  const arrivals = await sendCanary(deployment, master, replicas, options.timeoutMs);
  const canaries = arrivals.map(({ node, arrivedAfterMs }): Check => ({
    name: 'canary',
    node,
    passed: arrivedAfterMs !== null,
    found:
      arrivedAfterMs === null
        ? `a write on ${master} did not arrive within ${options.timeoutMs} ms`
        : `a write on ${master} arrived after ${Math.round(arrivedAfterMs)} ms`,
  }));
  const readOnly = await Promise.all(replicas.map((node) => checkReadOnly(deployment, node)));
  const keys = await checkKeys(deployment, master, replicas, options);
  return [...canaries, ...readOnly, ...keys];
}

/** A write in a transaction that is thrown away: even a writable replica keeps nothing of it. */
async function checkReadOnly(deployment: Deployment, node: NodeId): Promise<Check> {
  const client = await deployment.connect(node, CONNECT_TIMEOUT_MS);
  try {
    const [, write] = await client.pipeline([['MULTI'], ['SET', 'replctl:self-test', '1'], ['DISCARD']]);
    const passed = write instanceof ErrorReply && write.code === 'READONLY';
    const said = write instanceof ErrorReply ? write.message : 'it takes writes';
    return { name: 'read-only', node, passed, found: passed ? 'refuses writes' : said };
  } finally {
    client.close();
  }
}

async function checkKeys(
  deployment: Deployment,
  master: NodeId,
  replicas: readonly NodeId[],
  { timeoutMs, signal }: SelfTestOptions,
): Promise<Check[]> {
  return Promise.all(
    replicas.map(async (node): Promise<Check> => {
      let counts = { here: 0, there: 0 };
      const equal = await pollUntil(
        async () => {
          const [here, there] = await Promise.all([
            countKeys(deployment, node),
            countKeys(deployment, master),
          ]);
          counts = { here, there };
          return here === there ? true : null;
        },
        { timeoutMs, everyMs: POLL_MS, signal },
      );
      const found =
        equal === null
          ? `${counts.here} keys, ${master} has ${counts.there}`
          : `${counts.here} keys, as ${master}`;
      return { name: 'keys', node, passed: equal !== null, found };
    }),
  );
}

async function countKeys(deployment: Deployment, node: NodeId): Promise<number> {
  const client = await deployment.connect(node, CONNECT_TIMEOUT_MS);
  try {
    const info = await client.call('INFO', 'keyspace');
    const lines = typeof info === 'string' ? info : '';
    return [...lines.matchAll(/^db\d+:keys=(\d+)/gm)].reduce((sum, [, keys]) => sum + Number(keys), 0);
  } finally {
    client.close();
  }
}
