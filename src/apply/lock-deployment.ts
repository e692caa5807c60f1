import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { localHost } from '../hosts/local-host.ts';
import type { ApplyContext } from './context.ts';
import { acquireLock, type Lock } from './lock.ts';
import { sweepLeftovers } from './sweep-leftovers.ts';

/** Makes this the only operation on the deployment, and clears away what killed ones left. LOCKED when there is one. */
export async function lockDeployment({
  topology,
  command,
}: Pick<ApplyContext, 'topology' | 'command'>): Promise<Lock> {
  const lock = await acquireLock(topology.stateDir, command, localHost);
  try {
    await keepOutOfGit(topology.stateDir);
    await sweepLeftovers(topology, localHost);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Passwords in confs, and data, stay out of `git add .`; what the user has put there instead stays as it is. */
async function keepOutOfGit(stateDir: string): Promise<void> {
  try {
    await writeFile(path.join(stateDir, '.gitignore'), '*\n', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
