import { describe, expect, it } from 'vitest';
import { SimNode } from './sim-node.ts';
import { simulate } from './simulate.ts';

const FIRST = Number(process.env['SIMULATION_SEED'] ?? 1);
const COUNT = Number(process.env['SIMULATION_COUNT'] ?? 400);

describe('a tree under faults', () => {
  it(`becomes one again (seeds ${FIRST} to ${FIRST + COUNT - 1})`, { timeout: 600_000 }, async () => {
    const totals = { syncFull: 0, syncPartial: 0, promotions: 0, writes: 0 };
    const failures: string[] = [];
    for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) {
      const result = await simulate(seed, (parts) => new SimNode(parts));
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
    const [one, other] = [0, 1].map(() => simulate(FIRST, (parts) => new SimNode(parts)));
    expect(await one).toEqual(await other);
  });
});
