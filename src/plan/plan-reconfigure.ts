import type { NodeId } from '../topology/model.ts';
import { liveNodeOf, type LiveView } from './live-view.ts';
import type { ConfigValue, Step } from './step.ts';
import { levelsOf, type Tree } from './tree.ts';

/** A directive of a running node that is not what is declared. */
export interface ConfigDifference {
  readonly node: NodeId;
  readonly directive: string;
  readonly value: ConfigValue;
  /** `live`: CONFIG SET takes it. `restart`: only a new process does. */
  readonly needs: 'live' | 'restart';
}

/** CONFIG SET where that is possible, else a restart; leaves first, the master last. */
export function planReconfigure(
  differences: readonly ConfigDifference[],
  tree: Tree,
  view: LiveView,
): Step[][] {
  const byDepth = levelsOf(tree).reverse();
  return byDepth.flatMap((level) => {
    const running = level.filter((id) => liveNodeOf(view, id) !== null);
    const settings = running.flatMap((node) => planSettings(differences, node));
    const restarts = running.flatMap((node) => planRestart(differences, tree, node));
    return [
      settings,
      ...restarts.map((step) => [
        { kind: 'render-conf', node: step.node, parent: step.parent } as const,
        step,
      ]),
    ]
      .flatMap((stage) =>
        stage.some(({ kind }) => kind === 'restart-node') ? stage.map((step) => [step]) : [stage],
      )
      .filter((stage) => stage.length > 0);
  });
}

function planSettings(differences: readonly ConfigDifference[], node: NodeId): Step[] {
  const directives = differences
    .filter((difference) => difference.node === node && difference.needs === 'live')
    .map(({ directive, value }) => ({ name: directive, value }));
  return directives.length === 0 ? [] : [{ kind: 'config-set', node, directives }];
}

function planRestart(
  differences: readonly ConfigDifference[],
  tree: Tree,
  node: NodeId,
): Extract<Step, { kind: 'restart-node' }>[] {
  const names = differences
    .filter((difference) => difference.node === node && difference.needs === 'restart')
    .map(({ directive }) => directive);
  if (names.length === 0) return [];
  const reason = `${names.join(', ')} ${names.length === 1 ? 'needs' : 'need'} a new process`;
  return [{ kind: 'restart-node', node, parent: tree.get(node) ?? null, reason, resync: null }];
}
