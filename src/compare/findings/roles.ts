import type { Finding } from '../finding.ts';
import { type Scene, addressOf, liveOf } from '../scene.ts';

/** Who is master, when it is not exactly the declared one. */
export function findRoles(scene: Scene): Finding[] {
  return [...findStuckFailover(scene), ...findRings(scene), ...findMissingMaster(scene)];
}

function findStuckFailover(scene: Scene): Finding[] {
  return scene.live.flatMap(({ id, info }): Finding[] => {
    const state = info.replication.failoverState ?? 'no-failover';
    if (state === 'no-failover') return [];
    return [
      {
        code: 'StuckFailover',
        severity: scene.masters.length === 0 ? 'error' : 'warning',
        node: id,
        message: `${id} is in a failover of its own (${state})${scene.masters.length === 0 ? ', and there is no master' : ''}`,
        evidence: { master_failover_state: state, masters: scene.masters.length },
        mend: `replctl exec ${id} -- FAILOVER ABORT`,
      },
    ];
  });
}

function findRings(scene: Scene): Finding[] {
  return scene.rings.map((ring) => ({
    code: 'ReplicationRing',
    severity: 'error',
    node: ring[0] ?? null,
    message: `${[...ring, ring[0]].join(' follows ')}: nobody in this ring can be written`,
    evidence: { ring: ring.join(', '), masters: scene.masters.length },
    mend: 'replctl up',
  }));
}

function findMissingMaster(scene: Scene): Finding[] {
  const declared = liveOf(scene, scene.master);
  const [actual, ...more] = scene.masters;
  if (actual?.id === scene.master || more.length > 0) return [];
  if (actual !== undefined) {
    return [
      {
        code: 'WrongRole',
        severity: 'error',
        node: actual.id,
        message: `${actual.id} is the master, where the file declares ${scene.master}`,
        evidence: {
          master: actual.id,
          declaredMaster: scene.master,
          declaredMasterIs: declared === null ? 'down' : declared.role.role,
          replid2: actual.info.replication.replid2,
          secondOffset: actual.info.replication.secondOffset,
        },
        mend: declared === null ? 'replctl adopt' : 'replctl adopt, or replctl up --restore-roles',
      },
    ];
  }
  if (declared === null || scene.isFailingOver || scene.rings.length > 0) return [];
  return [
    {
      code: 'NoMaster',
      severity: 'error',
      node: scene.master,
      message: `no node is master: ${scene.master} follows ${declared.follows === null ? 'nobody' : addressOf(declared.follows)}`,
      evidence: {
        follows: declared.follows === null ? null : addressOf(declared.follows),
        isDeclaredNode: declared.follows?.node !== null,
        linkUp: declared.info.replication.link?.isUp ?? null,
      },
      mend: 'replctl up --restore-roles',
    },
  ];
}
