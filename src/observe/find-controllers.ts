import type { Controller } from './observation.ts';
import type { Info } from './parse-info.ts';
import type { Reply } from './reply.ts';

/** Sentinels name their connections `sentinel-<8 of run id>-cmd|pubsub` (sentinel.c, sentinelSetClientName). */
const SENTINEL_NAME = /^sentinel-[0-9a-f]{8}-(?:cmd|pubsub)$/;

/** Who else may act on this node, from `CLIENT LIST TYPE pubsub`: every Sentinel subscribes to every node it watches. */
export function findControllers(info: Info, clients: Reply): Controller[] {
  const isCluster = info.server.mode === 'cluster' || info.raw.get('cluster_enabled') === '1';
  const cluster: Controller[] = isCluster ? [{ kind: 'cluster', name: 'cluster mode', address: '' }] : [];
  if (typeof clients !== 'string') return cluster;
  const sentinels = clients
    .split('\n')
    .map((line) => new Map(line.split(' ').map((pair) => splitPair(pair))))
    .filter((fields) => SENTINEL_NAME.test(fields.get('name') ?? ''))
    .map((fields) => ({
      kind: 'sentinel' as const,
      name: fields.get('name') ?? '',
      address: fields.get('addr') ?? '',
    }));
  return [...cluster, ...sentinels];
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
