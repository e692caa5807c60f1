import { closeSync, openSync, readSync } from 'node:fs';
import { crypto } from '../lazy-crypto.ts';

const POOL_BYTES = 4096;
const DEVICE = '/dev/urandom';

/**
 * Integers of 0..below-1 (at most 2^31) that nobody can foretell, from the system's own source: hashes of keys are
 * seeded by it, and ids that must be unique are made of it. crypto's `randomInt` is as good, but slow to load and to
 * run.
 */
export function createRandom(): (below: number) => number {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  const words = new Uint32Array(pool.buffer);
  let at = words.length;
  return (below) => {
    if (below <= 1) return 0;
    if (at === words.length) {
      fill(pool);
      at = 0;
    }
    return Math.floor((words[at++]! / 2 ** 32) * below);
  };
}

function fill(pool: Buffer): void {
  let device: number;
  try {
    device = openSync(DEVICE, 'r');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    crypto().randomFillSync(pool);
    return;
  }
  for (let done = 0; done < pool.length;) done += readSync(device, pool, done, pool.length - done, null);
  closeSync(device);
}
