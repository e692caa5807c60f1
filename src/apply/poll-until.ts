import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is not null; null when the time is up. Always asks at least once. */
export async function pollUntil<T>(
  ask: () => Promise<T | null>,
  {
    timeoutMs,
    everyMs,
    signal,
  }: { readonly timeoutMs: number; readonly everyMs: number; readonly signal?: AbortSignal },
): Promise<T | null> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() >= deadlineMs) return null;
    await sleep(everyMs);
  }
}
