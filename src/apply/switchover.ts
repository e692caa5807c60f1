import { ReplctlError } from '../errors.ts';
import type { CatchUp, Demote, Fence, Promote, RaisePingPeriod, Unfence, VerifyLink } from '../plan/step.ts';
import { reportedFork } from '../plan/lineage.ts';
import { linkAddress } from '../topology/link-address.ts';
import type { NodeId } from '../topology/model.ts';
import { runsFromOurConf, writeConfAhead } from './conf-ahead.ts';
import { pollUntil } from './poll-until.ts';
import { appliedOffset, parseReplicationReply, readReplication, requireOk } from './read-replication.ts';
import { readStats, receivedBetween } from './read-stats.ts';
import type { RunEnvironment } from './run-environment.ts';
import type { SwitchoverSession } from './switchover-session.ts';

const CATCH_UP_POLL_MS = 1;
const LINK_POLL_MS = 2;
/** Clients are told nothing while a reply takes this long: a command on loopback or LAN takes far less. */
const REPLY_TIMEOUT_MS = 2_000;
/** More replicas than anybody has: a master that demands them takes no write (Redis 6.0 has no CLIENT PAUSE WRITE). */
const UNREACHABLE_REPLICAS = 1_000;

/**
 * Step 1. Opens both connections and does all that is slow. The old master's conf file says from here on that it is a
 * replica: should it be restarted at any later moment, there are no two masters.
 */
export async function raisePingPeriod(
  step: RaisePingPeriod,
  env: RunEnvironment,
  to: NodeId,
): Promise<string> {
  const { deployment, journal, plan } = env;
  const master = await deployment.connect(step.node, REPLY_TIMEOUT_MS);
  const target = await deployment.connect(to, REPLY_TIMEOUT_MS);
  const replication = await readReplication(master, step.node);
  const steps = plan.stages.flat();
  const unfence = steps.find((other) => other.kind === 'unfence' && other.node === step.node);
  const before =
    unfence?.kind === 'unfence'
      ? { pingPeriodS: unfence.pingPeriodS, minReplicas: unfence.minReplicas }
      : { pingPeriodS: 10, minReplicas: 0 };
  const statsBefore = { master: await readStats(master), target: await readStats(target) };
  const rewriting = new Set<NodeId>();
  if (!(await runsFromOurConf(master, step.node, env))) rewriting.add(step.node);
  if (!(await runsFromOurConf(target, to, env))) rewriting.add(to);
  const session: SwitchoverSession = {
    phase: 'prepared',
    from: step.node,
    to,
    master,
    target,
    replid: replication.replid,
    before,
    statsBefore,
    rewriting,
    hasTransactions: !steps.some((other) => other.kind === 'fence' && other.how === 'min-replicas'),
    restoreConf: null,
    fencedAtMs: 0,
    leaseEndsMs: 0,
    fenceOffset: -1,
    writeGapMs: null,
    secondOffset: null,
  };
  env.switchover = session;
  await journal.fact('before-fence', { node: step.node, ...before, replid: session.replid });
  if (!rewriting.has(step.node)) session.restoreConf = await writeConfAhead(step.node, to, env);
  const commands = [
    ['CONFIG', 'SET', 'repl-ping-replica-period', String(step.seconds)],
    ['CONFIG', 'GET', 'repl-ping-replica-period'],
  ];
  const [, shown] = requireOk(step.node, commands, await master.pipeline(commands));
  if (!Array.isArray(shown) || shown[1] !== String(step.seconds)) {
    throw notExecuted(`${step.node} did not take repl-ping-replica-period ${step.seconds}`);
  }
  return `was ${before.pingPeriodS} s`;
}

/** Step 2. Writes stop here; where the stream stands is read in the same transaction. */
export async function fence(step: Fence, env: RunEnvironment): Promise<string> {
  const session = sessionOf(env);
  const hold = holdCommand(step);
  session.fencedAtMs = performance.now();
  session.leaseEndsMs = session.fencedAtMs + step.leaseMs;
  session.phase = 'fenced';
  const commands = [hold, ['INFO', 'replication']];
  const [, info] = requireOk(step.node, commands, await together(session.master, commands, session));
  const replication = parseReplicationReply(info, step.node);
  if (replication.role !== 'master' || replication.replid !== session.replid) {
    throw notExecuted(`${step.node} is no longer the master of this history`);
  }
  session.fenceOffset = replication.offset;
  return `offset ${replication.offset}`;
}

/**
 * In one transaction; before 6.2 in one write only. There EXEC puts MULTI and EXEC into the stream for an INFO inside,
 * after the offset was read, and into a demoted master's backlog even so (`execCommand` in multi.c).
 */
function together(
  client: SwitchoverSession['master'],
  commands: readonly (readonly string[])[],
  { hasTransactions }: SwitchoverSession,
): ReturnType<SwitchoverSession['master']['transaction']> {
  return hasTransactions ? client.transaction(commands) : client.pipeline(commands);
}

function holdCommand(step: Fence): string[] {
  return step.how === 'pause'
    ? ['CLIENT', 'PAUSE', String(step.leaseMs), 'WRITE']
    : ['CONFIG', 'SET', 'min-replicas-to-write', String(UNREACHABLE_REPLICAS)];
}

/** Step 3. Reads the target's own count: the master learns of it only once a second. */
export async function catchUp(step: CatchUp, env: RunEnvironment): Promise<string> {
  const session = sessionOf(env);
  let seen = -1;
  const left = step.budgetMs - (performance.now() - session.fencedAtMs);
  const reached = await pollUntil(
    async () => {
      const replication = await readReplication(session.target, step.node);
      seen = appliedOffset(replication);
      if (replication.replid !== session.replid) return null;
      return seen >= session.fenceOffset ? seen : null;
    },
    { timeoutMs: Math.max(0, left), everyMs: CATCH_UP_POLL_MS },
  );
  if (reached === null) {
    throw notExecuted(
      `${step.node} was ${session.fenceOffset - seen} bytes behind ${step.master} when the fence budget of ${step.budgetMs} ms ended`,
      { measured: session.fenceOffset - seen, allowed: 0, budgetMs: step.budgetMs },
      'try again under less load, or allow more with --timeout',
    );
  }
  return `at ${reached}`;
}

/**
 * Step 4. The old master follows the target, which is still a replica: for a moment nobody is master. Clients are cut
 * off so that they ask who is. From Redis 7.0 on the replicas stay attached meanwhile.
 */
export async function demote(step: Demote, env: RunEnvironment): Promise<string> {
  const session = sessionOf(env);
  const { host, port } = linkAddress(env.deployment.spec(step.to));
  const commands = [
    ['REPLICAOF', host, String(port)],
    // A replica sends no PING of its own: what the fence set goes before the conf file is written, not into it.
    ...restoreCommands(session.before),
    ...rewriteCommand(step.node, session),
    ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
    ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
    ['INFO', 'replication'],
  ];
  if (performance.now() > session.leaseEndsMs - MIN_LEASE_LEFT_MS) {
    throw notExecuted(`the fence on ${step.node} was about to end`, {}, 'allow more with --timeout');
  }
  session.phase = 'demoted';
  const replies = await together(session.master, commands, session);
  // A conf file that cannot be rewritten does not stop the switchover: it is rendered anew at its end.
  const replication = parseReplicationReply(Array.isArray(replies) ? replies.at(-1) : undefined, step.node);
  if (replication.role !== 'replica') {
    session.phase = 'fenced';
    requireOk(step.node, commands, replies);
    throw notExecuted(`${step.node} did not become a replica`);
  }
  const stoppedAt = appliedOffset(replication);
  if (stoppedAt > session.fenceOffset) await drain(step, session, stoppedAt);
  return `stopped at ${stoppedAt}`;
}

/** What a master sends of itself between its fence and its demotion; the target had reached the fence's offset. */
async function drain(step: Demote, session: SwitchoverSession, stoppedAt: number): Promise<void> {
  session.fenceOffset = stoppedAt;
  const caughtUp = await pollUntil(
    async () => {
      const target = await readReplication(session.target, step.to);
      return appliedOffset(target) >= stoppedAt ? true : null;
    },
    { timeoutMs: DRAIN_TIMEOUT_MS, everyMs: CATCH_UP_POLL_MS },
  );
  if (caughtUp === null) throw notExecuted(`${step.to} did not get the last bytes of ${step.node}`);
}

const MIN_LEASE_LEFT_MS = 100;
const DRAIN_TIMEOUT_MS = 1_000;

/** Step 5, the commit point. `second_repl_offset` = O* + 1 proves that no byte is missing. */
export async function promote(step: Promote, env: RunEnvironment): Promise<string> {
  const session = sessionOf(env);
  const commands = [
    ['REPLICAOF', 'NO', 'ONE'],
    ...rewriteCommand(step.node, session),
    ['INFO', 'replication'],
  ];
  const replies = await together(session.target, commands, session);
  const replication = parseReplicationReply(Array.isArray(replies) ? replies.at(-1) : undefined, step.node);
  if (replication.role !== 'master') {
    requireOk(step.node, commands, replies);
    throw notExecuted(`${step.node} did not become master`);
  }
  session.phase = 'committed';
  session.writeGapMs = performance.now() - session.fencedAtMs;
  session.secondOffset = replication.secondOffset;
  if (!session.rewriting.has(step.node)) await writeConfAhead(step.node, null, env);
  env.deployment.rememberForks(reportedFork(replication));
  await env.journal.fact('promoted', {
    node: step.node,
    replid: replication.replid,
    replid2: replication.replid2,
    secondOffset: replication.secondOffset,
    fenceOffset: session.fenceOffset,
  });
  if (replication.replid2 !== session.replid || replication.secondOffset !== session.fenceOffset + 1) {
    throw new ReplctlError(
      'INCOMPLETE',
      `${step.node} is master, but its history forks at ${replication.secondOffset}, not at ${session.fenceOffset + 1}`,
      {
        hint: `replctl resume finishes; compare ${step.node} with ${step.from} first`,
        details: { secondReplOffset: replication.secondOffset, expected: session.fenceOffset + 1 },
      },
    );
  }
  return `second_repl_offset ${replication.secondOffset} = O* + 1: 0 acknowledged writes lost, proven`;
}

function rewriteCommand(node: NodeId, { rewriting }: SwitchoverSession): string[][] {
  return rewriting.has(node) ? [['CONFIG', 'REWRITE']] : [];
}

/** Step 6. */
export async function verifyLink(step: VerifyLink, env: RunEnvironment): Promise<string> {
  const session = sessionOf(env);
  const linked = await pollUntil(
    async () => {
      const child = await readReplication(session.master, step.node);
      const parent = await readReplication(session.target, step.parent);
      return child.link?.isUp === true && child.replid === parent.replid ? child : null;
    },
    { timeoutMs: env.context.timeoutMs, everyMs: LINK_POLL_MS },
  );
  if (linked === null) {
    throw new ReplctlError(
      'INCOMPLETE',
      `${step.node} does not link to ${step.parent}, which is master now`,
      {
        hint: 'replctl status names the cause; replctl resume finishes',
      },
    );
  }
  const { statsBefore } = session;
  const full = (await readStats(session.target)).syncFull - statsBefore.target.syncFull;
  env.edges.record(step, {
    verdict: full === 0 ? 'PARTIAL' : 'FULL',
    bytes:
      full === 0
        ? Math.max(0, appliedOffset(linked) - session.fenceOffset)
        : receivedBetween(statsBefore.master, await readStats(session.master)),
  });
  return full === 0 ? 'partial' : `${full} full`;
}

/** Step 7. Also the end of the session. */
export async function unfence(step: Unfence, env: RunEnvironment): Promise<string> {
  const session = env.switchover?.from === step.node ? env.switchover : null;
  const client = session?.master ?? (await env.deployment.connect(step.node, REPLY_TIMEOUT_MS));
  await releaseFence(client, step.pingPeriodS, step.minReplicas);
  if (session === null) client.close();
  else endSession(env, session);
  return `ping period ${step.pingPeriodS} s`;
}

/** Everything a fence changed, back to what it was. CLIENT UNPAUSE is unknown before 6.2: that error is no harm. */
export async function releaseFence(
  client: SwitchoverSession['master'],
  pingPeriodS: number,
  minReplicas: number,
): Promise<void> {
  const commands = restoreCommands({ pingPeriodS, minReplicas });
  const replies = await client.pipeline([...commands, ['CLIENT', 'UNPAUSE']]);
  requireOk('the old master', commands, replies.slice(0, commands.length));
}

function restoreCommands({ pingPeriodS, minReplicas }: SwitchoverSession['before']): string[][] {
  return [
    ['CONFIG', 'SET', 'repl-ping-replica-period', String(pingPeriodS)],
    ['CONFIG', 'SET', 'min-replicas-to-write', String(minReplicas)],
  ];
}

/**
 * Takes a switchover back that has not reached its commit point. True when all is as before; false when that cannot
 * be known, or the target did promote.
 */
export async function abortSwitchover(env: RunEnvironment): Promise<boolean> {
  const session = env.switchover;
  if (session === null) return true;
  try {
    if (session.phase === 'demoted' && !(await mayMasterReturn(session))) return false;
    if (session.phase === 'committed' || session.phase === 'ended') return false;
    if (session.phase === 'demoted') {
      const commands = [['REPLICAOF', 'NO', 'ONE'], ...rewriteCommand(session.from, session)];
      await session.master.transaction(commands);
    }
    await releaseFence(session.master, session.before.pingPeriodS, session.before.minReplicas);
    await session.restoreConf?.();
    return true;
  } catch (error) {
    if (error instanceof ReplctlError) return false;
    throw error;
  } finally {
    endSession(env, session);
  }
}

/** Only while the target surely is no master: two would be worse than none. */
async function mayMasterReturn(session: SwitchoverSession): Promise<boolean> {
  const { role } = await readReplication(session.target, session.to);
  return role === 'replica';
}

function endSession(env: RunEnvironment, session: SwitchoverSession): void {
  session.phase = 'ended';
  session.master.close();
  session.target.close();
  env.switchover = null;
}

function sessionOf(env: RunEnvironment): SwitchoverSession {
  if (env.switchover === null)
    throw new ReplctlError('INTERNAL', 'a switchover step outside of a switchover');
  return env.switchover;
}

function notExecuted(
  message: string,
  details: Record<string, unknown> = {},
  hint = 'replctl status',
): ReplctlError {
  return new ReplctlError('REFUSED', `not executed: ${message}`, { hint, details });
}
