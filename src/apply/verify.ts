import { ReplctlError } from '../errors.ts';
import { parseInfo } from '../observe/parse-info.ts';
import { ErrorReply } from '../observe/reply.ts';
import { rootOf, treeOf } from '../plan/tree.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { compareAtCut, type StreamCut } from './compare-at-cut.ts';
import { DataComparison, type VerifyOptions } from './compare-data.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import type { KeyDifference, KeyPlace, Member } from './settle-suspects.ts';

export type { VerifyOptions } from './compare-data.ts';
export type { KeyDifference } from './settle-suspects.ts';

export interface VerifyResult {
  readonly master: NodeId;
  readonly replicas: readonly NodeId[];
  /** The point of the stream at which all data were compared; null when they were, key by key, at many. */
  readonly cut: StreamCut | null;
  /** Keys compared, each on every node. */
  readonly compared: number;
  readonly differences: readonly KeyDifference[];
  /** Keys written so often that no two looks at the master agreed: neither equal nor different. */
  readonly unsettled: readonly KeyPlace[];
  readonly tookMs: number;
}

/**
 * Compares the data of every replica with the master's: each key, its type, its content and when it expires, and the
 * set of keys. Nothing is paused and nothing is locked. Bundled servers digest all they hold at one point of their
 * stream (`compareAtCut`). Elsewhere keys are digested in small batches, half of the time is spent waiting, and what
 * seems to differ is looked at again, key by key (`settleSuspects`); so is a sample.
 *
 * UNREACHABLE when a node does not answer, TIMEOUT when a replica does not keep up.
 */
export async function verify(topology: Topology, options: VerifyOptions): Promise<VerifyResult> {
  const startedMs = performance.now();
  const deployment = await openDeployment(topology);
  const masterId = rootOf(treeOf(topology));
  const members: Member[] = [];
  try {
    for (const { id } of topology.nodes) members.push(await join(id, deployment, options));
    const master = members.find(({ id }) => id === masterId);
    if (master === undefined) throw new ReplctlError('INTERNAL', `no node ${masterId} in ${topology.name}`);
    const replicas = members.filter((member) => member !== master);
    const canCut = options.sample === null && members.every(({ isBundled }) => isBundled);
    const atCut = canCut ? await compareAtCut(master, replicas, options) : null;
    return {
      master: masterId,
      replicas: replicas.map(({ id }) => id),
      ...(atCut === null ? await scan(master, members, options) : { ...atCut, unsettled: [] }),
      tookMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    for (const { client } of members) client.close();
  }
}

async function scan(master: Member, members: readonly Member[], options: VerifyOptions) {
  const run = new DataComparison(master, members, options);
  await run.compareAll();
  const { compared, differences, unsettled } = run;
  return { cut: null, compared, differences, unsettled };
}

async function join(id: NodeId, deployment: Deployment, options: VerifyOptions): Promise<Member> {
  const client = await deployment.connect(id, options.timeoutMs, options.signal);
  // NO-TOUCH is known from 7.2 on: looking must not make a key look used.
  const [, server, expiry] = await client.pipeline([
    ['CLIENT', 'NO-TOUCH', 'ON'],
    ['INFO', 'server'],
    ['PEXPIRETIME', ''],
  ]);
  const isBundled = typeof server === 'string' && parseInfo(server).server.family === 'bundled';
  return {
    id,
    client,
    readsExpiryTimes: !(expiry instanceof ErrorReply),
    isBundled,
  };
}
