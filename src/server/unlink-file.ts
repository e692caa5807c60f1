import { close, openSync, rmSync } from 'node:fs';

/**
 * Removes a file that may be large: its name at once, its bytes when a thread of the pool closes it, since freeing
 * them takes the kernel milliseconds in which nobody would be served (`bg_unlink` in Redis' util.c). Does nothing when
 * there is none; throws what else the disk says.
 */
export function unlinkFile(file: string): void {
  const held = hold(file);
  rmSync(file, { force: true });
  if (held !== undefined) close(held, ignore);
}

/** Undefined where there is nothing to hold, or we may not: removing tells. */
function hold(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

/** Nothing was written through it. */
function ignore(): void {}
