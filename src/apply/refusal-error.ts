import { ReplctlError } from '../errors.ts';
import type { Refusal } from '../plan/refusal.ts';

/**
 * One error for all reasons; each with its own code in `details.refusals`. A node that cannot be started since its
 * port is held is NODE_NOT_STARTED, as when the server itself finds out; anything else is REFUSED.
 */
export function refusalError(refusals: readonly Refusal[]): ReplctlError {
  const [first] = refusals;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  const isPortHeld = refusals.some(({ code }) => code === 'PortHeld');
  return new ReplctlError(
    isPortHeld ? 'NODE_NOT_STARTED' : 'REFUSED',
    `${first?.message ?? 'refused'}${more}; nothing was changed`,
    {
      hint: first?.hint ?? undefined,
      details: { refusals },
    },
  );
}
