import type { Plan } from '../plan/plan.ts';
import type { ApplyContext } from './context.ts';
import type { Deployment } from './deployment.ts';
import type { EdgeWatch } from './edge-watch.ts';
import type { PossibleLoss } from './forced-promote.ts';
import type { Journal } from './journal.ts';
import type { SwitchoverSession } from './switchover-session.ts';

/** What the steps of one run share. */
export interface RunEnvironment {
  readonly context: ApplyContext;
  readonly deployment: Deployment;
  readonly journal: Journal;
  readonly plan: Plan;
  readonly edges: EdgeWatch;
  /** How long the replicas of a dead master have been without it; null before that was looked at. */
  silentSeconds: number | null;
  /** Known once a node was promoted by force. */
  possibleLoss: PossibleLoss | null;
  /** Present from the first touch of a switchover until its end. */
  switchover: SwitchoverSession | null;
}
