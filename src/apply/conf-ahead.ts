import type { Client } from '../observe/client.ts';
import { parseInfo } from '../observe/parse-info.ts';
import type { NodeId } from '../topology/model.ts';
import type { RunEnvironment } from './run-environment.ts';

/**
 * Whether a server runs from the conf file that replctl renders for it, so that a restart does what that file says
 * without a CONFIG REWRITE: that blocks the server for as long as its fsync takes (`rewriteConfigOverwriteFile` in
 * config.c), 3 to 100 ms on a busy disk. An adopted server may run from another file.
 */
export async function runsFromOurConf(client: Client, node: NodeId, env: RunEnvironment): Promise<boolean> {
  const { deployment } = env;
  const { confFile } = deployment.filesOf(deployment.spec(node));
  const reply = await client.call('INFO', 'server');
  return typeof reply === 'string' && parseInfo(reply).server.configFile === confFile;
}

/**
 * Writes a node's conf file as it will be under another parent, while the node still runs as it is. Resolves to what
 * puts the file back.
 */
export async function writeConfAhead(
  node: NodeId,
  parent: NodeId | null,
  env: RunEnvironment,
): Promise<() => Promise<void>> {
  const { deployment } = env;
  const { confFile } = deployment.filesOf(deployment.spec(node));
  const host = deployment.hostOf(node);
  const before = (await host.readFile(confFile)) ?? (await deployment.render(node, null));
  await host.writeFile(confFile, await deployment.render(node, parent));
  return () => host.writeFile(confFile, before);
}
