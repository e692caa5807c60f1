import type { Server } from '../server.ts';
import type { Persistence } from './persistence.ts';

type Fields = readonly (readonly [name: string, value: string | number])[];

/** The fields of INFO's section Persistence, in Redis' order (source: genRedisInfoString in server.c). */
export function describePersistence(server: Server, persistence: Persistence): Fields {
  const { rdb, loading, lastLoad } = persistence;
  const { processed, total } = rdb.progress;
  const isLogHealthy = persistence.log?.lastError === undefined;
  return [
    ['loading', Number(loading?.isAsync === false)],
    ['async_loading', Number(loading?.isAsync === true)],
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', (total === 0 ? 0 : (processed / total) * 100).toFixed(2)],
    ['current_save_keys_processed', processed],
    ['current_save_keys_total', total],
    ['rdb_changes_since_last_save', server.dirty],
    ['rdb_bgsave_in_progress', Number(rdb.isRunning || server.replication?.isSnapshotting === true)],
    ['rdb_last_save_time', rdb.lastSaveAt],
    ['rdb_last_bgsave_status', rdb.hasFailed ? 'err' : 'ok'],
    ['rdb_last_bgsave_time_sec', rdb.lastDuration],
    ['rdb_current_bgsave_time_sec', rdb.currentDuration],
    ['rdb_saves', rdb.saves],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', lastLoad.keysExpired],
    ['rdb_last_load_keys_loaded', lastLoad.keysLoaded],
    ['aof_enabled', Number(persistence.log !== undefined)],
    ['aof_rewrite_in_progress', Number(persistence.isRewriting)],
    ['aof_rewrite_scheduled', Number(persistence.isRewriteScheduled)],
    ['aof_last_rewrite_time_sec', persistence.lastRewriteDuration],
    ['aof_current_rewrite_time_sec', persistence.currentRewriteDuration],
    ['aof_last_bgrewrite_status', persistence.hasRewriteFailed ? 'err' : 'ok'],
    ['aof_rewrites', persistence.rewrites],
    ['aof_rewrites_consecutive_failures', persistence.rewriteFailuresInARow],
    ['aof_last_write_status', isLogHealthy ? 'ok' : 'err'],
    ['aof_last_cow_size', 0],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
    ...describeLog(persistence),
    ...describeLoading(server, persistence),
  ];
}

function describeLog({ log, isRewriteScheduled }: Persistence): Fields {
  if (log === undefined) return [];
  return [
    ['aof_current_size', log.size],
    ['aof_base_size', log.baseSize],
    ['aof_pending_rewrite', Number(isRewriteScheduled)],
    ['aof_buffer_length', log.bufferedBytes],
    ['aof_pending_bio_fsync', Number(log.isSyncing)],
    ['aof_delayed_fsync', log.delayedWrites],
  ];
}

function describeLoading(server: Server, { loading }: Persistence): Fields {
  if (loading === undefined) return [];
  const { startedAt, totalBytes, loadedBytes } = loading;
  const elapsed = Math.floor(server.now / 1000) - startedAt;
  const eta = elapsed === 0 ? 1 : Math.floor((elapsed * (totalBytes - loadedBytes)) / (loadedBytes + 1));
  return [
    ['loading_start_time', startedAt],
    ['loading_total_bytes', totalBytes],
    ['loading_rdb_used_mem', 0],
    ['loading_loaded_bytes', loadedBytes],
    ['loading_loaded_perc', (totalBytes === 0 ? 0 : (loadedBytes / totalBytes) * 100).toFixed(2)],
    ['loading_eta_seconds', eta],
  ];
}
