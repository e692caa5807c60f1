import { readFile } from 'node:fs/promises';
import { ReplctlError } from '../errors.ts';
import { reportedFork } from '../plan/lineage.ts';
import { isEmptyPlan, type Plan } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';
import { rehangTopology } from '../topology/change-tree.ts';
import { rehang } from '../topology/edit-topology.ts';
import type { Topology } from '../topology/model.ts';
import { parseTopology } from '../topology/parse-topology.ts';
import type { ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment } from './deployment.ts';
import { Journal, readOpenJournal, type JournalHead, type JournalRecord } from './journal.ts';
import { lockDeployment } from './lock-deployment.ts';
import { promotionsIn } from './history.ts';
import { makePlan } from './make-plan.ts';
import { runPlan } from './run-plan.ts';

export interface SettleOptions {
  /** Plan only: nothing is locked, written or changed. */
  readonly isDryRun: boolean;
}

const DO: SettleOptions = { isDryRun: false };

/** Finishes the operation that was interrupted. REFUSED when there is none. */
export function resume(context: ApplyContext, options = DO): Promise<ChangeResult> {
  return settleLocked(context, 'resume', options);
}

/** Takes the operation back that was interrupted: the tree and the file as they were before it. */
export function rollback(context: ApplyContext, options = DO): Promise<ChangeResult> {
  return settleLocked(context, 'rollback', options);
}

async function settleLocked(
  context: ApplyContext,
  way: 'resume' | 'rollback',
  options: SettleOptions,
): Promise<ChangeResult> {
  const { stateDir } = context.topology;
  const lock = options.isDryRun ? null : await lockDeployment(context);
  try {
    const open = await readOpenJournal(stateDir);
    if (open === null) {
      throw new ReplctlError('REFUSED', 'no operation is unfinished: nothing was changed', {
        hint: 'replctl history',
      });
    }
    return await settle(context, open, way, options);
  } finally {
    await lock?.release();
  }
}

/**
 * Both ways are the same movement as any other: what the fence left is put back, then it is planned from what is live
 * now to the tree that is wanted. Nothing depends on how far the interrupted run got.
 */
export async function settle(
  context: ApplyContext,
  { head, entries }: JournalRecord,
  way: 'resume' | 'rollback',
  { isDryRun }: SettleOptions = DO,
): Promise<ChangeResult> {
  const declaration = await declarationFor(head, way);
  const topology = topologyFor(context.topology, head, declaration, way);
  const deployment = await openDeployment(topology);
  deployment.rememberForks(promotionsIn(entries).flatMap(reportedFork));
  const wasFenced = entries.some((entry) => entry.event === 'fact' && entry.name === 'before-fence');
  const fenced = wasFenced ? head.plan.stages.flat().filter((step) => step.kind === 'unfence') : [];
  const { plan, stock } = await makePlan(
    context,
    {
      verb: head.verb,
      options: { restoresRoles: true, startsNodes: true, allowsRemoval: true },
      beforeFence: new Map(
        fenced.map(({ node, pingPeriodS, minReplicas }) => [node, { pingPeriodS, minReplicas }]),
      ),
    },
    deployment,
  );
  const unfence = fenced.filter(({ node }) => stock.view.nodes.get(node)?.kind === 'live');
  const end: Step[] = [{ kind: 'save-declaration' }];
  const toRun: Plan = {
    ...plan,
    stages: [...(unfence.length > 0 ? [unfence] : []), ...(isEmptyPlan(plan) ? [end] : plan.stages)],
  };
  if (isDryRun) return { plan: toRun, report: null, topology, epoch: head.epoch };
  const journal = await Journal.reopen(topology.stateDir, { ...head, declaration, plan: toRun });
  try {
    const report = await runPlan(toRun, { context, deployment, journal });
    await journal.close(way === 'resume' ? 'done' : 'undone');
    return { plan: toRun, report, topology, epoch: head.epoch };
  } catch (error) {
    await journal.close(null);
    throw error;
  }
}

/** A file that was edited meanwhile keeps those edits: only who hangs under whom is changed in it. */
async function declarationFor(
  { declaration, plan }: JournalHead,
  way: 'resume' | 'rollback',
): Promise<JournalHead['declaration']> {
  if (declaration === null) return null;
  const { file, before, after } = declaration;
  const now = await readFile(file, 'utf8');
  const wanted = way === 'resume' ? after : before;
  if (now === before || now === after) return { file, before: now, after: wanted };
  if (way === 'resume')
    return { file, before: now, after: rehang(now, file, new Map(Object.entries(plan.tree))) };
  throw new ReplctlError('REFUSED', `${file} was edited since: it cannot be put back as it was`, {
    hint: 'replctl resume, or put the file back yourself and run replctl up --restore-roles',
  });
}

function topologyFor(
  topology: Topology,
  head: JournalHead,
  declaration: JournalHead['declaration'],
  way: 'resume' | 'rollback',
): Topology {
  if (declaration === null) return way === 'resume' ? withTree(topology, head.plan.tree) : topology;
  const parsed = parseTopology(declaration.after, { file: declaration.file });
  if (parsed.topology === null) {
    throw new ReplctlError(
      'TOPOLOGY_INVALID',
      `${declaration.file}: ${parsed.problems[0]?.message ?? 'invalid'}`,
    );
  }
  return parsed.topology;
}

/** Without a file the plan's tree is all that says what was wanted. */
function withTree(topology: Topology, tree: Plan['tree']): Topology {
  if (topology.file !== null) return topology;
  return rehangTopology(topology, new Map(Object.entries(tree)));
}
