import type { NodeId } from '../topology/model.ts';
import { liveNodeOf, type LiveView } from './live-view.ts';
import { planRestarts } from './plan-restart.ts';
import type { ConfigSet, ConfigValue, Step } from './step.ts';
import type { Tree } from './tree.ts';

/** A directive of a running node that is not what is declared. */
export interface ConfigDifference {
  readonly node: NodeId;
  readonly directive: string;
  readonly value: ConfigValue;
  /** `live`: CONFIG SET takes it. `restart`: only a new process does. */
  readonly needs: 'live' | 'restart';
}

/** CONFIG SET where that is possible, else a restart from the new conf: leaves first, the master last. */
export function planReconfigure(
  differences: readonly ConfigDifference[],
  tree: Tree,
  view: LiveView,
): Step[][] {
  const running = [...tree.keys()].filter((id) => liveNodeOf(view, id) !== null);
  const settings = running.flatMap((node) => planSettings(differences, node));
  const reasons = new Map(
    running.flatMap((node): [NodeId, string][] => {
      const names = differences
        .filter((difference) => difference.node === node && difference.needs === 'restart')
        .map(({ directive }) => directive);
      return names.length === 0
        ? []
        : [[node, `${names.join(', ')} need${names.length === 1 ? 's' : ''} it`]];
    }),
  );
  return [...(settings.length > 0 ? [settings] : []), ...planRestarts(reasons, tree, view)];
}

function planSettings(differences: readonly ConfigDifference[], node: NodeId): ConfigSet[] {
  const directives = differences
    .filter((difference) => difference.node === node && difference.needs === 'live')
    .map(({ directive, value }) => ({ name: directive, value }));
  return directives.length === 0 ? [] : [{ kind: 'config-set', node, directives }];
}
