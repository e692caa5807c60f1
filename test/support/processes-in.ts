import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { poll } from './poll.ts';

/** Pids of whatever runs in a folder or below it: a server works in the folder of its data. */
export function processesIn(dir: string): number[] {
  const isInside = (cwd: string): boolean => cwd === dir || cwd.startsWith(`${dir}${path.sep}`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isInside(cwdOf(name)))
    .map(Number);
}

/** Ends what still runs in a test's folder, and removes the folder. */
export async function clearFolder(dir: string): Promise<void> {
  await poll(`nothing runs in ${dir}`, async () => {
    const pids = processesIn(dir);
    for (const pid of pids) killIfThere(pid);
    return pids.length === 0;
  });
  rmSync(dir, { recursive: true, force: true });
}

export function killIfThere(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Processes end, and belong to others, while one looks. */
function cwdOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch (error) {
    if (error instanceof Error) return '';
    throw error;
  }
}
