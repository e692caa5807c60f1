import type { Finding } from '../finding.ts';
import { type Scene, liveOf } from '../scene.ts';

/** Edges whose link is up but whose two ends do not tell the same story. */
export function findHistory(scene: Scene): Finding[] {
  return scene.live.flatMap((node): Finding[] => {
    const { replication } = node.info;
    const parent = liveOf(scene, node.follows?.node ?? null);
    if (parent === null || replication.link?.isUp !== true) return [];
    const above = parent.info.replication;
    const evidence = {
      parent: parent.id,
      replid: replication.replid,
      parentReplid: above.replid,
      offset: replication.link.appliedOffset,
      parentOffset: above.offset,
    };
    if (replication.replid !== above.replid) {
      return [
        {
          code: 'ForeignHistory',
          severity: 'error',
          node: node.id,
          message: `${node.id} says its link to ${parent.id} is up, but holds another history (${short(replication.replid)}, not ${short(above.replid)})`,
          evidence,
          mend: `replctl restart ${node.id}`,
        },
      ];
    }
    const ahead = replication.link.appliedOffset - above.offset;
    if (ahead <= 0) return [];
    return [
      {
        code: 'ChildAhead',
        severity: 'error',
        node: node.id,
        message: `${node.id} is ${ahead} bytes ahead of ${parent.id}, which it follows`,
        evidence: { ...evidence, aheadBytes: ahead },
        mend: `replctl restart ${node.id}`,
      },
    ];
  });
}

function short(replid: string): string {
  return replid.slice(0, 8);
}
