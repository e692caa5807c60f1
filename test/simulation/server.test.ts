import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ServerNode } from './server-node.ts';
import { simulate, type SimulationResult } from './simulate.ts';

const FIRST = Number(process.env['SIMULATION_SEED'] ?? 1);
const COUNT = Number(process.env['SIMULATION_COUNT'] ?? 40);

describe('a tree of bundled servers under faults', () => {
  it(`becomes one again (seeds ${FIRST} to ${FIRST + COUNT - 1})`, { timeout: 3_600_000 }, async () => {
    const totals = { syncFull: 0, syncPartial: 0, promotions: 0, writes: 0 };
    const failures: string[] = [];
    for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
      const result = await simulateServers(seed);
      totals.syncFull += result.syncFull;
      totals.syncPartial += result.syncPartial;
      totals.promotions += result.promotions;
      totals.writes += result.writes;
      if (result.failure !== null) failures.push(`SIMULATION_SEED=${seed}: ${result.failure}`);
      if (COUNT === 1) console.log(result.log.join('\n'));
    }
    expect(failures.slice(0, 10)).toEqual([]);
    // A run in which nothing happened would prove nothing.
    expect(Math.min(...Object.values(totals))).toBeGreaterThan(0);
  });

  it('repeats itself from its seed', async () => {
    expect(await simulateServers(FIRST)).toEqual(await simulateServers(FIRST));
  });
});

async function simulateServers(seed: number): Promise<SimulationResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-simulation-'));
  try {
    return await simulate(seed, (parts) => new ServerNode(parts, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
