import { localHost } from '../hosts/local-host.ts';
import type { ApplyContext } from './context.ts';
import { acquireLock, type Lock } from './lock.ts';
import { sweepLeftovers } from './sweep-leftovers.ts';

/** Makes this the only operation on the deployment, and clears away what killed ones left. LOCKED when there is one. */
export async function lockDeployment({ topology, command }: ApplyContext): Promise<Lock> {
  const lock = await acquireLock(topology.stateDir, command, localHost);
  try {
    await sweepLeftovers(topology, localHost);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}
