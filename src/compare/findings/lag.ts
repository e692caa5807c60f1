import type { LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { measureLag } from '../lag.ts';
import { type Scene, earlierOf, liveOf } from '../scene.ts';

/** Replicas that are linked but behind, by where the bytes wait. */
export function findLag(scene: Scene): Finding[] {
  const lags = measureLag(scene.observation, scene.tree);
  return scene.live.flatMap((node): Finding[] => {
    const { link } = node.info.replication;
    const lag = lags.get(node.id);
    const parent = node.follows?.node ?? null;
    if (link?.isUp !== true || lag === undefined || liveOf(scene, parent) === null) return [];
    const waiting = link.readOffset - link.appliedOffset;
    if (waiting > scene.limits.applyBacklogBytes && isGrowing(scene, node, waiting)) {
      return [
        {
          code: 'SlowApply',
          severity: 'warning',
          node: node.id,
          message: `${node.id} has ${waiting} bytes it received but did not process yet (allowed ${scene.limits.applyBacklogBytes})`,
          evidence: { readOffset: link.readOffset, appliedOffset: link.appliedOffset, waitingBytes: waiting },
          mend: `replctl exec ${node.id} -- CLIENT UNPAUSE, or replctl exec ${node.id} -- SLOWLOG GET 10`,
        },
      ];
    }
    if (lag.ackSeconds !== null && lag.ackSeconds >= scene.limits.ackSeconds) {
      return [
        {
          code: 'AckStalled',
          severity: 'warning',
          node: node.id,
          message: `${parent} has heard no acknowledgement of ${node.id} for ${lag.ackSeconds} s (allowed ${scene.limits.ackSeconds})`,
          evidence: { parent, ackSeconds: lag.ackSeconds, lagBytes: lag.toParentBytes },
          mend: `replctl restart ${node.id}`,
        },
      ];
    }
    if (lag.toParentBytes === null || lag.toParentBytes <= scene.limits.lagBytes) return [];
    return [
      {
        code: 'LagHigh',
        severity: 'warning',
        node: node.id,
        message: `${node.id} is ${lag.toParentBytes} bytes behind ${parent} (allowed ${scene.limits.lagBytes})`,
        evidence: { parent, lagBytes: lag.toParentBytes, lagToRootBytes: lag.toRootBytes },
        mend: null,
      },
    ];
  });
}

/** With one look only, what waits counts; with two, it must not have become less. */
function isGrowing(scene: Scene, node: LiveNode, waiting: number): boolean {
  const before = earlierOf(scene, node.id)?.info.replication.link ?? null;
  return before === null || waiting >= before.readOffset - before.appliedOffset;
}
