import type { Step, WaitReady } from '../plan/step.ts';
import { waitUntilReady } from '../observe/wait-until-ready.ts';
import { ReplctlError } from '../errors.ts';
import { canary } from './canary.ts';
import { configSet } from './config-set.ts';
import { fenceDead, promoteForced, proveDead } from './forced-promote.ts';
import { removeNodeFiles, renderConf, restartOne, startOne, stopOne } from './node-process.ts';
import { rehang } from './rehang.ts';
import type { RunEnvironment } from './run-environment.ts';
import { saveDeclaration } from './save-declaration.ts';
import { catchUp, demote, fence, promote, raisePingPeriod, unfence, verifyLink } from './switchover.ts';

/** Carries out one step; resolves to what was measured, for people, or null. `say` tells how it gets on. */
export function executeStep(
  step: Step,
  env: RunEnvironment,
  say: (message: string) => void,
): Promise<string | null> {
  switch (step.kind) {
    case 'render-conf':
      return renderConf(step, env);
    case 'start-node':
      return startOne(step, env);
    case 'stop-node':
      return stopOne(step, env);
    case 'restart-node':
      return restartOne(step, env);
    case 'remove-node-files':
      return removeNodeFiles(step, env);
    case 'config-set':
      return configSet(step, env);
    case 'rehang':
      return rehang(step, env);
    case 'wait-ready':
      return waitReady(step, env, say);
    case 'raise-ping-period':
      return raisePingPeriod(step, env, targetOf(step.node, env));
    case 'fence':
      return fence(step, env);
    case 'catch-up':
      return catchUp(step, env);
    case 'demote':
      return demote(step, env);
    case 'promote':
      return promote(step, env);
    case 'verify-link':
      return verifyLink(step, env);
    case 'unfence':
      return unfence(step, env);
    case 'prove-dead':
      return proveDead(step, env);
    case 'fence-dead':
      return fenceDead(step, env);
    case 'promote-forced':
      return promoteForced(step, env);
    case 'canary':
      return canary(step, env);
    case 'save-declaration':
      return saveDeclaration(env);
  }
}

async function waitReady(
  step: WaitReady,
  env: RunEnvironment,
  say: (message: string) => void,
): Promise<null> {
  const { deployment, context } = env;
  const stats = await waitUntilReady({
    root: deployment.spec(step.root),
    nodes: step.nodes.map((id) => deployment.spec(id)),
    passwordOf: (node) => deployment.access.passwordOf(node),
    timeoutMs: context.timeoutMs,
    signal: context.signal,
    onProgress: (node, verdict) => {
      if (verdict.ready) return;
      const left = verdict.bytesLeft === null ? '' : `, ${verdict.bytesLeft} bytes left`;
      say(`${node}: ${verdict.because}${left}`);
    },
  });
  env.edges.note(stats);
  return null;
}

function targetOf(master: string, env: RunEnvironment): string {
  const step = env.plan.stages.flat().find((other) => other.kind === 'promote' && other.from === master);
  if (step?.kind === 'promote') return step.node;
  throw new ReplctlError('INTERNAL', `a fence on ${master} without a promotion`);
}
