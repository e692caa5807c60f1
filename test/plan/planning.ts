import {
  DEFAULT_CHANGE_OPTIONS,
  planUp,
  type ChangeQuestion,
  type Decision,
} from '../../src/plan/plan-up.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Tree } from '../../src/plan/tree.ts';
import type { LiveView } from '../../src/plan/live-view.ts';
import type { World } from './world.ts';

export function ask(
  view: LiveView,
  declared: Tree,
  applied: Tree | null,
  more: Partial<ChangeQuestion> = {},
): Decision {
  return planUp({
    verb: 'up',
    deployment: 'test',
    declared,
    applied,
    view,
    configDifferences: [],
    staleConfs: [],
    options: DEFAULT_CHANGE_OPTIONS,
    ...more,
  });
}

export function planOf(decision: Decision): Plan {
  if (decision.kind === 'refused') throw new Error(JSON.stringify(decision.refusals));
  return decision.plan;
}

/** Carries out a plan while clients write. */
export function runAll(world: World, plan: Plan): void {
  for (const stage of plan.stages) {
    for (const step of stage) {
      world.live();
      world.run(step);
    }
  }
  world.live();
}
