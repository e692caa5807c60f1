import {
  chainTree,
  moveInTree,
  promoteInTree,
  rehangTopology,
  starTree,
  type Tree,
} from '../topology/change-tree.ts';
import { rehang } from '../topology/edit-topology.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { change, type ChangeResult } from './change.ts';
import type { Edit } from './declare.ts';
import type { ApplyContext } from './context.ts';

export interface RearrangeOptions {
  readonly isDryRun: boolean;
}

/** Builds exactly this chain; without nodes, all replicas one below the other in declared order. */
export function chain(
  context: ApplyContext,
  nodes: readonly NodeId[],
  options: RearrangeOptions,
): Promise<ChangeResult> {
  const shape = (topology: Topology): Tree => chainTree(topology, nodes.length === 0 ? undefined : nodes);
  return rearrange(context, 'chain', shape, options);
}

/** Hangs every replica under the master. */
export function star(context: ApplyContext, options: RearrangeOptions): Promise<ChangeResult> {
  return rearrange(context, 'chain', starTree, options);
}

/** Hangs one node, with all below it, under another. */
export function move(
  context: ApplyContext,
  node: NodeId,
  under: NodeId,
  options: RearrangeOptions,
): Promise<ChangeResult> {
  return rearrange(context, 'move', (topology) => moveInTree(topology, node, under), options);
}

function rearrange(
  context: ApplyContext,
  verb: 'chain' | 'move',
  shape: (topology: Topology) => Tree,
  { isDryRun }: RearrangeOptions,
): Promise<ChangeResult> {
  return change(context, {
    verb,
    edit: editTree(context.topology, shape),
    options: { startsNodes: false },
    isDryRun,
  });
}

/** An edit that only says who hangs under whom. */
export function editTree(topology: Topology, shape: (topology: Topology) => Tree): Edit {
  return {
    text: (text, file) => rehang(text, file, shape(topology)),
    model: (before) => rehangTopology(before, shape(before)),
  };
}

export function editPromote(topology: Topology, target: NodeId): Edit {
  return editTree(topology, (before) => promoteInTree(before, target));
}
