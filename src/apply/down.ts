import { localHost } from '../hosts/local-host.ts';
import { ReplctlError } from '../errors.ts';
import { PLAN_VERSION, type Plan } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';
import { levelsOf, treeOf } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { ChangeResult } from './change.ts';
import { runJournaled } from './run-journaled.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { lockDeployment } from './lock-deployment.ts';
import { takeStock } from './take-stock.ts';

export interface DownOptions {
  readonly isDryRun: boolean;
  /** Deletes the deployment's own folder afterwards; must be the deployment's name. */
  readonly wipe: string | null;
}

const OBSERVE_TIMEOUT_MS = 2_000;

/**
 * Stops every node, data saved, the master first and parents before children: what a parent still has in its buffers
 * it passes on when it ends, so all stop at the same offset and find each other again without a full copy.
 */
export async function down(context: ApplyContext, options: DownOptions): Promise<ChangeResult> {
  const { name, stateDir } = context.topology;
  if (options.wipe !== null && options.wipe !== name) {
    throw new ReplctlError(
      'REFUSED',
      `--confirm says ${options.wipe}, the deployment is ${name}: nothing was changed`,
      {
        hint: `replctl down --wipe --confirm ${name}`,
      },
    );
  }
  const lock = options.isDryRun ? null : await lockDeployment(context);
  try {
    const deployment = await openDeployment(context.topology);
    const plan = await planDown(context, deployment, options.wipe !== null);
    const { epoch } = deployment.state;
    if (lock === null || plan.stages.length === 0) {
      if (lock !== null && options.wipe !== null) await localHost.remove(stateDir);
      return { plan, report: null, topology: context.topology, epoch };
    }
    const report = await runJournaled(context, plan, deployment, null, epoch);
    if (options.wipe !== null) await localHost.remove(stateDir);
    return { plan, report, topology: context.topology, epoch };
  } finally {
    await lock?.release();
  }
}

async function planDown(context: ApplyContext, deployment: Deployment, wipes: boolean): Promise<Plan> {
  const { view, observation } = await takeStock(deployment, {
    timeoutMs: OBSERVE_TIMEOUT_MS,
    signal: context.signal,
  });
  const isRunning = (id: NodeId): boolean => observation.nodes.get(id)?.process.isOurs === true;
  const foreign = [...view.nodes]
    .filter(([id, node]) => node.kind === 'live' && !isRunning(id))
    .map(([id]) => id);
  for (const id of foreign) {
    context.emit({
      kind: 'warning',
      node: id,
      message: `${id} was not started by replctl: it is left running`,
    });
  }
  const levels = levelsOf(treeOf(deployment.everyone));
  const stops = levels.map((level) =>
    level.filter(isRunning).map((node): Step => ({ kind: 'stop-node', node, save: true })),
  );
  const removals = wipes
    ? [[...view.nodes.keys()].map((node): Step => ({ kind: 'remove-node-files', node }))]
    : [];
  return {
    version: PLAN_VERSION,
    verb: 'down',
    deployment: deployment.topology.name,
    tree: Object.fromEntries(treeOf(deployment.topology)),
    stages: [...stops, ...removals].filter((stage) => stage.length > 0),
    warnings: [],
  };
}
