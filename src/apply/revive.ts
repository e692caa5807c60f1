import { isHung, liveNodeOf, type LiveView, type NodeView } from '../plan/live-view.ts';
import { DEFAULT_CHANGE_OPTIONS, planUp } from '../plan/plan-up.ts';
import type { Step } from '../plan/step.ts';
import { ancestorsOf, treeOf } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';
import { appliedTree } from './make-plan.ts';
import { refusalError } from './refusal-error.ts';

/**
 * How nodes come back that did not answer and were ended, from what they left on disk: as `up` would bring them back,
 * but only these and what they hang on. Before they are ended it is the plan for the case that they save nothing more.
 * Throws REFUSED with all reasons when that may not be done.
 */
export function planRevival(
  deployment: Deployment,
  view: LiveView,
  nodes: readonly NodeId[],
): { readonly stages: Step[][]; readonly warnings: readonly string[] } {
  const { topology, state } = deployment;
  const applied = appliedTree(state);
  const tree = applied ?? treeOf(topology);
  const above = nodes.flatMap((id) => ancestorsOf(tree, id)).filter((id) => liveNodeOf(view, id) === null);
  const decision = planUp({
    verb: 'restart',
    deployment: topology.name,
    declared: tree,
    applied,
    view: ended(view, nodes),
    configDifferences: [],
    staleConfs: [],
    options: { ...DEFAULT_CHANGE_OPTIONS, startsNodes: [...nodes, ...above] },
  });
  if (decision.kind === 'refused') throw refusalError(decision.refusals);
  const { stages, warnings } = decision.plan;
  // What was edited in the file meanwhile is not applied by a restart.
  return {
    stages: stages
      .map((stage) => stage.filter(({ kind }) => kind !== 'save-declaration'))
      .filter((stage) => stage.length > 0),
    warnings,
  };
}

/** What ending a node by force can cost, before it is done. */
export function warnOfLoss(view: LiveView, id: NodeId, master: NodeId): string {
  const node = view.nodes.get(id);
  const data = node?.kind === 'down' ? node.data : { kind: 'none' as const };
  const saved =
    data.kind === 'none'
      ? 'it has nothing on disk'
      : data.kind === 'known'
        ? `on disk it is at offset ${data.offset}`
        : 'its files do not say how far they reach';
  const cost =
    id === master
      ? 'writes that neither its disk nor a replica has are lost'
      : 'what it had not saved is lost there, and copied from its parent again';
  return `${id} does not answer and is killed if it does not end by itself: ${saved}; ${cost}`;
}

function ended(view: LiveView, ids: readonly NodeId[]): LiveView {
  const nodes = [...view.nodes].map(([id, node]): [NodeId, NodeView] => [
    id,
    ids.includes(id) && isHung(node) ? { ...node, port: 'free', isOurs: false, holder: null } : node,
  ]);
  return { ...view, nodes: new Map(nodes) };
}
