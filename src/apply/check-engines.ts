import { directiveSince } from '../conf/directive-since.ts';
import { compareVersions, findEngine, probeEngine, requireVersion } from '../hosts/engine.ts';
import type { EngineVersion } from '../hosts/engine.ts';
import type { Plan } from '../plan/plan.ts';
import type { NodeSpec } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';

/**
 * Before anything is changed: each server that the plan starts is installed, and new enough for replctl and for what
 * the file asks of it. Fails with NODE_NOT_STARTED.
 */
export async function checkEngines(plan: Plan, deployment: Deployment): Promise<void> {
  const probes = new Map<string, Promise<EngineVersion>>();
  const starting = plan.stages
    .flat()
    .flatMap((step) =>
      step.kind === 'start-node' || step.kind === 'restart-node' ? [deployment.spec(step.node)] : [],
    );
  await Promise.all(
    starting.map(async (node) => {
      const host = deployment.hostOf(node.id);
      const engine = findEngine(node.engine, host);
      // Our own, from this installation.
      if (engine.kind === 'bundled' && node.engine.command === null && host.isLocal) return;
      const key = [host.name, ...engine.command].join('\0');
      const probe = probes.get(key) ?? probeEngine(engine, host);
      probes.set(key, probe);
      requireVersion(await probe, node.id, youngestDirective(node));
    }),
  );
}

function youngestDirective({ config }: NodeSpec): { version: string; reason: string } | null {
  const [youngest = null] = [...config.keys()]
    .flatMap((name) => {
      const version = directiveSince(name);
      return version === null ? [] : [{ version, reason: `${name} exists` }];
    })
    .toSorted((a, b) => compareVersions(b.version, a.version));
  return youngest;
}
