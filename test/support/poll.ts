import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `probe` until it returns something other than undefined or false; fails with what was waited for. */
export async function poll<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  deadlineMs = 60_000,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(20);
  }
}
