import { ReplctlError } from '../../errors.ts';
import { findTopologyFile } from '../../topology/find-topology-file.ts';
import { loadTopology } from '../../topology/load-topology.ts';
import type { Topology } from '../../topology/model.ts';

/** The declaration a verb works on: the file named or found, read and validated. Throws TOPOLOGY_INVALID. */
export async function findTopology(explicit: string | undefined): Promise<Topology> {
  return loadTopology(requireTopologyFile(explicit));
}

export function requireTopologyFile(explicit: string | undefined): string {
  const file = findTopologyFile(explicit, { cwd: process.cwd(), env: process.env });
  if (file !== null) return file;
  throw new ReplctlError(
    'TOPOLOGY_INVALID',
    `no topology.yaml or topology.yml in ${process.cwd()} or above`,
    {
      hint: 'replctl init writes one to start from; -f names another file',
    },
  );
}
