import { rankCandidates, type Candidate } from '../plan/candidates.ts';
import { dataOf } from '../plan/furthest-at-rest.ts';
import { liveNodeOf, type LiveView } from '../plan/live-view.ts';
import { DEFAULT_SWITCHOVER } from '../plan/plan-switchover.ts';
import { ancestorsOf, rootOf, treeOf, withParents, type Tree } from '../plan/tree.ts';
import { ReplctlError } from '../errors.ts';
import { promoteInTree } from '../topology/change-tree.ts';
import type { NodeId, Topology } from '../topology/model.ts';
import { change, type ChangeResult, type ChangeWish } from './change.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment } from './deployment.ts';
import { editPromote, editTree } from './rearrange.ts';
import { takeStock } from './take-stock.ts';

export interface PromoteOptions {
  readonly isDryRun: boolean;
  /** How long writes may be held back before the attempt is given up; default 1 s. */
  readonly fenceBudgetMs?: number | undefined;
}

export interface ForcedPromoteOptions extends PromoteOptions {
  /** Go on although the dead master's host cannot be told to keep it down. */
  readonly acceptsSplitBrain?: boolean | undefined;
}

const OBSERVE_TIMEOUT_MS = 2_000;

/** Planned switchover to any node of the tree: no acknowledged write lost, no full resync, or nothing changed. */
export function promote(
  context: ApplyContext,
  target: NodeId,
  options: PromoteOptions,
): Promise<ChangeResult> {
  return change(context, { ...wishPromote(context.topology, target, options), isDryRun: options.isDryRun });
}

export function wishPromote(
  topology: Topology,
  target: NodeId,
  options: Pick<PromoteOptions, 'fenceBudgetMs'>,
): ChangeWish {
  return {
    verb: 'promote',
    edit: editPromote(topology, target),
    options: { startsNodes: false, switchover: switchoverOf(options) },
  };
}

/** Who could be promoted, best first; the first is what `--candidate auto` takes. Changes nothing. */
export async function candidates(context: ApplyContext): Promise<Candidate[]> {
  const { view } = await stockOf(context);
  return rankCandidates(view, rootOf(treeOf(context.topology)));
}

/**
 * Promotion when the master is dead: proven dead, kept from coming back as master, then the replica that holds the
 * most takes over; is that not `target` (null: it is), the role goes on to it without loss. When no node lives,
 * `target` starts as master from its files and all others under it. Replicas of dead nodes are hung under
 * their nearest living ancestor. REFUSED while the master may be alive.
 */
export async function promoteForced(
  context: ApplyContext,
  target: NodeId | null,
  options: ForcedPromoteOptions,
): Promise<ChangeResult & { readonly candidates: readonly Candidate[] }> {
  const { wish, candidates: table } = await wishForced(context, target, options);
  return { ...(await change(context, { ...wish, isDryRun: options.isDryRun })), candidates: table };
}

/** What `promoteForced` asks for, by what lives now. */
export async function wishForced(
  context: ApplyContext,
  target: NodeId | null,
  options: Omit<ForcedPromoteOptions, 'isDryRun'>,
): Promise<{ readonly wish: ChangeWish; readonly candidates: readonly Candidate[] }> {
  const { view, topology } = await stockOf(context);
  const table = rankCandidates(view, rootOf(treeOf(topology)));
  const chosen = target === null ? table.find(({ isChosen }) => isChosen)?.node : target;
  // Where nobody lives there is nobody to choose from: who is named is started as master, from the files it has.
  const isAtRest = [...view.nodes.values()].every(({ kind }) => kind === 'down');
  const isCandidate = chosen !== undefined && (isAtRest ? hasData(view, chosen) : isAlive(view, chosen));
  if (!isCandidate) {
    const who = chosen === undefined ? 'no node can' : `${chosen} cannot`;
    throw new ReplctlError('REFUSED', `${who} be promoted; nothing was changed`, {
      hint: 'replctl status',
      details: { candidates: table },
    });
  }
  const wish: ChangeWish = {
    verb: 'promote',
    edit: editTree(topology, (before) => treeAfter(before, chosen, view)),
    options: {
      startsNodes: isAtRest,
      isForced: true,
      acceptsSplitBrain: options.acceptsSplitBrain ?? false,
      switchover: switchoverOf(options),
    },
  };
  return { wish, candidates: table };
}

/** The promotion, and living children of dead nodes with their nearest living ancestor. */
function treeAfter(topology: Topology, target: NodeId, view: LiveView): Tree {
  const tree = promoteInTree(topology, target);
  const orphans = [...tree].filter(
    ([id, parent]) => parent !== null && isAlive(view, id) && !isAlive(view, parent),
  );
  return withParents(
    tree,
    orphans.map(([id]) => [id, ancestorsOf(tree, id).find((above) => isAlive(view, above)) ?? target]),
  );
}

function isAlive(view: LiveView, id: NodeId): boolean {
  return liveNodeOf(view, id) !== null;
}

function hasData(view: LiveView, id: NodeId): boolean {
  return dataOf(view, id).kind !== 'none';
}

async function stockOf(context: ApplyContext): Promise<{ view: LiveView; topology: Topology }> {
  const deployment = await openDeployment(context.topology);
  const { view } = await takeStock(deployment, { timeoutMs: OBSERVE_TIMEOUT_MS, signal: context.signal });
  return { view, topology: context.topology };
}

function switchoverOf({ fenceBudgetMs }: Pick<PromoteOptions, 'fenceBudgetMs'>): typeof DEFAULT_SWITCHOVER {
  return { ...DEFAULT_SWITCHOVER, fenceBudgetMs: fenceBudgetMs ?? DEFAULT_SWITCHOVER.fenceBudgetMs };
}
