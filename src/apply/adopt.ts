import { ReplctlError } from '../errors.ts';
import { liveTreeOf, type LiveView } from '../plan/live-view.ts';
import { rootOf, treeOf, withParents, type Tree } from '../plan/tree.ts';
import type { Topology } from '../topology/model.ts';
import { change, changeLocked, settleEarlier, type ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { lockDeployment } from './lock-deployment.ts';
import { editTree } from './rearrange.ts';
import { takeStock, type Stock } from './take-stock.ts';

const OBSERVE_TIMEOUT_MS = 2_000;

/**
 * Takes what is live for what is wanted: the tree as it hangs now is written into the file, and servers that were
 * started by somebody else are replctl's from now on. Changes no relation.
 */
export async function adopt(
  context: ApplyContext,
  { isDryRun }: { readonly isDryRun: boolean },
): Promise<ChangeResult> {
  const lock = isDryRun ? null : await lockDeployment(context);
  try {
    const settled = lock === null ? context : await settleEarlier(context, 'adopt');
    const deployment = await openDeployment(settled.topology);
    const stock = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
    const tree = adoptedTree(settled.topology, stock.view);
    if (lock !== null) await recordProcesses(deployment, stock);
    const request = {
      verb: 'adopt',
      edit: editTree(settled.topology, () => tree),
      options: { startsNodes: false, restoresRoles: true },
      isDryRun,
    } as const;
    return await (isDryRun ? change(settled, request) : changeLocked(settled, request));
  } finally {
    await lock?.release();
  }
}

/** Live parents for those that live; who is down keeps its place, or hangs under the root where that is gone. */
function adoptedTree(topology: Topology, view: LiveView): Tree {
  const declared = treeOf(topology);
  const live = [...liveTreeOf(view)].filter(([id]) => declared.has(id));
  const masters = live.filter(([id, parent]) => {
    const node = view.nodes.get(id);
    return parent === null && node?.kind === 'live' && node.role === 'master';
  });
  const [root] = masters;
  if (root === undefined || masters.length > 1) {
    const names = masters.map(([id]) => id).join(', ');
    throw new ReplctlError(
      'REFUSED',
      `${masters.length === 0 ? 'no node is master' : `${names} are all masters`}: there is no one tree to adopt`,
      { hint: 'replctl up says what can be done' },
    );
  }
  const [master] = root;
  const strangers = live.filter(([id, parent]) => parent === null && id !== master).map(([id]) => id);
  if (strangers.length > 0) {
    throw new ReplctlError('REFUSED', `${strangers.join(', ')} follow a server that is not in the file`, {
      hint: 'add that server to the file, or exec NODE -- replicaof …',
    });
  }
  const merged = withParents(declared, live);
  const former = rootOf(declared);
  return former === master || merged.get(former) !== null ? merged : withParents(merged, [[former, master]]);
}

async function recordProcesses(deployment: Deployment, { observation }: Stock): Promise<void> {
  for (const node of observation.nodes.values()) {
    if (node.kind !== 'live' || node.process.isOurs) continue;
    const identity = await deployment.hostOf(node.id).processFacts(node.info.server.pid);
    if (identity !== null) deployment.rememberProcess(node.id, identity);
  }
  await deployment.save();
}
