import { randomUUID } from 'node:crypto';
import { ReplctlError } from '../errors.ts';
import type { Canary } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';
import { pollUntil } from './poll-until.ts';
import { requireOk } from './read-replication.ts';
import type { RunEnvironment } from './run-environment.ts';

const REPLY_TIMEOUT_MS = 5_000;
const POLL_MS = 2;
/** Should the tool die, the key goes by itself. */
const EXPIRY_MS = '60000';

export interface CanaryResult {
  readonly node: NodeId;
  /** From the write's acknowledgement; null when the value did not arrive in time. */
  readonly arrivedAfterMs: number | null;
}

export async function canary(step: Canary, env: RunEnvironment): Promise<string> {
  const results = await sendCanary(env.deployment, step.master, step.leaves, env.context.timeoutMs);
  const missing = results.filter(({ arrivedAfterMs }) => arrivedAfterMs === null).map(({ node }) => node);
  if (missing.length > 0) {
    throw new ReplctlError(
      'INCOMPLETE',
      `a write on ${step.master} did not arrive on ${missing.join(', ')}`,
      {
        hint: 'replctl status names the cause',
      },
    );
  }
  return 'arrived everywhere';
}

/** Writes a key on the master and waits for it on the others; takes it away again. */
export async function sendCanary(
  deployment: Deployment,
  master: NodeId,
  readers: readonly NodeId[],
  timeoutMs: number,
): Promise<CanaryResult[]> {
  const key = `replctl:canary:${randomUUID()}`;
  const writer = await deployment.connect(master, REPLY_TIMEOUT_MS);
  try {
    const set = ['SET', key, key, 'PX', EXPIRY_MS];
    requireOk(master, [set], await writer.pipeline([set]));
    const startedMs = performance.now();
    const results = await Promise.all(
      readers.map(async (node) => {
        const reader = await deployment.connect(node, REPLY_TIMEOUT_MS);
        try {
          const arrivedAfterMs = await pollUntil(
            async () => ((await reader.call('GET', key)) === key ? performance.now() - startedMs : null),
            { timeoutMs, everyMs: POLL_MS },
          );
          return { node, arrivedAfterMs };
        } finally {
          reader.close();
        }
      }),
    );
    await writer.call('DEL', key);
    return results;
  } finally {
    writer.close();
  }
}
