import { findDeployed } from '../../apply/find-deployed.ts';
import { ReplctlError } from '../../errors.ts';
import { findTopologyFile } from '../../topology/find-topology-file.ts';
import { loadTopology } from '../../topology/load-topology.ts';
import type { Topology } from '../../topology/model.ts';

/**
 * The declaration a verb works on: the file named or found, else that of the one deployment that was brought up here.
 * Throws TOPOLOGY_INVALID when there is none.
 */
export async function findTopology(explicit: string | undefined): Promise<Topology> {
  const topology = await findTopologyOrNone(explicit);
  if (topology === null) throw nothingHere();
  return topology;
}

export async function findTopologyOrNone(explicit: string | undefined): Promise<Topology | null> {
  const cwd = process.cwd();
  const file = findTopologyFile(explicit, { cwd, env: process.env });
  return file === null ? findDeployed(cwd) : loadTopology(file);
}

/** For verbs that need a file to read or to edit. */
export function requireTopologyFile(explicit: string | undefined): string {
  const file = findTopologyFile(explicit, { cwd: process.cwd(), env: process.env });
  if (file === null) throw nothingHere();
  return file;
}

function nothingHere(): ReplctlError {
  return new ReplctlError(
    'TOPOLOGY_INVALID',
    `no topology.yaml or topology.yml in ${process.cwd()} or above`,
    {
      hint: 'replctl init writes one to start from; -f names another file',
    },
  );
}
