import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { bundleServer } from '../../scripts/bundle-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The script that runs the bundled server as it is in src. */
    readonly serverScript: string;
  }
}

/** Bundles the server once for all test files of a run, and removes it with the last of them. */
export default async function bundleOnce(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-bundle-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    await bundleServer(folder);
    const script = path.join(folder, 'run.cjs');
    writeFileSync(script, "require('./server.cjs').main();\n");
    project.provide('serverScript', script);
    return remove;
  } catch (error) {
    remove();
    throw error;
  }
}
