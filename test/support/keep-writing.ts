import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Writes again and again, with a pause after each, until the function it gives is called: that waits for the last
 * write, so that no reply is under way when the connection is closed.
 */
export function keepWriting(write: () => Promise<unknown>, pauseMs: number): () => Promise<void> {
  let isOver = false;
  const writing = (async (): Promise<void> => {
    while (!isOver) {
      await write();
      await sleep(pauseMs);
    }
  })();
  return async () => {
    isOver = true;
    await writing;
  };
}
