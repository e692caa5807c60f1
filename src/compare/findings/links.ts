import type { LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, addressOf, earlierOf, isEmptyMaster, isInRing, liveOf, specOf } from '../scene.ts';
import { canCopy } from './versions.ts';

/** Each replica's edge: whether it is the declared one, and why it does not carry anything when it does not. */
export function findLinks(scene: Scene): Finding[] {
  return scene.live.flatMap((node) => [...findWrongParent(scene, node), ...findBrokenLink(scene, node)]);
}

function findWrongParent(scene: Scene, node: LiveNode): Finding[] {
  const { follows } = node;
  const declared = specOf(scene, node.id)?.parent ?? null;
  if (follows === null || declared === null || follows.node === declared || isInRing(scene, node.id))
    return [];
  return [
    {
      code: 'WrongParent',
      severity: follows.node === null ? 'error' : 'warning',
      node: node.id,
      message: `${node.id} follows ${follows.node ?? `${addressOf(follows)}, which is not in the file`}, declared under ${declared}`,
      evidence: {
        follows: addressOf(follows),
        declaredParent: declared,
        linkUp: node.info.replication.link?.isUp ?? null,
      },
      mend: 'replctl up',
    },
  ];
}

function findBrokenLink(scene: Scene, node: LiveNode): Finding[] {
  const { link } = node.info.replication;
  const { follows } = node;
  if (link === null || link.isUp || follows === null) return [];
  const parent = liveOf(scene, follows.node);
  const isExplained =
    isInRing(scene, node.id) ||
    scene.isFailingOver ||
    (follows.node !== null && parent === null) ||
    (parent !== null &&
      (parent.info.persistence.isLoading || isEmptyMaster(scene, parent) || !canCopy(parent, node)));
  if (isExplained || follows.node === null) return [];
  const answer = node.parentSays;
  if (answer !== null && answer.errorCode !== null) {
    return [
      {
        code: 'AuthBroken',
        severity: 'error',
        node: node.id,
        message: `${node.id} cannot log in to ${follows.node}, which answers -${answer.errorCode} to ${answer.command ?? 'it'}`,
        evidence: {
          parent: follows.node,
          errorCode: answer.errorCode,
          command: answer.command,
          linkState: node.role.role === 'replica' ? node.role.state : null,
          masterauth: node.secrets.masterauth,
        },
        mend: 'replctl up',
      },
    ];
  }
  return [
    findLoop(scene, node, parent) ??
      (link.isSyncing || (node.role.role === 'replica' && node.role.state === 'sync')
        ? {
            code: 'Syncing',
            severity: 'info',
            node: node.id,
            message: `${node.id} is being sent the data of ${follows.node}${link.syncLeftBytes === null ? '' : `, ${link.syncLeftBytes} bytes to go`}`,
            evidence: { parent: follows.node, bytesLeft: link.syncLeftBytes },
            mend: null,
          }
        : {
            code: 'LinkDown',
            severity: 'error',
            node: node.id,
            message: `${node.id} has no link to ${follows.node}${link.downSeconds === null ? ', and never had' : ` since ${link.downSeconds} s`}`,
            evidence: {
              parent: follows.node,
              downSeconds: link.downSeconds,
              linkState: node.role.role === 'replica' ? node.role.state : null,
              parentReplid: parent?.info.replication.replid ?? null,
              replid: node.info.replication.replid,
            },
            mend: `replctl restart ${node.id}`,
          }),
  ];
}

/** Down in both passes, while the parent began one full copy after the other. */
function findLoop(scene: Scene, node: LiveNode, parent: LiveNode | null): Finding | null {
  const before = earlierOf(scene, node.id);
  const parentBefore = parent === null ? null : earlierOf(scene, parent.id);
  if (parent === null || before === null || parentBefore === null) return null;
  const copies = parent.info.stats.syncFull - parentBefore.info.stats.syncFull;
  if (before.info.replication.link?.isUp !== false || copies < 2) return null;
  return {
    code: 'ResyncLoop',
    severity: 'error',
    node: node.id,
    message: `${node.id} never finishes its copy of ${parent.id}, which began ${copies} of them between two looks`,
    evidence: {
      parent: parent.id,
      syncFull: parent.info.stats.syncFull,
      syncFullBefore: parentBefore.info.stats.syncFull,
      outputBufferLimit: parent.config.get('client-output-buffer-limit') ?? null,
      replTimeoutSeconds: parent.config.get('repl-timeout') ?? null,
    },
    mend: `replctl exec ${parent.id} -- CONFIG SET client-output-buffer-limit "replica 0 0 0"`,
  };
}
