import type { ShutdownPorts } from '../admin/shutdown.ts';
import type { InfoSources } from '../admin/info-sources.ts';
import type { LiveConfig } from '../config/live-config.ts';
import { describePersistence } from '../persistence/describe-persistence.ts';
import { Persistence } from '../persistence/persistence.ts';
import {
  attachReplication,
  followConfigured,
  type ReplicationParts,
} from '../replication/attach-replication.ts';
import { memoryOf, printReplicationInfo } from '../replication/status.ts';
import type { Server } from '../server.ts';

/** What the process does with a server's data at its begin and end. */
export interface DataParts {
  /** Brings in what is on disk. */
  readonly load: () => Promise<void>;
  /** Follows the configured master, if any. */
  readonly follow: () => void;
  readonly persist: ShutdownPorts['persist'];
  readonly replicas: ShutdownPorts['replicas'];
  readonly requestAcks: () => void;
}

/** Hangs replication and the disk into a server, and both into INFO. */
export function attachData(
  server: Server,
  config: LiveConfig,
  sources: InfoSources,
  { connect, createSpool }: Pick<ReplicationParts, 'connect' | 'createSpool'>,
): DataParts {
  const persistence = new Persistence(server);
  const replication = attachReplication(server, {
    connect,
    createSpool,
    fsyncedOffset: () => persistence.log?.syncedOffset ?? null,
    snapshots: persistence.snapshots,
    receiver: persistence.receiver,
  });
  persistence.sources.streamPosition = () => replication.savePosition() ?? undefined;
  persistence.sources.positionLoaded = (position) =>
    replication.restore(position, config.text('replicaof') !== '');
  persistence.sources.expiredAtLoad = (db, key) => {
    server.propagation.addCommand(db, ['DEL', key]);
    server.propagation.settle();
  };
  persistence.sources.logSynced = () => replication.checkWaiters();
  persistence.sources.libraries = () => server.functions.all.map(({ code }) => code);
  persistence.sources.takeLibraries = (codes, policy) => {
    if (codes.length > 0 || server.functions.all.length > 0) server.functions.restore(codes, policy);
  };
  sources.persistence = () => Object.fromEntries(describePersistence(server, persistence));
  sources.replication = () => printReplicationInfo(replication, replication.settings, server.now);
  sources.counters = () => ({
    sync_full: replication.stats.syncFull,
    sync_partial_ok: replication.stats.syncPartialOk,
    sync_partial_err: replication.stats.syncPartialErr,
    number_of_cached_scripts: server.scripting.scriptCount,
    number_of_functions: server.functions.functionCount,
    number_of_libraries: server.functions.all.length,
    used_memory_scripts_eval: server.scripting.scriptBytes,
    ...memoryOf(replication),
    mem_aof_buffer: persistence.log?.bufferedBytes ?? 0,
  });
  return {
    load: () => persistence.loadAtStart(),
    follow: () => followConfigured(server),
    persist: (isSaving, isForced) => persistence.shutDown(isSaving, isForced),
    replicas: () => ({ count: replication.replicas.size, lagging: replication.describeLagging() }),
    requestAcks: () => replication.requestAcks(),
  };
}
