import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import type { NodeSpec, Topology } from '../topology/model.ts';
import { MASKED_SECRETS, readSecrets, type Secrets } from '../topology/secrets.ts';
import { loadTemplates, type Templates } from './load-templates.ts';
import { renderNode } from './render-node.ts';

export interface RenderedNode {
  readonly node: NodeSpec;
  readonly conf: string;
}

/** Renders every node, with each templates folder read once. Use `MASKED_SECRETS` for what is shown. */
export async function renderTopology(
  topology: Topology,
  secrets: Secrets = MASKED_SECRETS,
): Promise<RenderedNode[]> {
  const templates = new Map<string | null, Templates>();
  for (const { templatesDir } of topology.nodes)
    if (!templates.has(templatesDir)) templates.set(templatesDir, await loadTemplates(templatesDir));
  return topology.nodes.map((node) => ({
    node,
    conf: renderNode(topology, node, { secrets, templates: templates.get(node.templatesDir) ?? new Map() }),
  }));
}

/**
 * `replctl render --out DIR`: writes `<node>.conf` for every node, with the real passwords, files 0600 in a folder
 * 0700 when it is made here. Gives the paths. Throws REFUSED when the folder cannot be written.
 */
export async function writeRendered(
  topology: Topology,
  folder: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string[]> {
  const rendered = await renderTopology(topology, await readSecrets(topology, env));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const written: string[] = [];
    for (const { node, conf } of rendered) {
      const file = path.join(path.resolve(folder), `${node.id}.conf`);
      const temporary = `${file}.${String(process.pid)}.tmp`;
      await writeFile(temporary, conf, { mode: 0o600 });
      await chmod(temporary, 0o600);
      await rename(temporary, file);
      written.push(file);
    }
    return written;
  } catch (error) {
    throw new ReplctlError('REFUSED', `${folder} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
