import type { NodeId, NodeSpec } from '../../topology/model.ts';
import type { Finding } from '../finding.ts';
import { type Scene, isUnborn } from '../scene.ts';

/** What the user changed in the file since it was last applied. */
export function findNotApplied(scene: Scene): Finding[] {
  if (scene.applied === null) return isUnborn(scene) ? [unborn(scene)] : [];
  const before = new Map(scene.applied.map((node) => [node.id, node]));
  const after = new Map(scene.topology.nodes.map((node) => [node.id, node]));
  const changes: [NodeId, string][] = [
    ...[...after.keys()].filter((id) => !before.has(id)).map((id): [NodeId, string] => [id, 'added']),
    ...[...before.keys()].filter((id) => !after.has(id)).map((id): [NodeId, string] => [id, 'removed']),
    ...[...after].flatMap(([id, node]) => {
      const old = before.get(id);
      const changed = old === undefined ? null : describeChange(old, node);
      return changed === null ? [] : [[id, changed] as [NodeId, string]];
    }),
  ];
  return changes.map(([id, what]) => ({
    code: 'NotApplied',
    severity: 'warning',
    node: id,
    message: `${id} was ${what} in the file, but not yet applied`,
    evidence: { change: what },
    mend: 'replctl up',
  }));
}

function unborn({ topology }: Scene): Finding {
  return {
    code: 'NotApplied',
    severity: 'warning',
    node: null,
    message: `${topology.name} was never brought up`,
    evidence: { nodes: topology.nodes.length },
    mend: 'replctl up',
  };
}

function describeChange(old: NodeSpec, node: NodeSpec): string | null {
  if (old.parent !== node.parent)
    return `moved from ${old.parent ?? 'the top'} to ${node.parent ?? 'the top'}`;
  if (old.host !== node.host || old.port !== node.port) return 'given another address';
  const changed = (Object.keys(node) as (keyof NodeSpec)[]).filter(
    (key) => flat(old[key]) !== flat(node[key]),
  );
  return changed.length === 0 ? null : `changed (${changed.join(', ')})`;
}

function flat(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part instanceof Map ? [...part].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)) : part,
  );
}
