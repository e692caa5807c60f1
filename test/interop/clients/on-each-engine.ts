import { afterAll, beforeAll, describe } from 'vitest';
import { startBundledServer } from '../../support/bundled-server.ts';
import { hasEngine, type TestEngine } from '../../support/engines.ts';
import { startRealServer } from '../../support/real-server.ts';

const ENGINES: readonly TestEngine[] = ['bundled', 'redis'];

/** A suite once against the bundled server and once against redis-server: what a client finds must be the same. */
export function onEachEngine(name: string, suite: (port: () => number) => void): void {
  for (const engine of ENGINES) {
    describe.skipIf(!hasEngine(engine))(`${name} on ${engine}`, () => {
      let server: { readonly port: number; readonly stop: () => Promise<void> } | undefined;
      beforeAll(async () => {
        server = await (engine === 'bundled' ? startBundledServer() : startRealServer('redis-server'));
      });
      afterAll(async () => {
        await server?.stop();
      });
      suite(() => server?.port ?? 0);
    });
  }
}
