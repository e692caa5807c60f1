import { describe, expect, it } from 'vitest';
import type { SimulationResult } from './simulate.ts';

const FIRST = Number(process.env['SIMULATION_SEED'] ?? 1);

/** Runs seeds from SIMULATION_SEED (1) on, SIMULATION_COUNT (`usualCount`) of them; with one its log is printed. */
export function describeSimulation(
  title: string,
  simulateOne: (seed: number) => Promise<SimulationResult>,
  { usualCount, timeoutMs }: { readonly usualCount: number; readonly timeoutMs: number },
): void {
  const count = Number(process.env['SIMULATION_COUNT'] ?? usualCount);
  describe(title, () => {
    it(`becomes one again (seeds ${FIRST} to ${FIRST + count - 1})`, { timeout: timeoutMs }, async () => {
      const totals = { syncFull: 0, syncPartial: 0, promotions: 0, writes: 0 };
      const failures: string[] = [];
      for (let seed = FIRST; seed < FIRST + count; seed += 1) {
        const result = await simulateOne(seed);
        totals.syncFull += result.syncFull;
        totals.syncPartial += result.syncPartial;
        totals.promotions += result.promotions;
        totals.writes += result.writes;
        if (result.failure !== null) failures.push(`SIMULATION_SEED=${seed}: ${result.failure}`);
        if (count === 1) console.log(result.log.join('\n'));
      }
      expect(failures.slice(0, 10)).toEqual([]);
      // A run in which nothing happened would prove nothing.
      expect(Math.min(...Object.values(totals))).toBeGreaterThan(0);
    });

    it('repeats itself from its seed', async () => {
      expect(await simulateOne(FIRST)).toEqual(await simulateOne(FIRST));
    });
  });
}
