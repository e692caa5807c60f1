import type { NodeId } from '../topology/model.ts';
import type { Step } from './step.ts';

export const PLAN_VERSION = 1;

/** The verb an operation was asked for by, as journals and history name it. */
export type Verb =
  | 'up'
  | 'down'
  | 'start'
  | 'stop'
  | 'restart'
  | 'promote'
  | 'chain'
  | 'move'
  | 'add'
  | 'remove'
  | 'adopt'
  | 'salvage';

/** An ordered list of stages; the steps of one stage do not depend on each other and run side by side. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly verb: Verb;
  readonly deployment: string;
  /** The tree when the plan is done: node → parent, null for the master. */
  readonly tree: Readonly<Record<NodeId, NodeId | null>>;
  readonly stages: readonly (readonly Step[])[];
  readonly warnings: readonly string[];
}

/** A plan without steps: live, declared and last applied agree. */
export function isEmptyPlan(plan: Plan): boolean {
  return plan.stages.every((stage) => stage.length === 0);
}
