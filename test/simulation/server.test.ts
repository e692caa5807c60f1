import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServerNode } from './server-node.ts';
import { simulate } from './simulate.ts';
import { describeSimulation } from './simulate-seeds.ts';

describeSimulation(
  'a tree of bundled servers under faults',
  async (seed) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replctl-simulation-'));
    try {
      return await simulate(seed, (parts) => new ServerNode(parts, folder));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  { usualCount: 40, timeoutMs: 3_600_000 },
);
