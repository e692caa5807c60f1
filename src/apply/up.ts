import { change, type ChangeResult } from './change.ts';
import type { ApplyContext } from './context.ts';

export interface UpOptions {
  readonly isDryRun: boolean;
  /** Consent to stop nodes that are no longer declared. */
  readonly allowsRemoval: boolean;
  /** Consent to switch back a promotion that was made elsewhere. */
  readonly restoresRoles: boolean;
  /** Consent to throw away the writes of a second master. */
  readonly discardsDiverged: boolean;
}

/** Makes live what is declared: starts, hangs, adds, removes, reconfigures. Nothing to do is an empty plan. */
export function up(context: ApplyContext, { isDryRun, ...consents }: UpOptions): Promise<ChangeResult> {
  return change(context, { verb: 'up', edit: null, options: { ...consents, startsNodes: true }, isDryRun });
}
