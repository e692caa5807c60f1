import { hostname, userInfo } from 'node:os';
import { ReplctlError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { ApplyContext } from './context.ts';
import type { Deployment } from './deployment.ts';
import { Journal, type JournalHead } from './journal.ts';
import { runPlan, type RunReport } from './run-plan.ts';

/** Runs a plan under a journal of its own, which stays open when `resume` or `rollback` has something to do. */
export async function runJournaled(
  context: ApplyContext,
  plan: Plan,
  deployment: Deployment,
  declaration: JournalHead['declaration'],
  epoch: number,
): Promise<RunReport> {
  const journal = await Journal.open(deployment.topology.stateDir, {
    event: 'open',
    id: `${String(epoch).padStart(6, '0')}-${Date.now().toString(36)}-${plan.verb}`,
    epoch,
    verb: plan.verb,
    command: context.command,
    by: `${userInfo().username}@${hostname()}`,
    atMs: Date.now(),
    plan,
    declaration,
  });
  try {
    const report = await runPlan(plan, { context, deployment, journal });
    await journal.close('done');
    return report;
  } catch (error) {
    const isOpen = isUnfinished(error, plan, declaration);
    await journal.close(isOpen ? null : 'failed');
    throw isOpen ? asUnfinished(error) : error;
  }
}

/** What changes roles or edits the file must be finished or undone; anything else the next `up` plans anew. */
function isUnfinished(error: unknown, plan: Plan, declaration: JournalHead['declaration']): boolean {
  if (error instanceof ReplctlError && error.code === 'REFUSED') return false;
  const changesRoles = plan.stages.flat().some(({ kind }) => kind === 'promote' || kind === 'promote-forced');
  return changesRoles || declaration !== null;
}

function asUnfinished(error: unknown): unknown {
  if (!(error instanceof ReplctlError)) return error;
  if (error.code === 'INCOMPLETE' || error.code === 'INTERRUPTED' || error.code === 'TERMINATED')
    return error;
  return new ReplctlError('INCOMPLETE', error.message, {
    cause: error,
    details: error.details,
    hint: 'replctl resume finishes it, replctl rollback takes it back',
  });
}
