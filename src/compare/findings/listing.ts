import type { ListedNode, LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, addressOf, specOf } from '../scene.ts';

/** What a parent's list of replicas says, against the replicas that say they follow it. */
export function findListing(scene: Scene): Finding[] {
  return scene.live.flatMap((parent) => {
    const strangers = parent.listed.filter(({ node }) => node === null);
    const missing = scene.live.filter(
      (node) =>
        node.follows?.node === parent.id &&
        node.info.replication.link?.isUp === true &&
        !parent.listed.some((entry) => entry.node === node.id),
    );
    const mismatches = missing.flatMap((node): [LiveNode, ListedNode][] => {
      const index = strangers.findIndex(({ port, host }) => isLikely(scene, node, host, port));
      const [listed] = index < 0 ? strangers.splice(0, 1) : strangers.splice(index, 1);
      return listed === undefined ? [] : [[node, listed]];
    });
    return [
      ...mismatches.map(([node, listed]) => mismatch(parent, node, listed)),
      ...strangers.map((listed) => unknown(parent, listed)),
    ];
  });
}

function isLikely(scene: Scene, node: LiveNode, host: string, port: number): boolean {
  const spec = specOf(scene, node.id);
  return (
    spec?.port === port ||
    spec?.host === host ||
    node.config.get('replica-announce-ip') === host ||
    node.config.get('replica-announce-port') === String(port)
  );
}

function mismatch(parent: LiveNode, node: LiveNode, listed: ListedNode): Finding {
  return {
    code: 'AnnounceMismatch',
    severity: 'warning',
    node: node.id,
    message: `${parent.id} lists ${node.id} as ${addressOf(listed)}, which is not its declared address: others would look for it there`,
    evidence: {
      parent: parent.id,
      listed: addressOf(listed),
      'replica-announce-ip': node.config.get('replica-announce-ip') ?? null,
      'replica-announce-port': node.config.get('replica-announce-port') ?? null,
    },
    mend: `replctl restart ${node.id}`,
  };
}

function unknown(parent: LiveNode, listed: ListedNode): Finding {
  return {
    code: 'UnknownReplica',
    severity: 'warning',
    node: parent.id,
    message: `${parent.id} feeds a replica at ${addressOf(listed)} that the file does not declare`,
    evidence: { address: addressOf(listed), state: listed.state, offset: listed.offset },
    mend: `replctl add ${addressOf(listed)} --under ${parent.id}`,
  };
}
