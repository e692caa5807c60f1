import { promote } from '../../src/apply/promote.ts';
import { chain } from '../../src/apply/rearrange.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';

/** Runs a verb and dies, as by SIGKILL, at a step: `crash <file> <at> promote 6381`, `at` being `start:3` or `done:3`. */
const [file = '', at = '', verb = '', ...nodes] = process.argv.slice(2);
const [moment, stage] = at.split(':');
const context = {
  topology: await loadTopology(file),
  command: [verb, ...nodes].join(' '),
  emit: (event: { readonly kind: string; readonly stage?: number }): void => {
    if (event.kind === `step-${moment}` && event.stage === Number(stage))
      process.kill(process.pid, 'SIGKILL');
  },
  signal: new AbortController().signal,
  timeoutMs: 10_000,
};
if (verb === 'promote') await promote(context, nodes[0] ?? '', { isDryRun: false });
else await chain(context, nodes, { isDryRun: false });
