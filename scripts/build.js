// Bundles the CLI and the bundled server into dist/, emits the published types, and writes oclif's manifest so that
// starting the CLI loads no command but the one asked for.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLED, COMPILED, bundleServer } from './bundle-server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
rmSync('dist', { recursive: true, force: true });

// One CommonJS file for all verbs, each evaluated when it is asked for: a start reads two files, not forty.
const verbs = readdirSync('src/commands')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3));
const lazily = verbs.map((verb) => `get ${verb}() { return require('./src/commands/${verb}.ts').default; },`);
await build({
  ...COMPILED,
  stdin: {
    contents: `import { main as run } from './src/cli.ts';
      export const commands = {${lazily.join('')}};
      export const main = () => run(commands);`,
    resolveDir: root,
    sourcefile: 'cli-entry.js',
  },
  outfile: 'dist/cli.cjs',
  define: { 'import.meta.url': '__importMetaUrl', 'import.meta.dirname': '__dirname' },
  banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
});

// Bundled CommonJS packages still call require(); an ES module has none of its own.
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);";
await build({
  ...BUNDLED,
  splitting: true,
  format: 'esm',
  outdir: 'dist',
  chunkNames: '[name]-[hash]',
  banner: { js: requireBanner },
  entryPoints: { index: 'src/index.ts' },
});
await bundleServer('dist');
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], {
  stdio: 'inherit',
});

const { Config, Plugin } = await import('@oclif/core');
const config = await Config.load({ root, devPlugins: false, userPlugins: false, ignoreManifest: true });
const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true });
plugin.config = config;
await plugin.load();
writeFileSync('oclif.manifest.json', `${JSON.stringify(plugin.manifest, null, 2)}\n`);

await writeCodeCache(serveOnce);
await writeCodeCache(bringUpOnce);

/** Runs a bundle once, in a folder of its own, as it is run later: `work` gets that folder and how to run it. */
async function writeCodeCache(work) {
  const dir = mkdtempSync(path.join(tmpdir(), 'replctl-build-'));
  const command = (bundle, ...args) => [
    path.join(root, 'scripts', 'write-code-cache.cjs'),
    path.join(root, 'dist', bundle),
    ...args,
  ];
  try {
    await work(dir, command);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A server that listens, answers one PING and leaves: what every start needs is compiled by then. */
async function serveOnce(dir, command) {
  const argv = command('server.cjs', '--port', '0', '--unixsocket', 's', '--save', '');
  const server = spawn(process.execPath, argv, { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  const isOver = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) {
    if (!line.includes('Ready to accept connections')) continue;
    const client = net.connect(path.join(dir, 's'), () => client.write('PING\r\nSHUTDOWN NOSAVE\r\n'));
    client.resume();
  }
  const [code] = await isOver;
  if (code !== 0) throw new Error(`the server ended with ${code} while it was to be compiled`);
}

/** A tree of two on this machine: what `up` needs, which is most of what any verb needs, is compiled by then. */
async function bringUpOnce(dir, command) {
  const [master, replica] = await findFreePorts();
  // Named by its path, so that it is asked for its version as a foreign server is.
  const engine = `{kind: bundled, command: ${JSON.stringify(path.join(root, 'bin', 'server.js'))}}`;
  const file = path.join(dir, 'topology.yaml');
  writeFileSync(file, `name: build\nengine: ${engine}\nmaster: ${master}\nreplicas: [${replica}]\n`);
  const replctl = (...argv) => {
    const stdio = ['ignore', 'ignore', 'inherit'];
    const { status } = spawnSync(process.execPath, [...argv, '--file', file, '--quiet'], { cwd: dir, stdio });
    // It starts all the same, only slower.
    if (status !== 0) console.warn(`${argv.at(-1)} ended with ${status}: less is compiled beforehand`);
  };
  replctl(...command('cli.cjs', 'up'));
  replctl(path.join(root, 'bin', 'run.js'), 'down');
}

async function findFreePorts() {
  const servers = [net.createServer(), net.createServer()];
  const ports = [];
  for (const server of servers) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ports.push(server.address().port);
  }
  for (const server of servers) await once(server.close(), 'close');
  return ports;
}
