import type { LiveNode } from '../../observe/observation.ts';
import type { ServerInfo } from '../../observe/parse-info.ts';
import type { Finding } from '../finding.ts';
import { type Scene, liveOf } from '../scene.ts';

/** Edges over which a full sync would fail: the parent writes RDB files newer than the replica reads. */
export function findVersions(scene: Scene): Finding[] {
  return scene.live.flatMap((node): Finding[] => {
    const parent = liveOf(scene, node.follows?.node ?? null);
    if (parent === null || canCopy(parent, node)) return [];
    const written = rdbVersion(parent.info.server).writes;
    const read = rdbVersion(node.info.server).reads;
    return [
      {
        code: 'VersionMismatch',
        severity: node.info.replication.link?.isUp === true ? 'warning' : 'error',
        node: node.id,
        message: `${node.id} (${name(node.info.server)}) cannot read a full copy of ${parent.id} (${name(parent.info.server)})`,
        evidence: {
          parent: parent.id,
          parentVersion: name(parent.info.server),
          version: name(node.info.server),
          rdbWritten: written,
          rdbRead: read,
        },
        mend: null,
      },
    ];
  });
}

/** Whether the replica reads what the parent writes for it. */
export function canCopy(parent: LiveNode, node: LiveNode): boolean {
  return rdbVersion(parent.info.server).writes <= rdbVersion(node.info.server).reads;
}

/** RDB_VERSION in each family's rdb.h; the bundled server writes the oldest and reads them all. */
function rdbVersion({ family, version }: ServerInfo): { readonly writes: number; readonly reads: number } {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const number = major * 100 + minor;
  switch (family) {
    case 'bundled':
      return { writes: 9, reads: 80 };
    case 'valkey':
      // Valkey 9 falls back to 11 for replicas that do not announce themselves as 9 or newer.
      return number >= 900 ? { writes: 11, reads: 80 } : { writes: 11, reads: 11 };
    case 'redis': {
      const rdb = number >= 704 ? 12 : number >= 702 ? 11 : number >= 700 ? 10 : 9;
      return { writes: rdb, reads: rdb };
    }
  }
}

function name({ family, version }: ServerInfo): string {
  return `${family} ${version}`;
}
