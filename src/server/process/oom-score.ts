import { readFileSync, writeFileSync } from 'node:fs';
import type { LiveConfig } from '../config/live-config.ts';
import type { Server } from '../server.ts';

const FILE = '/proc/self/oom_score_adj';
const LOWEST = -1000;
const HIGHEST = 1000;

/**
 * Keeps the kernel's out-of-memory score of the process as `oom-score-adj` and `oom-score-adj-values` want it for a
 * master or a replica (server.c setOOMScoreAdj). There is no child here, so the third value is never used.
 */
export function followOomScore(server: Server, config: LiveConfig): void {
  /** The score before it was first changed. */
  let base: number | undefined;
  const adjust = (): string | undefined => {
    const mode = config.text('oom-score-adj');
    if (mode === 'no' && base === undefined) return undefined;
    try {
      base ??= Number(readFileSync(FILE, 'latin1'));
      const wanted = mode === 'no' ? base : scoreOf(config, mode === 'absolute' ? 0 : base);
      writeFileSync(FILE, `${String(wanted)}\n`);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      server.log('warning', `Unable to write oom_score_adj: ${error.message}`);
      return 'Failed to set current oom_score_adj. Check server logs.';
    }
    if (mode === 'no') base = undefined;
    return undefined;
  };
  config.onApply('oom-score-adj', adjust);
  config.onApply('oom-score-adj-values', adjust);
  config.onChange('replicaof', () => void adjust());
}

function scoreOf(config: LiveConfig, base: number): number {
  const [master, replica] = config.words('oom-score-adj-values').map(Number);
  const value = config.text('replicaof') === '' ? master : replica;
  return Math.max(LOWEST, Math.min(HIGHEST, base + (value ?? 0)));
}
