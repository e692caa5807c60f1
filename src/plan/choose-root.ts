import type { NodeId } from '../topology/model.ts';
import { dataOf, furthestAtRest, positionOf } from './furthest-at-rest.ts';
import { relate } from './lineage.ts';
import { liveTreeOf, type LiveNodeView, type LiveView, type NodeView } from './live-view.ts';
import type { Refusal } from './refusal.ts';
import { ancestorsOf, childrenOf, rootOf, type Tree } from './tree.ts';

/** Which node is, or is made, the one master from which a plan sets out. */
export type RootChoice =
  /** It is the live master. */
  | { readonly kind: 'live'; readonly root: NodeId }
  /** No master lives; this one is started, for nobody's data is known to be newer. `reason`: why it is not the last one. */
  | { readonly kind: 'start'; readonly root: NodeId; readonly reason: string | null }
  /** No master lives, and starting the last one would throw away what its replicas hold: this replica has the most. */
  | { readonly kind: 'promote'; readonly root: NodeId; readonly dead: NodeId | null; readonly reason: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface RootQuestion {
  readonly view: LiveView;
  readonly declared: Tree;
  /** The tree as it was last applied; null the first time. */
  readonly applied: Tree | null;
  /** The last master is held to be dead (it will be proven): it is not started again, a replica takes over. */
  readonly isForced: boolean;
}

/** Picks the master to set out from; never one whose start or reign would wipe data that another node holds. */
export function chooseRoot(question: RootQuestion): RootChoice {
  const live = liveNodes(question.view);
  const masters = live.filter(([, node]) => node.role === 'master');
  if (masters.length > 0) return { kind: 'live', root: trueMaster(question, masters) };
  if (live.length === 0) return chooseAtRest(question);
  const last = rootOf(question.applied ?? question.declared);
  const node = question.view.nodes.get(last);
  const best = bestReplica(live);
  if (node?.kind === 'down' && !question.isForced) {
    if (node.port === 'squatted') {
      return refuse('PortHeld', last, `the port of ${last} is held by something else`, 'free the port');
    }
    if (node.port === 'silent') {
      return refuse(
        node.isBusy ? 'ScriptRunning' : 'Unreachable',
        last,
        `${last}, the last master, does not answer (${node.said}) and may be alive`,
        node.isBusy
          ? `replctl exec ${last} -- SCRIPT KILL`
          : `replctl promote ${best ?? 'NODE'} --force, once it is known to be dead`,
      );
    }
    const holdsData = live.some(([, replica]) => replica.keys > 0);
    const atRest = chooseAtRest(question);
    if (!holdsData || atRest.kind !== 'start' || isAsNew(question.view, atRest.root, best, last))
      return atRest;
  }
  const foreign = live.find(([, replica]) => replica.parent === null && replica.isLinkUp);
  if (foreign !== undefined) {
    return refuse(
      'ForeignMaster',
      foreign[0],
      `${foreign[0]} follows ${foreign[1].parentAddress ?? 'a server'}, which is not in the file`,
      `replctl exec ${foreign[0]} -- replicaof no one, if it is to belong to this deployment`,
    );
  }
  if (best === null) {
    return refuse(
      'NoCandidate',
      null,
      'no replica may be promoted (replica-priority 0)',
      'set a replica-priority',
    );
  }
  return {
    kind: 'promote',
    root: best,
    dead: node?.kind === 'live' ? null : last,
    reason:
      node?.kind === 'live'
        ? 'no node is master'
        : `${last} is down${question.isForced ? '' : ' and has less on disk'}: ${best} holds the most; what only ${last} had is lost`,
  };
}

/**
 * Of several live masters, the one with a following; the declared one when none has; of two that both have one, the
 * one whose history forked from the other's, for it was promoted later.
 */
function trueMaster(
  { view, declared, applied }: RootQuestion,
  masters: readonly (readonly [NodeId, LiveNodeView])[],
): NodeId {
  const tree = liveTreeOf(view);
  const wanted = [rootOf(declared), applied === null ? null : rootOf(applied)];
  const followers = (id: NodeId): number =>
    childrenOf(tree, id).filter((child) => isLinked(view.nodes.get(child))).length;
  const [first] = [...masters].sort(([idA, a], [idB, b]) => {
    const following = Number(followers(idB) > 0) - Number(followers(idA) > 0);
    if (following !== 0) return following;
    const fork = Number(isLater(b, a)) - Number(isLater(a, b));
    if (fork !== 0) return followers(idA) > 0 ? fork : rank(idA) - rank(idB);
    return rank(idA) - rank(idB) || b.keys - a.keys;
  });
  return (first ?? masters[0] ?? unreachable())[0];

  function rank(id: NodeId): number {
    const index = wanted.indexOf(id);
    return index === -1 ? wanted.length : index;
  }
}

function isLater(a: LiveNodeView, b: LiveNodeView): boolean {
  return a.history.replid2 === b.history.replid && a.history.secondOffset > 0;
}

function isLinked(node: NodeView | undefined): boolean {
  return node?.kind === 'live' && node.isLinkUp;
}

/** Nobody lives, or nobody who holds anything: the furthest; what is forced is started from the files it has. */
function chooseAtRest({ view, declared, applied, isForced }: RootQuestion): RootChoice {
  const last = [rootOf(applied ?? declared), rootOf(declared)].find((id) => view.nodes.has(id));
  if (last === undefined) return refuse('NoCandidate', null, 'no node is known', null);
  const candidates = [...view.nodes.keys()].filter((id) => declared.has(id));
  const root = isForced ? rootOf(declared) : furthestAtRest(view, candidates, last);
  const reason =
    root === last ? null : `${root} is started as master, for ${last} ${describeLess(view, last, root)}`;
  return { kind: 'start', root, reason };
}

function describeLess(view: LiveView, last: NodeId, root: NodeId): string {
  const [own, other] = [dataOf(view, last), dataOf(view, root)];
  if (own.kind === 'none') return 'has nothing on disk';
  if (own.kind !== 'known' || other.kind !== 'known') return 'is not to be started';
  const relation = relate(other, own, view.lineage);
  if (relation.kind !== 'ahead') return 'is not to be started';
  return `lacks ${other.offset - relation.shared} bytes of its own history that ${root} has on disk`;
}

/**
 * Whether a stopped node's files are at least as new as what the best replica holds in memory; newer, when it is not
 * the last master.
 */
function isAsNew(view: LiveView, id: NodeId, best: NodeId | null, last: NodeId): boolean {
  const data = dataOf(view, id);
  const replica = best === null ? null : positionOf(view, best);
  if (replica === null) return true;
  switch (data.kind) {
    case 'none':
      return false;
    case 'unknown':
      return data.isAppendOnly && id === last;
    case 'known': {
      const { kind } = relate(data, replica, view.lineage);
      return kind === 'ahead' || (kind === 'same' && id === last);
    }
  }
}

/** By applied offset within the most common history, then priority (lower first), then keys. Priority 0: never. */
export function bestReplica(live: readonly (readonly [NodeId, LiveNodeView])[]): NodeId | null {
  const counts = new Map<string, number>();
  for (const [, { history }] of live) counts.set(history.replid, (counts.get(history.replid) ?? 0) + 1);
  const [best] = live
    .filter(([, node]) => node.priority > 0 && !node.isLoading)
    .sort(
      ([, a], [, b]) =>
        (counts.get(b.history.replid) ?? 0) - (counts.get(a.history.replid) ?? 0) ||
        b.history.offset - a.history.offset ||
        a.priority - b.priority ||
        b.keys - a.keys,
    );
  return best?.[0] ?? null;
}

function liveNodes(view: LiveView): [NodeId, LiveNodeView][] {
  return [...view.nodes]
    .flatMap(([id, node]) => (node.kind === 'live' ? [[id, node] as const] : []))
    .map(([id, node]) => [id, node]);
}

function refuse(
  code: Refusal['code'],
  node: NodeId | null,
  message: string,
  hint: string | null,
): RootChoice {
  return { kind: 'refused', refusal: { code, node, message, hint } };
}

function unreachable(): never {
  throw new Error('no master among masters');
}

/** Whether a live node's chain of parents ends at `root`. */
export function isAttached(tree: Tree, node: NodeId, root: NodeId): boolean {
  return node === root || ancestorsOf(tree, node).at(-1) === root;
}
