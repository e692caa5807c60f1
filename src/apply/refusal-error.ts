import { ReplctlError } from '../errors.ts';
import type { Refusal } from '../plan/refusal.ts';

/** One error for all reasons; each with its own code in `details.refusals`. */
export function refusalError(refusals: readonly Refusal[]): ReplctlError {
  const [first] = refusals;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  return new ReplctlError('REFUSED', `${first?.message ?? 'refused'}${more}; nothing was changed`, {
    hint: first?.hint ?? undefined,
    details: { refusals },
  });
}
