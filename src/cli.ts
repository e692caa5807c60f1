import { flush, handle, run } from '@oclif/core';

/** Entry point of `bin/run.js`. Loads no command but the one that was asked for. */
export async function main(): Promise<void> {
  try {
    await run(process.argv.slice(2), import.meta.url);
    await flush();
  } catch (error) {
    await handle(error as Error);
  }
}
