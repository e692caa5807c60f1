import type { NodeId } from '../topology/model.ts';
import { DEFAULT_SWITCHOVER } from '../plan/plan-switchover.ts';
import { change, type ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';
import { editPromote } from './rearrange.ts';

export interface PromoteOptions {
  readonly isDryRun: boolean;
  /** How long writes may be held back before the attempt is given up; default 1 s. */
  readonly fenceBudgetMs?: number | undefined;
}

/** Planned switchover to any node of the tree: no acknowledged write lost, no full resync, or nothing changed. */
export function promote(
  context: ApplyContext,
  target: NodeId,
  options: PromoteOptions,
): Promise<ChangeResult> {
  const fenceBudgetMs = options.fenceBudgetMs ?? DEFAULT_SWITCHOVER.fenceBudgetMs;
  return change(context, {
    verb: 'promote',
    edit: editPromote(context.topology, target),
    options: { startsNodes: false, switchover: { ...DEFAULT_SWITCHOVER, fenceBudgetMs } },
    isDryRun: options.isDryRun,
  });
}
