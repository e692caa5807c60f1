/**
 * Typed form of one `INFO` (all sections) reply, of Redis 6.0 to 8, Valkey 7.2 to 9 and the bundled server. What a
 * version does not report is null.
 */
export interface Info {
  readonly server: ServerInfo;
  readonly clients: ClientsInfo;
  readonly memory: MemoryInfo;
  readonly persistence: PersistenceInfo;
  readonly stats: StatsInfo;
  readonly replication: ReplicationInfo;
  /** Database number → counts. */
  readonly keyspace: ReadonlyMap<number, { readonly keys: number; readonly expires: number }>;
  readonly raw: ReadonlyMap<string, string>;
}

export interface ServerInfo {
  readonly family: 'redis' | 'valkey' | 'bundled';
  /** Of the family's own counting: `7.0.15`, Valkey `8.0.1`. */
  readonly version: string;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly runId: string;
  readonly pid: number;
  readonly port: number;
  readonly uptimeSeconds: number;
  readonly configFile: string;
  /** It was told to shut down and waits for lagging replicas, at most this long; null when not, and before 7.0. */
  readonly shutdownInMs: number | null;
}

export interface ClientsInfo {
  readonly connected: number;
  readonly blocked: number;
  readonly max: number | null;
  /** Who asked for the pause of clients in force; null when there is none, or the version does not say. */
  readonly pausedReason: string | null;
}

export interface MemoryInfo {
  readonly usedBytes: number;
  /** 0 means no limit. */
  readonly maxBytes: number;
  readonly policy: string;
}

export interface PersistenceInfo {
  readonly isLoading: boolean;
  readonly lastSaveOk: boolean;
  readonly lastSaveAtSeconds: number;
  readonly isSaving: boolean;
  readonly aofEnabled: boolean;
  readonly aofWriteOk: boolean;
  readonly aofRewriteOk: boolean;
}

export interface StatsInfo {
  readonly syncFull: number;
  readonly syncPartialOk: number;
  readonly syncPartialErr: number;
  readonly commandsPerSecond: number;
  /** What the replicas are sent, in kilobytes a second; null before 7.0. */
  readonly replicationOutputKbps: number | null;
  /** What it has had from its masters since its start, data sets and stream; null before 7.0. */
  readonly replicationInputBytes: number | null;
  readonly evictedKeys: number;
}

export interface ReplicationInfo {
  readonly role: 'master' | 'replica';
  /** The link to the master; null for a master. */
  readonly link: LinkInfo | null;
  readonly connectedReplicas: number;
  readonly replicas: readonly ListedReplica[];
  /** `no-failover`, `waiting-for-sync`, `failover-in-progress`; null at 6.0. */
  readonly failoverState: string | null;
  readonly replid: string;
  readonly replid2: string;
  readonly offset: number;
  /** -1 when there is no second replication id. */
  readonly secondOffset: number;
  readonly backlog: {
    readonly isActive: boolean;
    readonly sizeBytes: number;
    readonly firstByteOffset: number;
    readonly histlenBytes: number;
  };
}

export interface LinkInfo {
  readonly host: string;
  readonly port: number;
  readonly isUp: boolean;
  /** -1 when not connected. */
  readonly lastIoSeconds: number;
  readonly isSyncing: boolean;
  /** Bytes of the data set still to come while syncing; null when unknown. */
  readonly syncLeftBytes: number | null;
  /** Received from the master. */
  readonly readOffset: number;
  /** Processed; at 6.0, which does not tell them apart, the same as received. */
  readonly appliedOffset: number;
  /** null while up, and when it never was. */
  readonly downSeconds: number | null;
  readonly priority: number;
  readonly isReadOnly: boolean;
}

export interface ListedReplica {
  readonly host: string;
  readonly port: number;
  /** `online` is the only state in which it gets the stream; others differ by engine and version. */
  readonly state: string;
  /** Last acknowledged. */
  readonly offset: number;
  /** Since the last acknowledgement; counts only when online. */
  readonly lagSeconds: number;
}

/** Never fails: fields that are missing or unreadable get the value of an idle, empty server. */
export function parseInfo(text: string): Info {
  const raw = readFields(text);
  return {
    server: parseServer(raw),
    clients: {
      connected: integer(raw, 'connected_clients'),
      blocked: integer(raw, 'blocked_clients'),
      max: raw.has('maxclients') ? integer(raw, 'maxclients') : null,
      pausedReason: readPausedReason(raw),
    },
    memory: {
      usedBytes: integer(raw, 'used_memory'),
      maxBytes: integer(raw, 'maxmemory'),
      policy: raw.get('maxmemory_policy') ?? 'noeviction',
    },
    persistence: {
      isLoading: flag(raw, 'loading') || flag(raw, 'async_loading'),
      lastSaveOk: isOk(raw, 'rdb_last_bgsave_status'),
      lastSaveAtSeconds: integer(raw, 'rdb_last_save_time'),
      isSaving: flag(raw, 'rdb_bgsave_in_progress'),
      aofEnabled: flag(raw, 'aof_enabled'),
      aofWriteOk: isOk(raw, 'aof_last_write_status'),
      aofRewriteOk: isOk(raw, 'aof_last_bgrewrite_status'),
    },
    stats: {
      syncFull: integer(raw, 'sync_full'),
      syncPartialOk: integer(raw, 'sync_partial_ok'),
      syncPartialErr: integer(raw, 'sync_partial_err'),
      commandsPerSecond: integer(raw, 'instantaneous_ops_per_sec'),
      replicationOutputKbps: raw.has('instantaneous_output_repl_kbps')
        ? Number(raw.get('instantaneous_output_repl_kbps'))
        : null,
      replicationInputBytes: raw.has('total_net_repl_input_bytes')
        ? integer(raw, 'total_net_repl_input_bytes')
        : null,
      evictedKeys: integer(raw, 'evicted_keys'),
    },
    replication: parseReplication(raw),
    keyspace: parseKeyspace(raw),
    raw,
  };
}

export function countKeys(info: Info): number {
  return [...info.keyspace.values()].reduce((sum, { keys }) => sum + keys, 0);
}

function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    // Valkey's dual channel lists `slave0` once per channel: both are kept, under names of their own.
    if (colon > 0 && !line.startsWith('#')) {
      const name = line.slice(0, colon);
      fields.set(fields.has(name) ? `${name}/${fields.size}` : name, line.slice(colon + 1));
    }
  }
  return fields;
}

function parseServer(raw: ReadonlyMap<string, string>): ServerInfo {
  const mode = raw.get('redis_mode') ?? raw.get('server_mode') ?? 'standalone';
  const valkeyVersion = raw.get('valkey_version');
  const family =
    raw.get('redis_build_id') === 'replctl' ? 'bundled' : valkeyVersion === undefined ? 'redis' : 'valkey';
  return {
    family,
    version: (family === 'valkey' ? valkeyVersion : raw.get('redis_version')) ?? '0.0.0',
    mode: mode === 'sentinel' || mode === 'cluster' ? mode : 'standalone',
    runId: raw.get('run_id') ?? '',
    pid: integer(raw, 'process_id'),
    port: integer(raw, 'tcp_port'),
    uptimeSeconds: integer(raw, 'uptime_in_seconds'),
    configFile: raw.get('config_file') ?? '',
    shutdownInMs: raw.has('shutdown_in_milliseconds') ? integer(raw, 'shutdown_in_milliseconds') : null,
  };
}

/** Valkey 8.1 and Redis 8 tell that clients are paused; older ones keep it to themselves. */
function readPausedReason(raw: ReadonlyMap<string, string>): string | null {
  const reason = raw.get('paused_reason');
  return reason === undefined || reason === 'none' || reason === '' ? null : reason;
}

const NO_REPLID = '0'.repeat(40);

function parseReplication(raw: ReadonlyMap<string, string>): ReplicationInfo {
  const isReplica = raw.get('role') === 'slave';
  return {
    role: isReplica ? 'replica' : 'master',
    link: isReplica ? parseLink(raw) : null,
    connectedReplicas: integer(raw, 'connected_slaves'),
    replicas: parseReplicas(raw),
    failoverState: raw.get('master_failover_state') ?? null,
    replid: raw.get('master_replid') ?? '',
    replid2: raw.get('master_replid2') ?? NO_REPLID,
    offset: integer(raw, 'master_repl_offset'),
    secondOffset: integer(raw, 'second_repl_offset', -1),
    backlog: {
      isActive: flag(raw, 'repl_backlog_active'),
      sizeBytes: integer(raw, 'repl_backlog_size'),
      firstByteOffset: integer(raw, 'repl_backlog_first_byte_offset'),
      histlenBytes: integer(raw, 'repl_backlog_histlen'),
    },
  };
}

function parseLink(raw: ReadonlyMap<string, string>): LinkInfo {
  const appliedOffset = integer(raw, 'slave_repl_offset');
  const isUp = raw.get('master_link_status') === 'up';
  const left = integer(raw, 'master_sync_left_bytes', -1);
  return {
    host: raw.get('master_host') ?? '',
    port: integer(raw, 'master_port'),
    isUp,
    lastIoSeconds: integer(raw, 'master_last_io_seconds_ago', -1),
    isSyncing: flag(raw, 'master_sync_in_progress'),
    syncLeftBytes: left >= 0 ? left : null,
    readOffset: integer(raw, 'slave_read_repl_offset', appliedOffset),
    appliedOffset,
    downSeconds: isUp ? null : readDownSeconds(raw),
    priority: integer(raw, 'slave_priority', 100),
    isReadOnly: integer(raw, 'slave_read_only', 1) === 1,
  };
}

/** A link that never was up: 6.0 prints the unix time (now - 0), newer ones -1. */
function readDownSeconds(raw: ReadonlyMap<string, string>): number | null {
  const seconds = integer(raw, 'master_link_down_since_seconds', -1);
  const uptime = integer(raw, 'uptime_in_seconds', Number.MAX_SAFE_INTEGER);
  return seconds < 0 || seconds > uptime + 60 ? null : seconds;
}

/** `slave0:ip=…,port=…,state=…,offset=…,lag=…[,type=…][,io-thread=…]`; addresses may hold colons, never commas. */
function parseReplicas(raw: ReadonlyMap<string, string>): ListedReplica[] {
  const replicas = new Map<string, ListedReplica>();
  const rdbChannels = new Set<string>();
  for (const [name, value] of raw) {
    if (!/^slave\d+(?:\/\d+)?$/.test(name)) continue;
    const fields = new Map(
      value.split(',').map((pair): [string, string] => {
        const equals = pair.indexOf('=');
        return [pair.slice(0, equals), pair.slice(equals + 1)];
      }),
    );
    const key = `${fields.get('ip') ?? ''},${fields.get('port') ?? ''}`;
    const isRdbChannel = fields.get('type') === 'rdb-channel';
    // During a dual-channel sync one replica is listed twice: the channel that carries its stream tells its state.
    if (replicas.has(key) && !rdbChannels.delete(key)) continue;
    if (isRdbChannel) rdbChannels.add(key);
    replicas.set(key, {
      host: fields.get('ip') ?? '',
      port: integer(fields, 'port'),
      state: fields.get('state') ?? '',
      offset: integer(fields, 'offset'),
      lagSeconds: integer(fields, 'lag', -1),
    });
  }
  return [...replicas.values()];
}

/** `db0:keys=1,expires=0,avg_ttl=0[,subexpiry=0]` */
function parseKeyspace(raw: ReadonlyMap<string, string>): Map<number, { keys: number; expires: number }> {
  const databases = new Map<number, { keys: number; expires: number }>();
  for (const [name, value] of raw) {
    const database = /^db(\d+)$/.exec(name)?.[1];
    const counts = /^keys=(\d+),expires=(\d+)/.exec(value);
    if (database !== undefined && counts !== null) {
      databases.set(Number(database), { keys: Number(counts[1]), expires: Number(counts[2]) });
    }
  }
  return databases;
}

function integer(fields: ReadonlyMap<string, string>, name: string, missing = 0): number {
  const value = Number.parseInt(fields.get(name) ?? '', 10);
  return Number.isNaN(value) ? missing : value;
}

function flag(raw: ReadonlyMap<string, string>, name: string): boolean {
  return raw.get(name) === '1';
}

function isOk(raw: ReadonlyMap<string, string>, name: string): boolean {
  return (raw.get(name) ?? 'ok') === 'ok';
}
