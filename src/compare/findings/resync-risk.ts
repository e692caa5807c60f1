import type { LiveNode } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, earlierOf, elapsedMs } from '../scene.ts';

const DEFAULT_BACKLOG_BYTES = 1024 * 1024;

/** Parents from whose backlog a replica could not resume after a short cut: it would be sent everything again. */
export function findResyncRisk(scene: Scene): Finding[] {
  return scene.live.flatMap((node): Finding[] => {
    const children = scene.live.filter(({ follows }) => follows?.node === node.id);
    const { backlog } = node.info.replication;
    if (children.length === 0) return [];
    const rate = writeRate(scene, node);
    const reconnectSeconds = isModern(node) ? 0.2 : 2;
    const needed = Math.ceil(scene.limits.backlogHeadroom * rate * reconnectSeconds);
    const isLinked = children.some(({ info }) => info.replication.link?.isUp === true);
    const lacks =
      isLinked && !backlog.isActive ? 'has no backlog' : needed > backlog.sizeBytes ? 'small' : null;
    if (lacks === null) return [];
    return [
      {
        code: 'ResyncRisk',
        severity: 'warning',
        node: node.id,
        message:
          lacks === 'small'
            ? `the backlog of ${node.id} (${backlog.sizeBytes} bytes) is too small for its ${Math.round(rate)} bytes/s: a short cut of a link would need a full copy (${needed} bytes wanted); declared as repl-backlog-size: ${roomFor(needed)} it stays`
            : `${node.id} has replicas but no backlog: any cut of a link would need a full copy`,
        evidence: {
          backlogBytes: backlog.sizeBytes,
          backlogActive: backlog.isActive,
          bytesPerSecond: Math.round(rate),
          neededBytes: needed,
        },
        mend:
          lacks === 'small'
            ? `replctl exec ${node.id} -- CONFIG SET repl-backlog-size ${roomFor(needed)}`
            : null,
      },
    ];
  });
}

/** Twice what is needed now, as a power of two, and never less than servers have by default. */
function roomFor(bytes: number): number {
  return Math.max(DEFAULT_BACKLOG_BYTES, 2 ** Math.ceil(Math.log2(Math.max(1, 2 * bytes))));
}

/** Bytes of stream a second: between two looks, else as the server counts what it sends per replica. */
function writeRate(scene: Scene, node: LiveNode): number {
  const before = earlierOf(scene, node.id);
  const elapsed = elapsedMs(scene);
  const { replication, stats } = node.info;
  if (before !== null && elapsed !== null && before.info.replication.replid === replication.replid) {
    return Math.max(0, replication.offset - before.info.replication.offset) / (elapsed / 1000);
  }
  return ((stats.replicationOutputKbps ?? 0) * 1024) / Math.max(1, replication.connectedReplicas);
}

/** From 7.0 a replica reconnects at once; before, at the next turn of its one-second cron. */
function isModern({ info: { server } }: LiveNode): boolean {
  return server.family !== 'redis' || Number.parseInt(server.version, 10) >= 7;
}
