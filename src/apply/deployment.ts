import { localHost } from '../hosts/local-host.ts';
import type { Access } from '../observe/access.ts';
import { nodeFiles } from '../topology/node-files.ts';
import type { Topology } from '../topology/model.ts';
import { readSecrets, type Secrets } from '../topology/secrets.ts';
import { readState, type State } from './state.ts';

/** A declared deployment with what is remembered of it and the means to reach it. */
export interface Deployment {
  readonly topology: Topology;
  readonly state: State;
  readonly secrets: Secrets;
  readonly access: Access;
}

/** Reads state and secrets. Changes nothing. Throws TOPOLOGY_INVALID when a secret is missing. */
export async function openDeployment(topology: Topology): Promise<Deployment> {
  const [state, secrets] = await Promise.all([readState(topology.stateDir), readSecrets(topology)]);
  const access: Access = {
    topology,
    hostOf: () => localHost,
    passwordOf: (node) => secrets.passwordOf(node),
    filesOf: (node) => nodeFiles(topology, node),
    recordedOf: (id) => state.nodes[id]?.process ?? null,
  };
  return { topology, state, secrets, access };
}
