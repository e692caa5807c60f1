import { ReplctlError } from '../errors.ts';
import { tryConnect } from '../observe/client.ts';
import type { FenceDead, PromoteForced, ProveDead } from '../plan/step.ts';
import { follow } from './rehang.ts';
import { renderConf } from './node-process.ts';
import { appliedOffset, readReplication } from './read-replication.ts';
import type { RunEnvironment } from './run-environment.ts';

const TRIES = 3;
const CONNECT_TIMEOUT_MS = 500;
const REPLY_TIMEOUT_MS = 5_000;

/** Several observers must agree: we cannot connect, its replicas have lost it, its host knows no such process. */
export async function proveDead(step: ProveDead, env: RunEnvironment): Promise<string> {
  const { deployment } = env;
  const spec = deployment.spec(step.node);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const result = await tryConnect(spec, {
      password: deployment.access.passwordOf(spec),
      timeoutMs: CONNECT_TIMEOUT_MS,
    });
    if (result.ok) {
      result.client.close();
      throw notDead(step.node, 'it answers');
    }
    if (result.reason === 'auth' || result.reason === 'loading' || result.reason === 'error') {
      throw notDead(step.node, `it answers: ${result.said}`);
    }
  }
  for (const witness of step.witnesses) {
    const client = await deployment.connect(witness, REPLY_TIMEOUT_MS);
    try {
      const { link } = await readReplication(client, witness);
      if (link?.isUp === true) throw notDead(step.node, `${witness} still has a link to it`);
    } finally {
      client.close();
    }
  }
  const recorded = deployment.access.recordedOf(step.node);
  const host = deployment.hostOf(step.node);
  if (recorded !== null && (await host.processFacts(recorded.pid))?.startTime === recorded.startTime) {
    throw notDead(step.node, `its process ${recorded.pid} exists`);
  }
  return `${TRIES} connects failed, ${step.witnesses.length} replicas lost it, no process`;
}

function notDead(node: string, because: string): ReplctlError {
  return new ReplctlError('REFUSED', `${node} is not dead: ${because}`, {
    hint: `replctl promote without --force switches over without loss; replctl restart ${node} ends it when it does not answer`,
  });
}

/** Before anybody is promoted the dead master's own conf file says that it is a replica. */
export async function fenceDead(step: FenceDead, env: RunEnvironment): Promise<string | null> {
  if (step.how === 'accepted') return 'accepted';
  return renderConf({ kind: 'render-conf', node: step.node, parent: step.to }, env);
}

export async function promoteForced(step: PromoteForced, env: RunEnvironment): Promise<string> {
  const client = await env.deployment.connect(step.node, REPLY_TIMEOUT_MS);
  try {
    const before = await readReplication(client, step.node);
    await follow(client, step.node, null, env);
    const after = await readReplication(client, step.node);
    await env.journal.fact('promoted', {
      node: step.node,
      replid: after.replid,
      replid2: after.replid2,
      secondOffset: after.secondOffset,
      offsetBefore: appliedOffset(before),
    });
    if (after.role !== 'master') {
      throw new ReplctlError('INCOMPLETE', `${step.node} did not become master`, { hint: 'replctl resume' });
    }
    return `forks at ${after.secondOffset}`;
  } finally {
    client.close();
  }
}
