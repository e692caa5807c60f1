import { setTimeout as sleep } from 'node:timers/promises';
import { ReplctlError } from '../errors.ts';
import { type Host, type ProcessIdentity, isSameProcess } from './host.ts';

export interface StopOptions {
  /** For messages. */
  readonly node: string;
  /** Sends SHUTDOWN over a connection; resolves false when that could not be said. Absent: SIGTERM at once. */
  readonly askToShutDown?: () => Promise<boolean>;
  readonly timeoutMs: number;
  /**
   * For one that does not answer: it is also woken by SIGCONT, and gets SIGKILL when it has not ended in time. Only on
   * the user's explicit wish, since unsaved data is lost.
   */
  readonly killAfterTimeout?: boolean;
  readonly signal?: AbortSignal;
}

const POLL_MS = 8;
/** What is not stopped begins to end within this. */
const WAKE_AFTER_MS = 2_000;

/**
 * Ends a node and waits until its process is gone; `alreadyGone` when the recorded process no longer exists (nothing
 * is signalled then). Fails with TIMEOUT when it outlives `timeoutMs` and may not be killed.
 */
export async function stopNode(
  host: Host,
  identity: ProcessIdentity,
  options: StopOptions,
): Promise<'stopped' | 'killed' | 'alreadyGone'> {
  if (!(await isRunning(host, identity))) return 'alreadyGone';
  const wasAsked = (await options.askToShutDown?.()) ?? false;
  if (!wasAsked) await host.signal(identity, 'SIGTERM');
  if (options.killAfterTimeout === true) {
    const graceMs = Math.min(WAKE_AFTER_MS, options.timeoutMs);
    if (await waitUntilGone(host, identity, { ...options, timeoutMs: graceMs })) return 'stopped';
    // In this order, so that a stopped master that is woken ends before it takes many writes.
    await host.signal(identity, 'SIGTERM');
    await host.signal(identity, 'SIGCONT');
  }
  if (await waitUntilGone(host, identity, options)) return 'stopped';
  if (options.killAfterTimeout === true) {
    await host.signal(identity, 'SIGKILL');
    if (await waitUntilGone(host, identity, options)) return 'killed';
  }
  throw new ReplctlError(
    'TIMEOUT',
    `${options.node}: pid ${identity.pid} is still running ${options.timeoutMs} ms after it was told to shut down`,
    {
      hint: 'it may be saving its data or waiting for lagging replicas: look into its log, or allow more with --timeout',
      details: { pid: identity.pid, commandLine: identity.commandLine },
    },
  );
}

/** Whether the recorded process still exists, and is not another one under its pid. */
export async function isRunning(host: Host, identity: ProcessIdentity): Promise<boolean> {
  const current = await host.processFacts(identity.pid);
  return current !== null && isSameProcess(current, identity);
}

async function waitUntilGone(host: Host, identity: ProcessIdentity, options: StopOptions): Promise<boolean> {
  const deadlineMs = Date.now() + options.timeoutMs;
  while (Date.now() <= deadlineMs) {
    options.signal?.throwIfAborted();
    if (!(await isRunning(host, identity))) return true;
    await sleep(POLL_MS);
  }
  return false;
}
