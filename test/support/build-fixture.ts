import path from 'node:path';
import { build } from 'esbuild';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** A TypeScript program of the tests as a file that node runs; below the repository, so that packages are found. */
export async function buildFixture(name: string): Promise<string> {
  const outfile = path.join(ROOT, 'node_modules', '.cache', `${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [path.join(ROOT, 'test', 'e2e', `${name}.fixture.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}
