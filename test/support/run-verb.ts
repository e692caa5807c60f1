import type { ChangeResult } from '../../src/apply/change.ts';
import type { ApplyContext } from '../../src/apply/context.ts';
import { down } from '../../src/apply/down.ts';
import { restartNodes, startNodes, stopNodes } from '../../src/apply/lifecycle.ts';
import { addNode, removeNode } from '../../src/apply/membership.ts';
import { promote, promoteForced } from '../../src/apply/promote.ts';
import { chain, move } from '../../src/apply/rearrange.ts';
import { up } from '../../src/apply/up.ts';

/** Every verb that journals what it does. */
export const VERBS = [
  'promote',
  'promote --force',
  'chain',
  'move',
  'add',
  'remove',
  'up',
  'restart',
  'stop',
  'start',
  'down',
] as const;
export type CrashVerb = (typeof VERBS)[number];

/** Runs a verb's use-case with its arguments as on the command line. */
export function runVerb(
  verb: CrashVerb,
  nodes: readonly string[],
  context: ApplyContext,
  isDryRun: boolean,
): Promise<ChangeResult> {
  const [first = '', second = ''] = nodes;
  switch (verb) {
    case 'promote':
      return promote(context, first, { isDryRun });
    case 'promote --force':
      return promoteForced(context, first, { isDryRun });
    case 'chain':
      return chain(context, nodes, { isDryRun });
    case 'move':
      return move(context, first, second, { isDryRun });
    case 'add':
      return addNode(context, first, second, { isDryRun });
    case 'remove':
      return removeNode(context, first, { isDryRun, isConfirmed: true, rehangsReplicas: true });
    case 'up':
      return up(context, {
        isDryRun,
        allowsRemoval: false,
        restoresRoles: false,
        discardsDiverged: false,
      });
    case 'restart':
      return restartNodes(context, nodes, { isDryRun });
    case 'stop':
      return stopNodes(context, nodes, { isDryRun });
    case 'start':
      return startNodes(context, nodes, { isDryRun });
    case 'down':
      return down(context, { isDryRun, wipe: null });
  }
}
