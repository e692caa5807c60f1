import type { NodeId, Topology } from '../topology/model.ts';
import type { Plan } from '../plan/plan.ts';
import type { Step } from '../plan/step.ts';

/** What a command hands to a use-case. Nothing in here prints; `emit` is where one may. */
export interface ApplyContext {
  /** As declared now, before any edit of the verb at hand. */
  readonly topology: Topology;
  /** As it was typed, for the lock, the journal and history: `promote 6381`. No secrets. */
  readonly command: string;
  readonly emit: (event: ApplyEvent) => void;
  /** Aborting stops between two stages, never inside a switchover's fence. */
  readonly signal: AbortSignal;
  /** For each wait: a start, a link, readiness. */
  readonly timeoutMs: number;
}

/** `stage` and `step` index into `plan.stages`. */
export type ApplyEvent =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'step-start'; readonly stage: number; readonly step: number; readonly what: Step }
  | {
      readonly kind: 'step-done';
      readonly stage: number;
      readonly step: number;
      readonly what: Step;
      readonly tookMs: number;
      readonly note: string | null;
    }
  | {
      readonly kind: 'step-failed';
      readonly stage: number;
      readonly step: number;
      readonly what: Step;
      readonly message: string;
    }
  | { readonly kind: 'progress'; readonly stage: number; readonly step: number; readonly message: string }
  | { readonly kind: 'warning'; readonly node: NodeId | null; readonly message: string };
