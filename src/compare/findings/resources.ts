import type { LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, declaredValue } from '../scene.ts';
import { isLeftFence } from './unfinished.ts';

/** What keeps a node from taking writes, now or soon. */
export function findResources(scene: Scene): Finding[] {
  return scene.live.flatMap((node) => [
    ...findUnwritable(scene, node),
    ...findSaveFailing(node),
    ...findMemoryPressure(scene, node),
    ...findErrantWrites(node),
  ]);
}

function findUnwritable(scene: Scene, { id, info, config }: LiveNode): Finding[] {
  if (info.replication.role !== 'master') return [];
  const wanted = Number(config.get('min-replicas-to-write') ?? 0);
  const good = Number(info.raw.get('min_slaves_good_slaves') ?? wanted);
  if (wanted === 0 || good >= wanted || isLeftFence(scene, id, 'min-replicas-to-write', String(wanted)))
    return [];
  return [
    {
      code: 'Unwritable',
      severity: 'error',
      node: id,
      message: `${id} refuses writes: ${good} of the ${wanted} good replicas it demands (min-replicas-to-write)`,
      evidence: {
        goodReplicas: good,
        'min-replicas-to-write': wanted,
        'min-replicas-max-lag': config.get('min-replicas-max-lag') ?? null,
        connectedReplicas: info.replication.connectedReplicas,
      },
      mend:
        declaredValue(scene, id, 'min-replicas-to-write') === String(wanted)
          ? 'replctl up'
          : `replctl exec ${id} -- CONFIG SET min-replicas-to-write ${declaredValue(scene, id, 'min-replicas-to-write') ?? 0}`,
    },
  ];
}

function findSaveFailing({ id, info, config }: LiveNode): Finding[] {
  const { lastSaveOk, aofWriteOk, aofRewriteOk } = info.persistence;
  if (lastSaveOk && aofWriteOk && aofRewriteOk) return [];
  const refusesWrites =
    info.replication.role === 'master' &&
    ((!lastSaveOk && config.get('stop-writes-on-bgsave-error') !== 'no' && config.get('save') !== '') ||
      !aofWriteOk);
  const what = [
    ...(lastSaveOk ? [] : ['its last snapshot']),
    ...(aofWriteOk ? [] : ['its append-only file']),
    ...(aofRewriteOk ? [] : ['the rewrite of its append-only file']),
  ];
  return [
    {
      code: 'SaveFailing',
      severity: refusesWrites ? 'error' : 'warning',
      node: id,
      message: `${id} could not write ${what.join(' and ')} to disk${refusesWrites ? ', and refuses writes for it' : ''}`,
      evidence: {
        rdb_last_bgsave_status: lastSaveOk ? 'ok' : 'err',
        aof_last_write_status: aofWriteOk ? 'ok' : 'err',
        aof_last_bgrewrite_status: aofRewriteOk ? 'ok' : 'err',
        dir: config.get('dir') ?? null,
      },
      mend: `replctl exec ${id} -- ${lastSaveOk ? 'BGREWRITEAOF' : 'BGSAVE'}`,
    },
  ];
}

function findMemoryPressure(scene: Scene, { id, info }: LiveNode): Finding[] {
  const { usedBytes, maxBytes, policy } = info.memory;
  if (maxBytes === 0 || usedBytes < maxBytes * scene.limits.memoryShare) return [];
  return [
    {
      code: 'MemoryPressure',
      severity: 'warning',
      node: id,
      message: `${id} uses ${Math.round((usedBytes / maxBytes) * 100)} % of its maxmemory; at 100 % it will ${policy === 'noeviction' ? 'refuse writes' : `evict (${policy})`}`,
      evidence: { usedBytes, maxBytes, policy, evictedKeys: info.stats.evictedKeys },
      mend: null,
    },
  ];
}

function findErrantWrites({ id, info }: LiveNode): Finding[] {
  if (info.replication.link?.isReadOnly !== false) return [];
  return [
    {
      code: 'ErrantWritesPossible',
      severity: 'warning',
      node: id,
      message: `${id} is a replica that accepts writes: what is written there exists nowhere else`,
      evidence: { 'replica-read-only': 'no' },
      mend: `replctl exec ${id} -- CONFIG SET replica-read-only yes`,
    },
  ];
}
