import { readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { ApplyContext } from '../../src/apply/context.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';
import { nodeFiles } from '../../src/topology/node-files.ts';
import { runVerb, VERBS } from '../support/run-verb.ts';

/**
 * Runs a verb and does harm at a step: `crash FILE AT HARM VERB NODE…`; AT is `start:3` or `done:3`; HARM is `self`, to
 * die as by SIGKILL, or a signal and the node it goes to, `SIGSTOP:6379`, and then the verb goes on as it can. The verb
 * may have restarted that node before: the signal goes to the process it has at the step, whose pid is printed, or
 * `none`. Nothing is printed when the verb gave up before.
 */
const [file = '', at = '', harm = '', verb = '', ...nodes] = process.argv.slice(2);
const [moment, stage] = at.split(':');
const topology = await loadTopology(file);
let isDone = false;
const context: ApplyContext = {
  topology,
  command: [verb, ...nodes].join(' '),
  emit: (event) => {
    if (isDone || event.kind !== `step-${moment}` || !('stage' in event) || event.stage !== Number(stage))
      return;
    isDone = true;
    doHarm();
  },
  signal: new AbortController().signal,
  timeoutMs: harm === 'self' ? 60_000 : 2_500,
};
const known = VERBS.find((name) => name === verb);
if (known === undefined) throw new Error(`no verb ${verb}`);
await runVerb(known, nodes, context, false);

function doHarm(): void {
  if (harm === 'self') process.kill(process.pid, 'SIGKILL');
  const [signal, victim] = harm.split(':');
  const pid = pidOf(victim ?? '');
  if (pid !== null) process.kill(pid, signal);
  process.stdout.write(String(pid ?? 'none'));
}

/** The process that its pidfile names, if it runs in the node's folder: null for a dead node, whose pidfile is stale. */
function pidOf(id: string): number | null {
  const node = topology.nodes.find((spec) => spec.id === id);
  if (node === undefined) return null;
  const { home, pidFile } = nodeFiles(topology, node);
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    return path.relative(home, readlinkSync(`/proc/${pid}/cwd`)) === '' ? pid : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return null;
    throw error;
  }
}
