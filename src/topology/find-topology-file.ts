import { existsSync } from 'node:fs';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';

const NAMES = ['topology.yaml', 'topology.yml'];

export interface FindOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The absolute path of the topology file: the one given, else REPLCTL_TOPOLOGY, else `topology.yaml` or
 * `topology.yml` in this folder or the nearest one above. Null when nothing is named and none is found.
 *
 * A file that was named but is not there is an error (TOPOLOGY_INVALID): nothing else must be taken instead.
 */
export function findTopologyFile(explicit: string | undefined, { cwd, env }: FindOptions): string | null {
  const named = explicit ?? (env['REPLCTL_TOPOLOGY'] || undefined);
  if (named !== undefined) {
    const file = path.resolve(cwd, named);
    if (existsSync(file)) return file;
    const origin = explicit === undefined ? ' (from REPLCTL_TOPOLOGY)' : '';
    throw new ReplctlError('TOPOLOGY_INVALID', `${named}${origin}: no such file`, {
      hint: 'replctl init writes one to start from',
      details: { file },
    });
  }
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    const found = NAMES.map((name) => path.join(folder, name)).find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (path.dirname(folder) === folder) return null;
  }
}
