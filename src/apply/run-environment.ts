import type { Plan } from '../plan/plan.ts';
import type { ApplyContext } from './context.ts';
import type { Deployment } from './deployment.ts';
import type { Journal } from './journal.ts';
import type { SwitchoverSession } from './switchover-session.ts';

/** What the steps of one run share. */
export interface RunEnvironment {
  readonly context: ApplyContext;
  readonly deployment: Deployment;
  readonly journal: Journal;
  readonly plan: Plan;
  /** Present from the first touch of a switchover until its end. */
  switchover: SwitchoverSession | null;
}
