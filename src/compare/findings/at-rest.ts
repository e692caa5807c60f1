import type { ConfDirective, LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, addressOf, isInRing, specOf } from '../scene.ts';

/** The relation a node would come back with after a restart, where it is not the one it has now. */
export function findAtRest(scene: Scene): Finding[] {
  return scene.live.flatMap((node): Finding[] => {
    const { conf } = node.process;
    const declared = specOf(scene, node.id)?.parent ?? null;
    const isDeclared =
      (node.follows?.node ?? null) === declared && (declared === null) === (node.follows === null);
    if (conf === null || !isDeclared || isInRing(scene, node.id)) return [];
    const atRest = relationIn(conf);
    const live = node.follows === null ? null : addressOf(node.follows);
    if (atRest === live || isSameNode(scene, node, atRest)) return [];
    return [
      {
        code: 'RestartWillDiverge',
        severity: 'warning',
        node: node.id,
        message: `${node.id} ${live === null ? 'is master' : `follows ${live}`}, but its conf file says ${atRest === null ? 'master' : `replicaof ${atRest}`}: a restart would change it`,
        evidence: { live, confFile: atRest },
        mend: 'replctl up',
      },
    ];
  });
}

/** The last line wins, and `no one` means master. */
function relationIn(conf: readonly ConfDirective[]): string | null {
  const line = conf.findLast(({ name }) => ['replicaof', 'slaveof', 'primaryof'].includes(name));
  const [host = '', port = ''] = line?.args ?? [];
  return line === undefined || host.toLowerCase() === 'no' ? null : addressOf({ host, port: Number(port) });
}

/** The file may spell the same parent in another way: by the name or the announced address of its declaration. */
function isSameNode(scene: Scene, node: LiveNode, atRest: string | null): boolean {
  const parent = specOf(scene, node.follows?.node ?? '');
  if (parent === null || atRest === null) return false;
  const { announce } = parent;
  return (
    atRest === addressOf(parent) ||
    (announce !== null &&
      atRest === addressOf({ host: announce.host ?? parent.host, port: announce.port ?? parent.port }))
  );
}
