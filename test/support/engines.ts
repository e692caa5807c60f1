import { spawnSync } from 'node:child_process';

export type TestEngine = 'bundled' | 'redis' | 'valkey';

const BINARIES = { redis: 'redis-server', valkey: 'valkey-server' } as const;

/** Whether the machine can run an engine; the runner prints those that are missing. */
export function hasEngine(engine: TestEngine): boolean {
  if (engine === 'bundled') return true;
  return spawnSync(BINARIES[engine], ['--version'], { stdio: 'ignore' }).status === 0;
}

export const ENGINES: readonly TestEngine[] = ['bundled', 'redis', 'valkey'];
