import { findDirective } from '../../conf/directives.ts';
import type { Finding } from '../finding.ts';
import { type Scene, declaredValue } from '../scene.ts';

/** Values that only a switchover sets, and only for its duration (see docs/scenarios and src/plan/step.ts). */
const FENCE_VALUES: ReadonlyMap<string, string> = new Map([
  ['repl-ping-replica-period', '3600'],
  ['min-replicas-to-write', '1000'],
]);

/** What an operation that was cut short leaves behind. */
export function findUnfinished(scene: Scene): Finding[] {
  const { operation } = scene;
  const open: Finding[] =
    operation === null
      ? []
      : [
          {
            code: 'UnfinishedOperation',
            severity: 'error',
            node: null,
            message: `${operation.verb} (${operation.id}) was begun and neither finished nor undone`,
            evidence: { verb: operation.verb, operation: operation.id },
            mend: 'replctl resume, or replctl rollback',
          },
        ];
  return [...open, ...findLeftFences(scene)];
}

function findLeftFences(scene: Scene): Finding[] {
  return scene.live.flatMap((node): Finding[] => {
    const left = [...FENCE_VALUES].filter(([name, value]) =>
      isLeftFence(scene, node.id, name, node.config.get(name), value),
    );
    const paused = node.info.clients.pausedReason;
    if (left.length === 0 && paused === null) return [];
    const what = [
      ...left.map(([name, value]) => `${name} is ${value}`),
      ...(paused === null ? [] : [`clients are paused (${paused})`]),
    ];
    const [name] = left[0] ?? [];
    return [
      {
        code: 'UnfinishedOperation',
        severity: left.some(([name]) => name === 'min-replicas-to-write') ? 'error' : 'warning',
        node: node.id,
        message: `${node.id}: ${what.join(', ')}: left behind by a switchover that was cut short`,
        evidence: { ...Object.fromEntries(left), pausedReason: paused },
        mend:
          scene.operation === null ? liftFence(scene, node.id, name) : 'replctl resume, or replctl rollback',
      },
    ];
  });
}

/** One fence at a time: CONFIG SET takes several directives from 7.0 on only. */
function liftFence(scene: Scene, id: string, name: string | undefined): string {
  if (name === undefined) return `replctl exec ${id} -- CLIENT UNPAUSE`;
  const value = declaredValue(scene, id, name) ?? findDirective(name)?.defaultValue ?? '';
  return `replctl exec ${id} -- CONFIG SET ${name} ${value}`;
}

/** Whether a directive has the value of a fence, and was not declared so. */
export function isLeftFence(
  scene: Scene,
  id: string,
  name: string,
  live: string | undefined,
  fence: string | undefined = FENCE_VALUES.get(name),
): boolean {
  return fence !== undefined && live === fence && declaredValue(scene, id, name) !== fence;
}
