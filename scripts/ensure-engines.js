import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const has = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
const apt = (...args) =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;

function aptInstall(...packages) {
  if (apt('update', '-qq')) apt('install', '-y', '-qq', '--no-install-recommends', ...packages);
}

/**
 * Installs redis-server and valkey-server from Debian when they are missing and this is root on Debian.
 * Returns the engines that are still missing.
 */
export function ensureEngines() {
  const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version') && has('apt-get');
  if (canInstall && !has('redis-server')) {
    console.error('installing redis-server');
    aptInstall('redis-server', 'redis-tools');
  }
  if (canInstall && !has('valkey-server')) installValkey();
  return ['redis-server', 'valkey-server'].filter((engine) => !has(engine));
}

/** Valkey lives in Debian's backports; their source line is the machine's own main one with another suite. */
function installValkey() {
  const list = '/etc/apt/sources.list.d/replctl-backports.list';
  const line = backportsLine();
  if (line === undefined) return;
  console.error('installing valkey-server from backports');
  writeFileSync(list, `${line}\n`);
  try {
    aptInstall('valkey-server');
  } finally {
    rmSync(list, { force: true });
  }
}

function backportsLine() {
  const release = /VERSION_CODENAME=(\w+)/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (release === undefined) return undefined;
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : []),
  ];
  for (const file of files.filter((name) => existsSync(name))) {
    const text = readFileSync(file, 'utf8');
    const oneLine = new RegExp(`^deb (\\[[^\\]]*\\] )?(\\S+) ${release} main`, 'm').exec(text);
    if (oneLine) return `deb ${oneLine[1] ?? ''}${oneLine[2]} ${release}-backports main`;
    const stanza = text
      .split(/\n\s*\n/)
      .find(
        (part) =>
          new RegExp(`^Suites:.*\\b${release}\\b`, 'm').test(part) && /^Components:.*\bmain\b/m.test(part),
      );
    const uri = stanza && /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    if (uri) {
      const key = /^Signed-By:\s*(\/\S+)/m.exec(stanza)?.[1];
      return `deb ${key ? `[signed-by=${key}] ` : ''}${uri} ${release}-backports main`;
    }
  }
  return undefined;
}
