import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import type { Engine } from './engine.ts';
import type { DetachedProcess, Host, ProcessIdentity } from './host.ts';

/** Where a node keeps its files, and what tells it apart. All paths are absolute on its host. */
export interface NodeLaunch {
  /** For messages. */
  readonly node: string;
  readonly port: number;
  readonly dir: string;
  readonly confFile: string;
  readonly pidFile: string;
  readonly logFile: string;
}

export interface StartOptions {
  /** Whether the node answers by now, with anything at all: loading counts. */
  readonly answers: () => Promise<boolean>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

const POLL_MS = 8;
/** A redis-server answers within a few milliseconds. */
const FIRST_POLLS_MS = [2, 2, 3, 4];
/** From the launcher's exit until the daemon it left behind must have written its pidfile. */
const DAEMON_GRACE_MS = 2_000;
/** A killed process keeps its port for a moment. */
const DYING_HOLDER_MS = 1_000;
const LOG_TAIL_BYTES = 16_384;
const LOG_LINES = 15;

/**
 * Starts a node and waits until it answers; gives its identity. Fails with NODE_NOT_STARTED when its folder cannot
 * be written, the port is held (naming the holder), the server refuses its conf, or it dies: the last lines it
 * printed or logged are in `details.log`. Fails with TIMEOUT when it lives but does not answer in time.
 */
export async function startNode(
  host: Host,
  engine: Engine,
  launch: NodeLaunch,
  options: StartOptions,
): Promise<ProcessIdentity> {
  await makeNodeDir(host, launch);
  await refuseHeldPort(host, launch);
  // Nobody listens there, so what an old pidfile names is dead or foreign; the one we wait for must be new.
  await host.remove(launch.pidFile);
  const attempt: Attempt = {
    outputFile: `${launch.dir}/start.out`,
    logBefore: (await host.readTail(launch.logFile, LOG_TAIL_BYTES)) ?? '',
  };
  const launcher = await host.spawnDetached([...engine.command, launch.confFile], {
    cwd: launch.dir,
    outputFile: attempt.outputFile,
  });

  const deadlineMs = Date.now() + options.timeoutMs;
  let launcherGoneMs: number | null = null;
  for (let poll = 0; ; poll += 1) {
    options.signal?.throwIfAborted();
    if (await options.answers()) {
      const identity = await identify(host, launch, launcher);
      if (identity !== null) {
        await host.remove(attempt.outputFile);
        return identity;
      }
    }
    const exitCode = await launcher.exitCode();
    if (exitCode !== null) {
      launcherGoneMs ??= Date.now();
      const mayStillCome = exitCode === 0 && Date.now() - launcherGoneMs < DAEMON_GRACE_MS;
      if (!mayStillCome && (await identify(host, launch, launcher)) === null) {
        throw await explainDeath(host, engine, launch, attempt, exitCode);
      }
    }
    if (Date.now() > deadlineMs) {
      throw new ReplctlError(
        'TIMEOUT',
        `${launch.node}: started, but gave no answer within ${options.timeoutMs} ms`,
        {
          hint: `look into ${launch.logFile}, or allow more with --timeout`,
          details: { log: await lastLines(host, launch, attempt) },
        },
      );
    }
    await sleep(FIRST_POLLS_MS[poll] ?? POLL_MS);
  }
}

interface Attempt {
  readonly outputFile: string;
  readonly logBefore: string;
}

async function makeNodeDir(host: Host, launch: NodeLaunch): Promise<void> {
  try {
    await host.makeDir(launch.dir);
  } catch (cause) {
    if (!(cause instanceof ReplctlError)) throw cause;
    throw new ReplctlError('NODE_NOT_STARTED', `${launch.node}: ${cause.message}`, {
      hint: cause.hint,
      details: cause.details,
      cause,
    });
  }
}

async function refuseHeldPort(host: Host, launch: NodeLaunch): Promise<void> {
  const deadlineMs = Date.now() + DYING_HOLDER_MS;
  let holder = await host.portHolder(launch.port);
  // Nobody's socket: its process is just being taken down, or is another user's.
  while (holder !== null && holder.pid === null && Date.now() < deadlineMs) {
    await sleep(POLL_MS);
    holder = await host.portHolder(launch.port);
  }
  if (holder === null) return;
  const who =
    holder.pid === null
      ? "another user's process"
      : `pid ${holder.pid} (${holder.command ?? 'unknown command'})`;
  throw new ReplctlError(
    'NODE_NOT_STARTED',
    `${launch.node}: port ${launch.port} on ${host.name} is held by ${who}`,
    {
      hint: 'stop that process, or give the node another port in the topology file',
      details: { port: launch.port, holderPid: holder.pid, holderCommand: holder.command },
    },
  );
}

/** The daemon named by the pidfile, or the launcher itself when it stays in the foreground. */
async function identify(
  host: Host,
  launch: NodeLaunch,
  launcher: DetachedProcess,
): Promise<ProcessIdentity | null> {
  const pid = await readPidFile(host, launch.pidFile);
  if (pid !== null) return host.processFacts(pid);
  return (await launcher.exitCode()) === null ? host.processFacts(launcher.pid) : null;
}

/** null when there is no pidfile, or it is being written. */
export async function readPidFile(host: Host, file: string): Promise<number | null> {
  const text = (await host.readFile(file))?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
}

async function explainDeath(
  host: Host,
  engine: Engine,
  launch: NodeLaunch,
  attempt: Attempt,
  exitCode: number,
): Promise<ReplctlError> {
  // Somebody may have taken the port between our look and the server's bind.
  const holder = await host.portHolder(launch.port);
  if (holder !== null) await refuseHeldPort(host, launch);
  const log = await lastLines(host, launch, attempt);
  const how = exitCode === 0 ? 'ended right after its start' : `ended with exit code ${exitCode}`;
  return new ReplctlError(
    'NODE_NOT_STARTED',
    `${launch.node}: ${engine.kind} server ${how}: ${log.at(-1) ?? 'it said nothing'}`,
    {
      hint: `read ${launch.logFile} and ${launch.confFile}`,
      details: { exitCode, log, confFile: launch.confFile, logFile: launch.logFile },
    },
  );
}

/** What it printed before it had a log (a refused conf), and what it added to its log. */
async function lastLines(host: Host, launch: NodeLaunch, attempt: Attempt): Promise<string[]> {
  const printed = (await host.readTail(attempt.outputFile, LOG_TAIL_BYTES)) ?? '';
  const log = (await host.readTail(launch.logFile, LOG_TAIL_BYTES)) ?? '';
  const added = log.startsWith(attempt.logBefore) ? log.slice(attempt.logBefore.length) : log;
  return `${added}\n${printed}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-LOG_LINES);
}
