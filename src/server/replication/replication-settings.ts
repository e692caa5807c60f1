/** The directives replication reads; always the current value, in bytes, milliseconds and binary strings. */
export interface ReplicationSettings {
  readonly backlogSizeBytes: number;
  /** Free the backlog of a master without replicas after so long; 0: never. */
  readonly backlogTtlMs: number;
  readonly timeoutMs: number;
  readonly pingPeriodSeconds: number;
  readonly isDiskless: boolean;
  readonly disklessDelayMs: number;
  readonly disklessMaxReplicas: number;
  readonly minReplicasToWrite: number;
  readonly minReplicasMaxLagMs: number;
  readonly masterUser: string | null;
  readonly masterAuth: string | null;
  /** What we announce as listening-port and, unless null, as ip-address. */
  readonly announcePort: number;
  readonly announceHost: string | null;
  readonly replicaPriority: number;
  readonly isReadOnly: boolean;
  readonly isAnnounced: boolean;
  readonly canServeStaleData: boolean;
  /** client-output-buffer-limit replica. 0: no limit. */
  readonly outputHardLimitBytes: number;
  readonly outputSoftLimitBytes: number;
  readonly outputSoftLimitMs: number;
}

/** The values of a redis.conf that says nothing. */
export const DEFAULT_REPLICATION_SETTINGS: ReplicationSettings = {
  backlogSizeBytes: 1024 * 1024,
  backlogTtlMs: 3_600_000,
  timeoutMs: 60_000,
  pingPeriodSeconds: 10,
  isDiskless: true,
  disklessDelayMs: 5000,
  disklessMaxReplicas: 0,
  minReplicasToWrite: 0,
  minReplicasMaxLagMs: 10_000,
  masterUser: null,
  masterAuth: null,
  announcePort: 6379,
  announceHost: null,
  replicaPriority: 100,
  isReadOnly: true,
  isAnnounced: true,
  canServeStaleData: true,
  outputHardLimitBytes: 256 * 1024 * 1024,
  outputSoftLimitBytes: 64 * 1024 * 1024,
  outputSoftLimitMs: 60_000,
};
