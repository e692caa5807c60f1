// Bundles the CLI and the bundled server into dist/, emits the published types, and writes oclif's manifest so that
// starting the CLI loads no command but the one asked for.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
rmSync('dist', { recursive: true, force: true });

// Bundled CommonJS packages still call require(); an ES module has none of its own.
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);";

const shared = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  outdir: 'dist',
  chunkNames: '[name]-[hash]',
  banner: { js: requireBanner },
  legalComments: 'linked',
  logLevel: 'warning',
};

// One entry a verb, so that a command loads itself and not its siblings.
const verbs = readdirSync('src/commands').filter((name) => name.endsWith('.ts'));
const commands = Object.fromEntries(
  verbs.map((name) => [`commands/${name.slice(0, -3)}`, `src/commands/${name}`]),
);

await build({ ...shared, entryPoints: { cli: 'src/cli.ts', index: 'src/index.ts', ...commands } });
await build({ ...shared, entryPoints: { server: 'src/server/main.ts' }, chunkNames: 'server-[name]-[hash]' });
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});

const { Config, Plugin } = await import('@oclif/core');
const config = await Config.load({ root, devPlugins: false, userPlugins: false, ignoreManifest: true });
const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true });
plugin.config = config;
await plugin.load();
writeFileSync('oclif.manifest.json', `${JSON.stringify(plugin.manifest, null, 2)}\n`);
