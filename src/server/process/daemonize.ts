const MARK = 'REPLCTL_SERVER_DAEMON';

/**
 * Goes to the background: true in the process that is to end now. Node can't fork, so the same command line is
 * started again in a session of its own; the mark tells that process that it is the one to stay.
 */
export async function daemonize(stdin: Buffer | undefined): Promise<boolean> {
  if (process.env[MARK] === '1') {
    delete process.env[MARK];
    return false;
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'ignore', 'ignore'],
    env: { ...process.env, [MARK]: '1' },
  });
  if (stdin !== undefined) child.stdin?.end(stdin);
  child.unref();
  return true;
}
