import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { loadTopology } from '../topology/load-topology.ts';
import type { Topology } from '../topology/model.ts';
import { readState, type Applied } from './state.ts';

/**
 * The deployment that was brought up from here, when no file is named and none has the usual name: its file if it had
 * one, else what was applied. Looks into `.replctl` of `cwd` and of the folders above; null when there is none.
 *
 * Throws USAGE when there are several: which one is meant must be said.
 */
export async function findDeployed(cwd: string): Promise<Topology | null> {
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    const found = await readDeployments(folder);
    const [only, ...others] = found;
    if (only !== undefined && others.length === 0) return declarationOf(only, folder);
    if (only !== undefined) throw severalDeployments(found);
    if (path.dirname(folder) === folder) return null;
  }
}

interface Deployed {
  readonly stateDir: string;
  readonly applied: Applied;
}

async function readDeployments(folder: string): Promise<Deployed[]> {
  const states = path.join(folder, '.replctl');
  if (!existsSync(states)) return [];
  const found = await Promise.all(
    readdirSync(states).map(async (name) => {
      const stateDir = path.join(states, name);
      return { stateDir, applied: (await readState(stateDir)).applied };
    }),
  );
  return found.flatMap(({ stateDir, applied }) => (applied === null ? [] : [{ stateDir, applied }]));
}

async function declarationOf({ stateDir, applied }: Deployed, folder: string): Promise<Topology> {
  if (applied.file !== null) return loadTopology(path.join(folder, applied.file));
  return { name: applied.name, file: null, stateDir, nodes: applied.nodes, warnings: [] };
}

function severalDeployments(found: readonly Deployed[]): ReplctlError {
  const names = found.map(({ applied }) => `${applied.name} (${applied.file ?? 'without a file'})`);
  return new ReplctlError('USAGE', `several deployments were brought up from here: ${names.join(', ')}`, {
    hint: `name the topology file with --file, such as --file ${found[0]?.applied.file ?? 'topology.yaml'}`,
  });
}
