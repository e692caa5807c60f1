import path from 'node:path';
import { build } from 'esbuild';

const SERVER = path.join(import.meta.dirname, '..', 'src', 'server');

/** Of everything that is bundled. */
export const BUNDLED = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  legalComments: 'linked',
  logLevel: 'warning',
};

/** Of what starts from V8's cache: code from there cannot import(), so require() does. */
export const COMPILED = { ...BUNDLED, format: 'cjs', supported: { 'dynamic-import': false } };

/**
 * Bundles the server into `server.cjs` of a folder, with the Lua interpreter and the manual beside it. CommonJS and
 * minified for the sake of the start: an ES module of that size takes 40 ms more.
 */
export async function bundleServer(outdir) {
  await build({
    ...COMPILED,
    entryPoints: {
      server: path.join(SERVER, 'main.ts'),
      manual: path.join(SERVER, 'command', 'families', 'manual.cjs'),
      'exchange-worker': path.join(SERVER, 'net', 'exchange-worker.cjs'),
      'lua-modules': path.join(SERVER, 'script', 'lua-modules.cjs'),
    },
    outdir,
    outExtension: { '.js': '.cjs' },
    minify: true,
    define: { 'import.meta.url': '__filename' },
  });
}
