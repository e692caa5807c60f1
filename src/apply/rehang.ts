import { ReplctlError } from '../errors.ts';
import type { Client } from '../observe/client.ts';
import type { ReplicationInfo } from '../observe/parse-info.ts';
import type { Rehang } from '../plan/step.ts';
import { linkAddress } from '../topology/link-address.ts';
import type { NodeId } from '../topology/model.ts';
import { pollUntil } from './poll-until.ts';
import { appliedOffset, readReplication, requireOk } from './read-replication.ts';
import { readStats, receivedBetween } from './read-stats.ts';
import type { RunEnvironment } from './run-environment.ts';

const REPLY_TIMEOUT_MS = 5_000;
const POLL_MS = 2;
/** Nobody listens there: the link drops and the node keeps its place in the stream. */
const NOWHERE = ['127.0.0.1', '1'] as const;

/** Hangs a node under another one and waits until the link is up. Says whether it was a partial or a full resync. */
export async function rehang(step: Rehang, env: RunEnvironment): Promise<string> {
  const { deployment, context } = env;
  const child = await deployment.connect(step.node, REPLY_TIMEOUT_MS);
  try {
    const parent = await deployment.connect(step.to, REPLY_TIMEOUT_MS);
    try {
      if (step.how === 'freeze') await freeze(step, child, parent, env);
      const { syncFull: fullsBefore } = await readStats(parent);
      const statsBefore = await readStats(child);
      const before = await readReplication(child, step.node);
      await follow(child, step.node, step.to, env);
      const after = await awaitLink(step, child, parent, context.timeoutMs);
      const isFull = (await readStats(parent)).syncFull > fullsBefore && !hasContinued(before, after);
      const bytes = isFull
        ? receivedBetween(statsBefore, await readStats(child))
        : Math.max(0, appliedOffset(after) - appliedOffset(before));
      env.edges.record(step, { verdict: isFull ? 'FULL' : 'PARTIAL', bytes });
      return isFull ? 'full' : 'partial';
    } finally {
      parent.close();
    }
  } finally {
    child.close();
  }
}

/** REPLICAOF and CONFIG REWRITE in one transaction: a restart then keeps the place. */
export async function follow(
  child: Client,
  node: NodeId,
  parent: NodeId | null,
  env: RunEnvironment,
): Promise<void> {
  const address = parent === null ? null : linkAddress(env.deployment.spec(parent));
  const commands = [
    address === null ? ['REPLICAOF', 'NO', 'ONE'] : ['REPLICAOF', address.host, String(address.port)],
    ['CONFIG', 'REWRITE'],
  ];
  const replies = await child.transaction(commands);
  requireOk(node, commands, Array.isArray(replies) ? replies.slice(0, 1) : replies);
}

/** Stops the child's stream and lets the parent get past it. A parent of another history is not waited for. */
async function freeze(step: Rehang, child: Client, parent: Client, env: RunEnvironment): Promise<void> {
  requireOk(step.node, [['REPLICAOF', ...NOWHERE]], await child.pipeline([['REPLICAOF', ...NOWHERE]]));
  const frozen = await readReplication(child, step.node);
  const offset = appliedOffset(frozen);
  const passed = await pollUntil(
    async () => {
      const replication = await readReplication(parent, step.to);
      return !isOnTheWay(frozen.replid, offset, replication) || appliedOffset(replication) >= offset
        ? true
        : null;
    },
    { timeoutMs: env.context.timeoutMs, everyMs: POLL_MS },
  );
  if (passed !== null) return;
  if (step.from !== null) await follow(child, step.node, step.from, env);
  throw new ReplctlError(
    'TIMEOUT',
    `${step.to} did not reach the offset of ${step.node} within ${env.context.timeoutMs} ms: ${step.node} stays where it was`,
    { hint: 'replctl status names the cause' },
  );
}

/** Whether a parent will pass this place: it is on its history, and not past where that history forked. */
function isOnTheWay(replid: string, offset: number, parent: ReplicationInfo): boolean {
  return replid === parent.replid || (replid === parent.replid2 && offset < parent.secondOffset);
}

/** A node that is copied forgets the history it had; one that continues under a new id remembers it. */
function hasContinued(before: ReplicationInfo, after: ReplicationInfo): boolean {
  return after.replid !== before.replid && after.replid2 === before.replid;
}

async function awaitLink(
  step: Rehang,
  child: Client,
  parent: Client,
  timeoutMs: number,
): Promise<ReplicationInfo> {
  const linked = await pollUntil(
    async () => {
      const below = await readReplication(child, step.node);
      if (below.link?.isUp !== true) return null;
      const above = await readReplication(parent, step.to);
      return below.replid === above.replid ? below : null;
    },
    { timeoutMs, everyMs: POLL_MS },
  );
  if (linked === null) {
    throw new ReplctlError('TIMEOUT', `${step.node} has no link to ${step.to} after ${timeoutMs} ms`, {
      hint: 'replctl status names the cause',
    });
  }
  return linked;
}
