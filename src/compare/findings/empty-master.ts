import type { Finding } from '../finding.ts';
import { type Scene, countKeys, endangered, isEmptyMaster } from '../scene.ts';

/** A master that lost its data, seen before its replicas copy the emptiness. */
export function findEmptyMaster(scene: Scene): Finding[] {
  return scene.masters
    .filter((node) => isEmptyMaster(scene, node))
    .map((node): Finding => {
      const holders = endangered(scene, node).sort(
        (a, b) => b.info.replication.offset - a.info.replication.offset || countKeys(b) - countKeys(a),
      );
      const best = holders[0]?.id ?? null;
      return {
        code: 'EmptyMaster',
        severity: 'error',
        node: node.id,
        message: `${node.id} is a master without keys, while ${holders.map(({ id }) => id).join(', ')} still hold data that their next sync with it would wipe`,
        evidence: {
          masterKeys: 0,
          masterReplid: node.info.replication.replid,
          replicaKeys: Math.max(...holders.map(countKeys)),
          replicaReplid: holders[0]?.info.replication.replid ?? null,
          uptimeSeconds: node.info.server.uptimeSeconds,
        },
        mend: best === null ? null : `replctl promote ${best} --force`,
      };
    });
}
