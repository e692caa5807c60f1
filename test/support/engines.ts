import { spawnSync } from 'node:child_process';

export type TestEngine = 'bundled' | 'redis' | 'valkey';

const BINARIES = { redis: 'redis-server', valkey: 'valkey-server' } as const;

/** Whether the machine can run an engine; the runner prints those that are missing. */
export function hasEngine(engine: TestEngine): boolean {
  if (engine === 'bundled') return true;
  return spawnSync(BINARIES[engine], ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The first number of the version that the binary in PATH tells; undefined when there is none. */
export function majorVersion(binary: 'redis-server' | 'valkey-server'): number | undefined {
  const said = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout;
  return Number(/ v=(\d+)\./.exec(said ?? '')?.[1]) || undefined;
}

export const ENGINES: readonly TestEngine[] = ['bundled', 'redis', 'valkey'];
