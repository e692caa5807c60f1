import { isDeepStrictEqual } from 'node:util';
import { isMap, isSeq, type Document, type YAMLMap, type YAMLSeq } from 'yaml';
import { ReplctlError } from '../errors.ts';
import {
  chainTree,
  childrenInOrder,
  moveInTree,
  promoteInTree,
  rehangTopology,
  starTree,
  treeOf,
  type Tree,
} from './change-tree.ts';
import { topologyError } from './format-problem.ts';
import type { NodeId, Topology } from './model.ts';
import { parseTopology } from './parse-topology.ts';
import type { RawNode } from './raw-topology.ts';
import {
  collapseItem,
  detachReplicas,
  expandItem,
  keepComments,
  listItems,
  openDocument,
  printDocument,
  setReplicas,
  type NodeItem,
} from './yaml-tree.ts';

// Every edit is text → text: comments, order and layout of what is not concerned stay. Each result is parsed again
// and compared with the model it must mean before it is returned. `file` only tells where relative paths start.

export const promote = (text: string, file: string, target: NodeId): string =>
  rehang(text, file, promoteInTree(read(text, file), target));

export const move = (text: string, file: string, id: NodeId, under: NodeId): string =>
  rehang(text, file, moveInTree(read(text, file), id, under));

export const chain = (text: string, file: string, ids?: readonly NodeId[]): string =>
  rehang(text, file, chainTree(read(text, file), ids));

export const star = (text: string, file: string): string => rehang(text, file, starTree(read(text, file)));

/** Gives every node the parent that `tree` has for it; a node takes its keys and its comments along. */
export function rehang(text: string, file: string, tree: Tree): string {
  const before = read(text, file);
  const wanted = rehangTopology(before, tree);
  if (isDeepStrictEqual(wanted.nodes, before.nodes)) return text;
  const doc = openDocument(text);
  hang(doc, before, wanted, tree);
  return prove(printDocument(doc, text), file, wanted);
}

/** Adds a node (a port, host:port or a map as in the file) as the last replica of another. */
export function addNode(text: string, file: string, node: number | string | RawNode, under: NodeId): string {
  const before = read(text, file);
  const parent = before.nodes.findIndex(({ id }) => id === under);
  if (parent === -1) throw new ReplctlError('USAGE', `no node "${under}" in ${before.name}`);
  const doc = openDocument(text);
  const items = listItems(doc);
  const added = doc.createNode(node) as unknown as NodeItem;
  const children = before.nodes.flatMap((spec, index) => (spec.parent === under ? (items[index] ?? []) : []));
  if (parent === 0)
    setReplicas(doc, null, replicasOf(doc.contents as unknown as YAMLMap), [...children, added]);
  else {
    const owner = expandItem(doc, items[parent] as NodeItem);
    if (owner !== items[parent]) replaceItem(doc, before, items, parent, owner);
    setReplicas(doc, owner, replicasOf(owner), [...children, added]);
  }
  const edited = printDocument(doc, text);
  read(edited, file);
  return edited;
}

/**
 * Takes a node out of the file. With replicas it is REFUSED, unless `rehangReplicas` puts them under its parent.
 * The master is always refused: promote another node first.
 */
export function removeNode(
  text: string,
  file: string,
  id: NodeId,
  { rehangReplicas = false }: { readonly rehangReplicas?: boolean } = {},
): string {
  const before = read(text, file);
  const spec = before.nodes.find((node) => node.id === id);
  if (spec === undefined) throw new ReplctlError('USAGE', `no node "${id}" in ${before.name}`);
  if (spec.parent === null)
    throw new ReplctlError('REFUSED', `${id} is the master: nothing was changed`, {
      hint: 'replctl promote another node first',
    });
  const replicas = before.nodes.filter((node) => node.parent === id).map((node) => node.id);
  if (replicas.length > 0 && !rehangReplicas)
    throw new ReplctlError('REFUSED', `${id} has replicas (${replicas.join(', ')}): nothing was changed`, {
      hint: `replctl move ${replicas[0] ?? ''} --under ${spec.parent}`,
      details: { replicas },
    });
  const tree = new Map(treeOf(before));
  for (const replica of replicas) tree.set(replica, spec.parent);
  const lone = rehang(text, file, tree);
  const model = read(lone, file);
  const doc = openDocument(lone);
  const items = listItems(doc);
  const parent = model.nodes.findIndex((node) => node.id === spec.parent);
  const rest = model.nodes.flatMap((node, index) =>
    node.parent === spec.parent && node.id !== id ? (items[index] ?? []) : [],
  );
  const owner = items[parent];
  if (parent === 0) setReplicas(doc, null, replicasOf(doc.contents as unknown as YAMLMap), rest);
  else if (isMap(owner)) {
    const own = rest.length === 0 ? detachReplicas(owner) : null;
    if (own !== null) {
      keepComments(owner, own);
      replaceItem(doc, model, items, parent, collapseItem(doc, owner));
    } else setReplicas(doc, owner, replicasOf(owner), rest);
  }
  const wanted = { ...model, nodes: model.nodes.filter((node) => node.id !== id) };
  return prove(printDocument(doc, lone), file, wanted);
}

/** Takes the document's nodes apart and puts them together again as `tree` has them. */
function hang(doc: Document.Parsed, before: Topology, wanted: Topology, tree: Tree): void {
  const items = listItems(doc);
  const itemOf = new Map(before.nodes.map(({ id }, index) => [id, items[index] as NodeItem]));
  const lists = new Map([...itemOf].map(([id, item]) => [id, detachReplicas(item)]));
  const rootList = replicasOf(doc.contents as unknown as YAMLMap);
  // Leaves first: a parent's item must be final before it is put into a list.
  for (const { id, parent } of [...wanted.nodes].reverse()) {
    const children = childrenInOrder(before, tree, id).map((child) => itemOf.get(child.id) as NodeItem);
    const item = itemOf.get(id) as NodeItem;
    const own = lists.get(id) ?? null;
    if (own !== null && (parent === null || children.length === 0)) keepComments(item, own);
    if (parent === null) {
      setReplicas(doc, null, rootList, children);
      item.spaceBefore = false;
      doc.set('master', own === null ? item : collapseItem(doc, item));
    } else if (children.length > 0) {
      const owner = expandItem(doc, item);
      if (own !== null) owner.items.push(own.pair);
      setReplicas(doc, owner, own?.list ?? null, children);
      itemOf.set(id, owner);
    } else if (own !== null) itemOf.set(id, collapseItem(doc, item));
  }
}

function replaceItem(
  doc: Document.Parsed,
  model: Topology,
  items: readonly NodeItem[],
  index: number,
  by: NodeItem,
): void {
  const parent = model.nodes.findIndex(({ id }) => id === model.nodes[index]?.parent);
  const owner = parent === 0 ? (doc.contents as unknown) : items[parent];
  const list = isMap(owner) ? replicasOf(owner) : null;
  if (list === null) throw new Error(`no list holds ${String(model.nodes[index]?.id)}`);
  list.items = list.items.map((item) => (item === items[index] ? by : item));
  if (isMap(by)) list.flow = false;
}

function replicasOf(map: YAMLMap): YAMLSeq | null {
  const list = map.get('replicas', true);
  return isSeq(list) ? list : null;
}

function read(text: string, file: string): Topology {
  const { topology, problems } = parseTopology(text, { file });
  if (topology === null) throw topologyError(problems, file, text);
  return topology;
}

/** The edited text must mean exactly the model that was wanted; anything else is a bug, and nothing is written. */
function prove(edited: string, file: string, wanted: Topology): string {
  if (!isDeepStrictEqual(read(edited, file).nodes, wanted.nodes))
    throw new Error('the edited topology file would not mean what was asked for');
  return edited;
}
