import { createHash } from 'node:crypto';
import { findEngine } from '../hosts/engine.ts';
import { startNode } from '../hosts/start-node.ts';
import { stopNode } from '../hosts/stop-node.ts';
import { answersAt } from '../observe/client.ts';
import { ErrorReply } from '../observe/reply.ts';
import { ReplctlError } from '../errors.ts';
import { reportedFork } from '../plan/lineage.ts';
import type { RemoveNodeFiles, RenderConf, RestartNode, StartNode, StopNode } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import { readReplication } from './read-replication.ts';
import type { RunEnvironment } from './run-environment.ts';

const ANSWER_TIMEOUT_MS = 1_000;
const REPLY_TIMEOUT_MS = 5_000;

export async function renderConf({ node, parent }: RenderConf, env: RunEnvironment): Promise<string | null> {
  const { deployment } = env;
  const spec = deployment.spec(node);
  const files = deployment.filesOf(spec);
  const host = deployment.hostOf(node);
  const text = await deployment.render(node, parent);
  await host.makeDir(files.home);
  if (files.dataDir !== files.home) await host.makeDir(files.dataDir);
  await host.writeFile(files.confFile, text);
  deployment.rememberNode(node, { confHash: createHash('sha256').update(text).digest('hex') });
  return null;
}

export async function startOne(
  { node, parent }: Pick<StartNode, 'node' | 'parent'>,
  env: RunEnvironment,
): Promise<string> {
  const { deployment, context } = env;
  const spec = deployment.spec(node);
  const host = deployment.hostOf(node);
  const files = deployment.filesOf(spec);
  const identity = await startNode(
    host,
    findEngine(spec.engine, host),
    {
      node,
      port: spec.port,
      dir: files.home,
      confFile: files.confFile,
      pidFile: files.pidFile,
      logFile: files.logFile,
    },
    {
      answers: () =>
        answersAt(spec, { password: deployment.access.passwordOf(spec), timeoutMs: ANSWER_TIMEOUT_MS }),
      timeoutMs: context.timeoutMs,
      signal: context.signal,
    },
  );
  deployment.rememberProcess(node, identity);
  if (parent === null) await noteHistory(node, env);
  return `pid ${identity.pid}`;
}

/** A master begins a new history when it starts, and only it tells out of which one: before any replica follows it. */
async function noteHistory(node: NodeId, { deployment }: RunEnvironment): Promise<void> {
  const client = await deployment.connect(node, REPLY_TIMEOUT_MS);
  try {
    deployment.rememberForks(reportedFork(await readReplication(client, node)));
  } finally {
    client.close();
  }
}

export async function stopOne(
  { node, save, isHung }: Pick<StopNode, 'node' | 'save' | 'isHung'>,
  env: RunEnvironment,
): Promise<string> {
  const { deployment, context } = env;
  const identity = deployment.access.recordedOf(node);
  if (identity === null) throw notOurs(node);
  let wasAsked = false;
  const outcome = await stopNode(deployment.hostOf(node), identity, {
    node,
    askToShutDown: async () => (wasAsked = await askToShutDown(node, save, env)),
    timeoutMs: context.timeoutMs,
    killAfterTimeout: isHung === true,
  });
  deployment.rememberNode(node, { process: null, hasSavedAll: wasAsked && save && outcome === 'stopped' });
  return outcome === 'alreadyGone' ? 'was gone' : outcome;
}

/** A server that shuts down closes the connection instead of answering; an answer is why it does not. */
async function askToShutDown(node: NodeId, save: boolean, env: RunEnvironment): Promise<boolean> {
  try {
    const client = await env.deployment.connect(node, ANSWER_TIMEOUT_MS);
    try {
      const reply = await client.call('SHUTDOWN', save ? 'SAVE' : 'NOSAVE');
      return !(reply instanceof ErrorReply);
    } finally {
      client.close();
    }
  } catch (error) {
    if (error instanceof ReplctlError) return error.code === 'UNREACHABLE' || error.code === 'TIMEOUT';
    throw error;
  }
}

export async function restartOne(step: RestartNode, env: RunEnvironment): Promise<string> {
  await stopOne({ node: step.node, save: true }, env);
  return startOne(step, env);
}

export async function removeNodeFiles({ node }: RemoveNodeFiles, env: RunEnvironment): Promise<string> {
  const { deployment } = env;
  const { home } = deployment.filesOf(deployment.spec(node));
  await deployment.hostOf(node).remove(home);
  return home;
}

function notOurs(node: NodeId): ReplctlError {
  return new ReplctlError('REFUSED', `${node} was not started by replctl: it is not stopped`, {
    hint: 'replctl adopt makes a running tree replctl’s',
  });
}
