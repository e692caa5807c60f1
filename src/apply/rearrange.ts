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
import { change, type ChangeResult, type ChangeWish } from './change.ts';
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
  return change(context, { ...wishChain(context.topology, nodes), ...options });
}

export function wishChain(topology: Topology, nodes: readonly NodeId[]): ChangeWish {
  return rearranged('chain', topology, (before) => chainTree(before, nodes.length === 0 ? undefined : nodes));
}

/** Hangs every replica under the master. */
export function star(context: ApplyContext, options: RearrangeOptions): Promise<ChangeResult> {
  return change(context, { ...wishStar(context.topology), ...options });
}

export function wishStar(topology: Topology): ChangeWish {
  return rearranged('chain', topology, starTree);
}

/** Hangs one node, with all below it, under another. */
export function move(
  context: ApplyContext,
  node: NodeId,
  under: NodeId,
  options: RearrangeOptions,
): Promise<ChangeResult> {
  return change(context, { ...wishMove(context.topology, node, under), ...options });
}

export function wishMove(topology: Topology, node: NodeId, under: NodeId): ChangeWish {
  return rearranged('move', topology, (before) => moveInTree(before, node, under));
}

function rearranged(
  verb: 'chain' | 'move',
  topology: Topology,
  shape: (topology: Topology) => Tree,
): ChangeWish {
  return { verb, edit: editTree(topology, shape), options: { startsNodes: false } };
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
