import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../hosts/host.ts';
import { readPidFile } from '../hosts/start-node.ts';
import type { Topology } from '../topology/model.ts';
import { TEMPORARY_TOPOLOGY } from '../topology/save-topology.ts';
import { isLeftByTheDead } from './lock.ts';

/** Claims on the lock and files on their way to their place: the pid of who writes them is in their name. */
const TEMPORARY_STATE = /^lock\.(\d+)\.|\.(\d+)\.tmp$/;

/**
 * Removes the files that only a running operation or node has, when theirs is gone: killed, it could not do so itself.
 * Only names that replctl gives, and only on this machine. For who holds the lock: then nobody else starts nodes.
 */
export async function sweepLeftovers({ stateDir, file }: Topology, host: Host): Promise<void> {
  const nodes = path.join(stateDir, 'nodes');
  const homes = (await list(nodes)).map((id) => path.join(nodes, id));
  const temporary = await Promise.all([
    ...[stateDir, ...homes].map((folder) => leftIn(folder, TEMPORARY_STATE)),
    ...(file === null ? [] : [leftIn(path.dirname(file), TEMPORARY_TOPOLOGY)]),
  ]);
  const pidFiles = homes.map((home) => path.join(home, 'redis.pid'));
  const pids = await Promise.all(pidFiles.map((pidFile) => readPidFile(host, pidFile)));
  const takeover = path.join(stateDir, 'lock.takeover');
  const leftovers = [
    ...temporary.flat(),
    ...pidFiles.filter((_, index) => isGone(pids[index] ?? null)),
    ...homes.map((home) => path.join(home, 'start.out')),
    ...((await isLeftByTheDead(takeover, host)) ? [takeover] : []),
  ];
  await Promise.all(leftovers.map((leftover) => rm(leftover, { force: true })));
}

async function leftIn(folder: string, pattern: RegExp): Promise<string[]> {
  const names = (await list(folder)).filter((name) => {
    const pid = pattern
      .exec(name)
      ?.slice(1)
      .find((group) => group !== undefined);
    return isGone(pid === undefined ? null : Number(pid));
  });
  return names.map((name) => path.join(folder, name));
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  }
}

/** Proven: another process under the same pid, or one that may not be asked, counts as alive. */
function isGone(pid: number | null): boolean {
  if (pid === null || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code === 'ESRCH';
    throw error;
  }
}
