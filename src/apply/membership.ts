import { ReplctlError } from '../errors.ts';
import { addNode as addToText, removeNode as removeFromText } from '../topology/edit-topology.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { change, type ChangeResult, type ChangeWish } from './change.ts';
import type { ApplyContext } from './context.ts';
import type { Edit } from './declare.ts';

export interface AddOptions {
  readonly isDryRun: boolean;
}

export interface RemoveOptions {
  readonly isDryRun: boolean;
  /** Its replicas go to its parent; without it a node that has replicas is not removed. */
  readonly rehangsReplicas: boolean;
  /** Consent to stop it. */
  readonly isConfirmed: boolean;
}

/** Adds a node (`6382` or `host:6382`) under another, starts it and waits until it is ready. */
export function addNode(
  context: ApplyContext,
  address: string,
  under: NodeId,
  { isDryRun }: AddOptions,
): Promise<ChangeResult> {
  return change(context, { ...wishAdd(address, under), isDryRun });
}

export function wishAdd(address: string, under: NodeId): ChangeWish {
  const node = /^\d+$/.test(address) ? Number(address) : address;
  const edit = editOfFile('add', (text, file) => addToText(text, file, node, under));
  return { verb: 'add', edit, options: { startsNodes: true } };
}

/** Takes a node out of the file and stops it; its data stays. The master is refused. */
export function removeNode(
  context: ApplyContext,
  node: NodeId,
  options: RemoveOptions,
): Promise<ChangeResult> {
  const { isDryRun, isConfirmed, rehangsReplicas } = options;
  return change(context, { ...wishRemove(node, rehangsReplicas, isConfirmed || isDryRun), isDryRun });
}

export function wishRemove(node: NodeId, rehangsReplicas: boolean, allowsRemoval: boolean): ChangeWish {
  const edit = editOfFile('remove', (text, file) =>
    removeFromText(text, file, node, { rehangReplicas: rehangsReplicas }),
  );
  return { verb: 'remove', edit, options: { startsNodes: false, allowsRemoval } };
}

function editOfFile(verb: string, text: Edit['text']): Edit {
  const model = ({ name }: Topology): never => {
    throw new ReplctlError(
      'REFUSED',
      `${name} has no topology file to ${verb} a node in: nothing was changed`,
      {
        hint: 'replctl init writes one',
      },
    );
  };
  return { text, model };
}
