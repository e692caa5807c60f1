import type { NodeId } from '../topology/model.ts';
import type { Step } from './step.ts';
import { rootOf, type Tree } from './tree.ts';

/**
 * How every change ends: all nodes that run are ready, and every conf file that the steps before have left different
 * from the rendered one is written anew, with `stale` ones known beforehand.
 */
export function planSettle(
  tree: Tree,
  running: readonly NodeId[],
  before: readonly (readonly Step[])[],
  stale: readonly NodeId[] = [],
): Step[][] {
  const confs = new Set([...stale, ...before.flat().flatMap(confChangesOf)].filter((id) => tree.has(id)));
  return [
    running.length > 0 ? [{ kind: 'wait-ready', root: rootOf(tree), nodes: running } satisfies Step] : [],
    [...confs].map((node): Step => ({ kind: 'render-conf', node, parent: tree.get(node) ?? null })),
  ].filter((stage) => stage.length > 0);
}

/** Nodes whose conf file CONFIG REWRITE, or a fence, leaves different from the rendered one. */
function confChangesOf(step: Step): NodeId[] {
  switch (step.kind) {
    case 'rehang':
    case 'demote':
    case 'promote':
    case 'promote-forced':
    case 'fence-dead':
    case 'config-set':
      return [step.node];
    default:
      return [];
  }
}
