import type { ConfigSet, ConfigValue } from '../plan/step.ts';
import type { NodeId } from '../topology/model.ts';
import { readSecret } from '../topology/secrets.ts';
import { requireOk } from './read-replication.ts';
import type { RunEnvironment } from './run-environment.ts';

const REPLY_TIMEOUT_MS = 5_000;

/** One CONFIG SET a directive, since before 7.0 the command takes only one, then CONFIG REWRITE. */
export async function configSet(
  { node, directives }: ConfigSet,
  env: RunEnvironment,
): Promise<string | null> {
  const client = await env.deployment.connect(node, REPLY_TIMEOUT_MS);
  try {
    const commands = await Promise.all(
      directives.map(async ({ name, value }) => ['CONFIG', 'SET', name, await textOf(value)]),
    );
    requireOk(node, commands, await client.pipeline(commands));
    await client.call('CONFIG', 'REWRITE');
    await knowAgain(node, env);
    return null;
  } finally {
    client.close();
  }
}

/** Servers show their address as their command line, and write it anew when `bind` changes: it is the same process. */
async function knowAgain(node: NodeId, { deployment }: RunEnvironment): Promise<void> {
  const recorded = deployment.access.recordedOf(node);
  if (recorded === null) return;
  const now = await deployment.hostOf(node).processFacts(recorded.pid);
  if (now !== null && now.startTime === recorded.startTime) deployment.rememberProcess(node, now);
}

async function textOf(value: ConfigValue): Promise<string> {
  return 'args' in value ? value.args.join(' ') : (await readSecret(value.secret)).value;
}
