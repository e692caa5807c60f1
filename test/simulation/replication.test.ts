import { SimNode } from './sim-node.ts';
import { simulate } from './simulate.ts';
import { describeSimulation } from './simulate-seeds.ts';

describeSimulation('a tree under faults', (seed) => simulate(seed, (parts) => new SimNode(parts)), {
  usualCount: 400,
  timeoutMs: 600_000,
});
