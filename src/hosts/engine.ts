import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EngineKind, EngineSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import type { Host } from './host.ts';

/** A redis-server, whoever wrote it: the launcher does not know which one it starts. */
export interface Engine {
  readonly kind: EngineKind;
  /** `redis-server`, or node with the bundled server's script. */
  readonly command: readonly string[];
}

export interface EngineVersion {
  readonly kind: EngineKind;
  /** As the binary prints it: `7.0.15`. */
  readonly version: string;
}

/**
 * V8 collects garbage without helper threads: those wait for a core while clients and other nodes use them all, and
 * the server waits with them. It can be said on the command line alone: V8 crashes if it is told later, and a
 * script's first line can't give node an option everywhere (BusyBox' `env` has no `-S`).
 */
const NODE_OPTIONS = ['--single-threaded-gc'];

/** Which command line starts nodes of this engine on that host. */
export function findEngine(spec: EngineSpec, host: Host): Engine {
  if (spec.command !== null) return { kind: spec.kind, command: [spec.command] };
  switch (spec.kind) {
    case 'bundled':
      return {
        kind: 'bundled',
        command: host.isLocal
          ? [process.execPath, ...NODE_OPTIONS, bundledServerScript()]
          : ['replctl-server'],
      };
    case 'redis':
      return { kind: 'redis', command: ['redis-server'] };
    case 'valkey':
      return { kind: 'valkey', command: ['valkey-server'] };
  }
}

/** From dist/ when bundled, from src/hosts/ when run as sources. */
function bundledServerScript(): string {
  const candidates = ['../bin/server.js', '../../bin/server.js'].map((relative) =>
    fileURLToPath(new URL(relative, import.meta.url)),
  );
  return candidates.find((candidate) => existsSync(candidate)) ?? candidates[0] ?? '';
}

/**
 * Asks the binary for its version, so that what is missing or too old is said before anything starts.
 * Fails with NODE_NOT_STARTED when it is not there or does not answer like a redis-server.
 */
export async function probeEngine(engine: Engine, host: Host): Promise<EngineVersion> {
  const { exitCode, stdout, stderr } = await host.run([...engine.command, '--version']);
  const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (exitCode === 0 && version !== undefined) return { kind: engine.kind, version };
  const command = engine.command.join(' ');
  throw new ReplctlError(
    'NODE_NOT_STARTED',
    exitCode === 127
      ? `${engine.kind}: ${command} is not installed on ${host.name}`
      : `${engine.kind}: ${command} --version on ${host.name} did not answer as a redis-server does (exit ${exitCode ?? 'none'})`,
    { hint: installHint(engine), details: { stdout: firstLine(stdout), stderr: firstLine(stderr) } },
  );
}

function installHint(engine: Engine): string {
  const other = 'name its path with "engine: {kind: …, command: …}", or use "engine: bundled"';
  switch (engine.kind) {
    case 'bundled':
      return 'npm install replctl there, or "npm run build" in a checkout';
    case 'redis':
      return `apt-get install redis-server (brew install redis), ${other}`;
    case 'valkey':
      return `apt-get install valkey-server (brew install valkey), ${other}`;
  }
}

function firstLine(text: string): string {
  return text.trimStart().split('\n')[0] ?? '';
}

/** Oldest release each engine is driven at: PSYNC2, ACL and TLS are all there. */
const MINIMUM_VERSION: Record<EngineKind, string> = { bundled: '7.0.0', redis: '6.0.0', valkey: '7.2.0' };

/** Refuses, before anything starts, a server older than `wanted` (what the file asks for) or than replctl can drive. */
export function requireVersion(
  found: EngineVersion,
  node: string,
  wanted: { readonly version: string; readonly reason: string } | null = null,
): void {
  const minimum = MINIMUM_VERSION[found.kind];
  const needed =
    wanted !== null && compareVersions(wanted.version, minimum) > 0
      ? wanted
      : { version: minimum, reason: 'replctl drives it' };
  if (compareVersions(found.version, needed.version) >= 0) return;
  throw new ReplctlError(
    'NODE_NOT_STARTED',
    `${node}: ${found.kind} ${found.version} is too old: ${needed.reason} from ${needed.version} on`,
    {
      hint: 'install a newer one, or use "engine: bundled"',
      details: { found: found.version, needed: needed.version },
    },
  );
}

/** Negative, zero or positive, comparing `7.0.15` by numbers; missing parts count as 0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) =>
    version.split('.').map((part) => Number.parseInt(part, 10) || 0),
  );
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
