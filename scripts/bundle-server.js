import path from 'node:path';
import { build } from 'esbuild';

const SERVER = path.join(import.meta.dirname, '..', 'src', 'server');

/**
 * Bundles the server into `server.cjs` of a folder, with the Lua interpreter and the manual beside it. CommonJS and minified for the
 * sake of the start: an ES module of that size takes 40 ms more.
 */
export async function bundleServer(outdir) {
  await build({
    entryPoints: {
      server: path.join(SERVER, 'main.ts'),
      manual: path.join(SERVER, 'command', 'families', 'manual.cjs'),
      'lua-modules': path.join(SERVER, 'script', 'lua-modules.cjs'),
    },
    outdir,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    // Code that runs from V8's cache cannot import(): require() does.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__filename' },
    legalComments: 'linked',
    logLevel: 'warning',
  });
}
