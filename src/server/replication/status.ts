import type { Replication } from './replication.ts';
import { lagSeconds } from './replica-set.ts';
import type { ReplicationSettings } from './replication-settings.ts';

/** The lines of INFO replication, in the order of redis 7.0 (server.c `genRedisInfoString`), without the header. */
export function printReplicationInfo(
  replication: Replication,
  settings: ReplicationSettings,
  nowMs: number,
): string[] {
  const { history, backlog, failover } = replication;
  const lines = [`role:${replication.isReplica ? 'slave' : 'master'}`];
  if (replication.isReplica) lines.push(...printLink(replication, settings, nowMs));
  lines.push(`connected_slaves:${replication.replicas.size}`);
  if (settings.minReplicasToWrite > 0 && settings.minReplicasMaxLagMs > 0) {
    lines.push(`min_slaves_good_slaves:${replication.countGoodReplicas()}`);
  }
  let index = 0;
  for (const session of replication.replicas) {
    const lag = session.isOnline ? lagSeconds(session, nowMs) : 0;
    lines.push(
      `slave${index}:ip=${session.host},port=${session.listeningPort},state=${session.stateName},offset=${session.ackedOffset},lag=${lag}`,
    );
    index += 1;
  }
  lines.push(
    `master_failover_state:${failover.phase}`,
    `master_replid:${history.replid}`,
    `master_replid2:${history.replid2}`,
    `master_repl_offset:${replication.offset}`,
    `second_repl_offset:${history.secondReplidOffset}`,
    `repl_backlog_active:${backlog === null ? 0 : 1}`,
    `repl_backlog_size:${settings.backlogSizeBytes}`,
    `repl_backlog_first_byte_offset:${backlog === null ? 0 : backlog.firstByteOffset}`,
    `repl_backlog_histlen:${backlog === null ? 0 : backlog.histlen}`,
  );
  return lines;
}

/** The fields of INFO memory that replication answers for (object.c `getMemoryOverheadData`). */
export function memoryOf({ backlog, replicas, settings }: Replication): Record<string, number> {
  const heldBytes = backlog?.heldBytes ?? 0;
  const ownBytes = replicas.size > 0 ? Math.min(heldBytes, settings.backlogSizeBytes) : heldBytes;
  return {
    mem_replication_backlog: ownBytes,
    mem_total_replication_buffers: heldBytes,
    mem_clients_slaves: heldBytes - ownBytes,
  };
}

function printLink(replication: Replication, settings: ReplicationSettings, nowMs: number): string[] {
  const { link, masterLink, isLinkUp } = replication;
  const isSyncing = link.phase === 'transfer';
  const secondsSinceIo = Math.floor((nowMs - link.lastIoMs) / 1000);
  const lines = [
    `master_host:${link.master?.host ?? ''}`,
    `master_port:${link.master?.port ?? 0}`,
    `master_link_status:${isLinkUp ? 'up' : 'down'}`,
    `master_last_io_seconds_ago:${isLinkUp ? secondsSinceIo : -1}`,
    `master_sync_in_progress:${isSyncing ? 1 : 0}`,
    `slave_read_repl_offset:${replication.readOffset}`,
    `slave_repl_offset:${replication.offset}`,
  ];
  if (isSyncing) {
    const totalBytes = masterLink.transferTotalBytes ?? 0;
    const readBytes = masterLink.transferReadBytes;
    const percent = totalBytes === 0 ? 0 : (readBytes / totalBytes) * 100;
    lines.push(
      `master_sync_total_bytes:${totalBytes}`,
      `master_sync_read_bytes:${readBytes}`,
      `master_sync_left_bytes:${totalBytes - readBytes}`,
      `master_sync_perc:${percent.toFixed(2)}`,
      `master_sync_last_io_seconds_ago:${secondsSinceIo}`,
    );
  }
  if (!isLinkUp) {
    const downSeconds = link.downSinceMs === null ? -1 : Math.floor((nowMs - link.downSinceMs) / 1000);
    lines.push(`master_link_down_since_seconds:${downSeconds}`);
  }
  lines.push(
    `slave_priority:${settings.replicaPriority}`,
    `slave_read_only:${settings.isReadOnly ? 1 : 0}`,
    `replica_announced:${settings.isAnnounced ? 1 : 0}`,
  );
  return lines;
}
