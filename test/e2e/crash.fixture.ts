import { restartNodes } from '../../src/apply/lifecycle.ts';
import { promote } from '../../src/apply/promote.ts';
import { chain, move } from '../../src/apply/rearrange.ts';
import { up } from '../../src/apply/up.ts';
import type { ApplyContext } from '../../src/apply/context.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';

/**
 * Runs a verb and does harm at a step: `crash FILE AT HARM VERB NODE…`; AT is `start:3` or `done:3`; HARM is `self`, to
 * die as by SIGKILL, or a signal and the pid it goes to, `SIGSTOP:4711`, and then the verb goes on as it can.
 */
const [file = '', at = '', harm = '', verb = '', ...nodes] = process.argv.slice(2);
const [moment, stage] = at.split(':');
const [signal, pid] = harm === 'self' ? ['SIGKILL', process.pid] : harm.split(':');
const isDryRun = false;
let isDone = false;
const context: ApplyContext = {
  topology: await loadTopology(file),
  command: [verb, ...nodes].join(' '),
  emit: (event) => {
    if (isDone || event.kind !== `step-${moment}` || !('stage' in event) || event.stage !== Number(stage))
      return;
    isDone = true;
    process.kill(Number(pid), signal);
  },
  signal: new AbortController().signal,
  timeoutMs: harm === 'self' ? 10_000 : 2_500,
};
const [first = '', second = ''] = nodes;
switch (verb) {
  case 'promote':
    await promote(context, first, { isDryRun });
    break;
  case 'chain':
    await chain(context, nodes, { isDryRun });
    break;
  case 'move':
    await move(context, first, second, { isDryRun });
    break;
  case 'restart':
    await restartNodes(context, nodes, { isDryRun });
    break;
  default:
    await up(context, { isDryRun, allowsRemoval: false, restoresRoles: false, discardsDiverged: false });
}
