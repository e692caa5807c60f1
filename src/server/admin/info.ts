import type { Access } from '../acl/access.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { Server } from '../server.ts';
import type { Tracking } from '../tracking/tracking.ts';
import { ordinaryClientBytes } from './client-memory.ts';
import type { InfoSources } from './info-sources.ts';
import type { LatencyMonitor } from './latency.ts';
import type { ProcessFacts } from './process-facts.ts';
import type { Shutdown } from './shutdown.ts';
import type { Rates } from './rates.ts';
import { VERSION } from './version.ts';

export interface InfoParts {
  readonly process: ProcessFacts;
  readonly shutdown: Shutdown;
  readonly sources: InfoSources;
  readonly access: () => Access;
  readonly pubsub: PubSub;
  readonly tracking: Tracking;
  readonly rates: Rates;
  readonly latency: LatencyMonitor;
}

type Fields = Record<string, string | number>;

/** Every section, in the order of the reply. */
export const ALL_SECTIONS: readonly string[] = [
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'modules',
  'commandstats',
  'errorstats',
  'latencystats',
  'cluster',
  'keyspace',
];
const DEFAULT_SECTIONS = ALL_SECTIONS.filter((name) => name !== 'commandstats' && name !== 'latencystats');

/** The text of INFO for the sections asked for; none means the default ones (`genRedisInfoString` in server.c). */
export function printInfo(server: Server, parts: InfoParts, wanted: readonly string[]): string {
  const names = new Set(wanted.map((name) => name.toLowerCase()));
  if (names.size === 0) names.add('default');
  const isAll = names.has('all') || names.has('everything');
  const shown = ALL_SECTIONS.filter(
    (name) => isAll || names.has(name) || (names.has('default') && DEFAULT_SECTIONS.includes(name)),
  );
  if (names.has('debug')) shown.push('debug');
  return shown.map((name) => printSection(name, server, parts)).join('\r\n');
}

function printSection(name: string, server: Server, parts: InfoParts): string {
  switch (name) {
    case 'server':
      return print('Server', serverFields(server, parts));
    case 'clients':
      return print('Clients', clientFields(server, parts));
    case 'memory':
      return print('Memory', memoryFields(server, parts));
    case 'persistence':
      return print('Persistence', parts.sources.persistence());
    case 'stats':
      return print('Stats', overlay(statFields(server, parts), parts.sources.counters()));
    case 'replication':
      return ['# Replication', ...parts.sources.replication(), ''].join('\r\n');
    case 'cpu':
      return print('CPU', cpuFields(parts.process));
    case 'modules':
      return print('Modules', {});
    case 'commandstats':
      return print('Commandstats', commandFields(server));
    case 'errorstats':
      return print('Errorstats', errorFields(server));
    case 'latencystats':
      return print('Latencystats', parts.latency.percentiles(server));
    case 'debug':
      return print('Debug', debugFields(server));
    case 'cluster':
      return print('Cluster', { cluster_enabled: 0 });
    default:
      return print('Keyspace', keyspaceFields(server));
  }
}

function print(title: string, fields: Readonly<Fields>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}:${String(value)}`);
  return [`# ${title}`, ...lines, ''].join('\r\n');
}

/** Values of known fields only: a section's order is fixed. */
function overlay(fields: Fields, values: Readonly<Fields>): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, values[name] ?? value]));
}

function serverFields(server: Server, { process, shutdown }: InfoParts): Fields {
  const shutdownMs = shutdown.remainingMs(server);
  const uptime = Math.floor((server.now - server.startedAt) / 1000);
  const hertz = server.config.text('hz');
  return {
    redis_version: VERSION,
    redis_git_sha1: '00000000',
    redis_git_dirty: 0,
    // As in `--version`: what tells this server from the one it stands for.
    redis_build_id: 'replctl',
    redis_mode: 'standalone',
    os: process.osName,
    arch_bits: 64,
    monotonic_clock: 'POSIX clock_gettime',
    multiplexing_api: 'epoll',
    atomicvar_api: 'c11-builtin',
    gcc_version: '0.0.0',
    process_id: process.pid,
    process_supervised: 'no',
    run_id: server.runId,
    tcp_port: process.tcpPort(),
    server_time_usec: Math.round(server.clock.now() * 1000),
    uptime_in_seconds: uptime,
    uptime_in_days: Math.floor(uptime / 86_400),
    hz: hertz,
    configured_hz: hertz,
    lru_clock: Math.floor(server.now / 1000) & 0xff_ffff,
    executable: process.executable,
    config_file: process.configFile,
    io_threads_active: 0,
    ...(shutdownMs === undefined ? {} : { shutdown_in_milliseconds: Math.ceil(shutdownMs) }),
  };
}

function clientFields(server: Server, { tracking, pubsub }: InfoParts): Fields {
  const clients = [...server.clients.values()];
  return {
    connected_clients: clients.filter(({ isOrdinary }) => isOrdinary).length,
    cluster_connections: 0,
    maxclients: server.config.text('maxclients'),
    client_recent_max_input_buffer: Math.max(0, ...clients.map((client) => client.queryCapacity)),
    client_recent_max_output_buffer: Math.max(
      0,
      ...clients.map(({ transport }) => transport?.pendingBytes ?? 0),
    ),
    blocked_clients: server.blocking.blocks.size + server.postponed.size,
    tracking_clients: tracking.modes.size,
    pubsub_clients: pubsub.clientCount,
    watching_clients: clients.filter(({ watched }) => watched !== undefined).length,
    clients_in_timeout_table: [...server.blocking.blocks].filter(({ timer }) => timer !== undefined).length,
    total_watched_keys: new Set(clients.flatMap(({ watched }) => [...(watched ?? [])])).size,
    total_blocking_keys: server.blocking.keys.size,
    total_blocking_keys_on_nokey: server.blocking.keysAwaitedGone,
  };
}

/** Fields of INFO memory, beside the ordinary clients, that used_memory holds and maxmemory does not limit. */
const UNCOUNTED = ['mem_total_replication_buffers', 'mem_aof_buffer', 'used_memory_scripts_eval'];

/** `used_memory` is what is held for data and connections; the code and the garbage of the runtime are in the RSS. */
function memoryFields(server: Server, { process, sources }: InfoParts): Fields {
  const counters = sources.counters();
  const data = server.keyspace.usedBytes;
  const clients = ordinaryClientBytes(server);
  // What maxmemory does not limit: it is there for a while, or of a size set by other directives.
  const overhead = UNCOUNTED.reduce((sum, name) => sum + Number(counters[name] ?? 0), clients);
  const used = data + overhead;
  server.stats.peakMemoryBytes = Math.max(server.stats.peakMemoryBytes, used);
  const peak = server.stats.peakMemoryBytes;
  const { rss, heapTotal, heapUsed } = process.memory();
  const maxMemory = server.config.number('maxmemory');
  const fields: Fields = {
    used_memory: used,
    used_memory_human: formatBytes(used),
    used_memory_rss: rss,
    used_memory_rss_human: formatBytes(rss),
    used_memory_peak: peak,
    used_memory_peak_human: formatBytes(peak),
    used_memory_peak_perc: percent(used, peak),
    used_memory_overhead: overhead,
    used_memory_startup: 0,
    used_memory_dataset: data,
    used_memory_dataset_perc: percent(data, used),
    allocator_allocated: heapUsed,
    allocator_active: heapTotal,
    allocator_resident: rss,
    total_system_memory: process.totalMemoryBytes,
    total_system_memory_human: formatBytes(process.totalMemoryBytes),
    used_memory_lua: 0,
    used_memory_vm_eval: 0,
    used_memory_lua_human: '0B',
    used_memory_scripts_eval: 0,
    number_of_cached_scripts: 0,
    number_of_functions: 0,
    number_of_libraries: 0,
    used_memory_vm_functions: 0,
    used_memory_vm_total: 0,
    used_memory_vm_total_human: '0B',
    used_memory_functions: 0,
    used_memory_scripts: 0,
    used_memory_scripts_human: '0B',
    maxmemory: maxMemory,
    maxmemory_human: formatBytes(maxMemory),
    maxmemory_policy: server.config.text('maxmemory-policy'),
    allocator_frag_ratio: ratio(heapTotal, heapUsed),
    allocator_frag_bytes: heapTotal - heapUsed,
    allocator_rss_ratio: ratio(rss, heapTotal),
    allocator_rss_bytes: rss - heapTotal,
    rss_overhead_ratio: '1.00',
    rss_overhead_bytes: 0,
    mem_fragmentation_ratio: ratio(rss, used),
    mem_fragmentation_bytes: rss - used,
    mem_not_counted_for_evict: overhead - clients,
    mem_replication_backlog: 0,
    mem_total_replication_buffers: 0,
    mem_clients_slaves: 0,
    mem_clients_normal: clients,
    mem_cluster_links: 0,
    mem_aof_buffer: 0,
    mem_allocator: 'node',
    active_defrag_running: 0,
    lazyfree_pending_objects: 0,
    lazyfreed_objects: 0,
  };
  return overlay(fields, counters);
}

function statFields(server: Server, { pubsub, tracking, access, rates }: InfoParts): Fields {
  const { stats } = server;
  const denied = access().log.counts;
  return {
    total_connections_received: stats.connectionsReceived,
    total_commands_processed: stats.commandsProcessed,
    instantaneous_ops_per_sec: Math.round(rates.commandsPerSecond),
    total_net_input_bytes: stats.netInputBytes + stats.replInputBytes,
    total_net_output_bytes: stats.netOutputBytes + stats.replOutputBytes,
    total_net_repl_input_bytes: stats.replInputBytes,
    total_net_repl_output_bytes: stats.replOutputBytes,
    instantaneous_input_kbps: kilobytes(rates.inputBytesPerSecond),
    instantaneous_output_kbps: kilobytes(rates.outputBytesPerSecond),
    instantaneous_input_repl_kbps: kilobytes(rates.replInputBytesPerSecond),
    instantaneous_output_repl_kbps: kilobytes(rates.replOutputBytesPerSecond),
    rejected_connections: stats.connectionsRejected,
    sync_full: 0,
    sync_partial_ok: 0,
    sync_partial_err: 0,
    expired_keys: stats.expiredKeys,
    expired_subkeys: stats.expiredFields,
    expired_stale_perc: '0.00',
    expired_time_cap_reached_count: 0,
    expire_cycle_cpu_milliseconds: 0,
    evicted_keys: stats.evictedKeys,
    evicted_clients: stats.evictedClients,
    total_eviction_exceeded_time: 0,
    current_eviction_exceeded_time: 0,
    keyspace_hits: stats.keyspaceHits,
    keyspace_misses: stats.keyspaceMisses,
    pubsub_channels: pubsub.active('channel').length,
    pubsub_patterns: pubsub.active('pattern').length,
    pubsubshard_channels: pubsub.active('shard').length,
    latest_fork_usec: 0,
    total_forks: stats.snapshots,
    migrate_cached_sockets: server.exchanger.keptCount,
    slave_expires_tracked_keys: server.expiry.ownKeyCount,
    active_defrag_hits: 0,
    active_defrag_misses: 0,
    active_defrag_key_hits: 0,
    active_defrag_key_misses: 0,
    total_active_defrag_time: 0,
    current_active_defrag_time: 0,
    tracking_total_keys: tracking.keyCount,
    tracking_total_items: tracking.itemCount,
    tracking_total_prefixes: tracking.prefixCount,
    unexpected_error_replies: stats.unexpectedErrorReplies,
    total_error_replies: stats.errorReplies,
    dump_payload_sanitizations: 0,
    total_reads_processed: stats.commandsProcessed,
    total_writes_processed: stats.commandsProcessed,
    io_threaded_reads_processed: 0,
    io_threaded_writes_processed: 0,
    reply_buffer_shrinks: 0,
    reply_buffer_expands: 0,
    eventloop_cycles: stats.cycles,
    eventloop_duration_sum: Math.round(stats.cycleMs * 1000),
    eventloop_duration_cmd_sum: Math.round(stats.commandMs * 1000),
    instantaneous_eventloop_cycles_per_sec: Math.round(rates.cyclesPerSecond),
    instantaneous_eventloop_duration_usec: Math.round(rates.cycleUsec),
    acl_access_denied_auth: denied.auth,
    acl_access_denied_cmd: denied.command,
    acl_access_denied_key: denied.key,
    acl_access_denied_channel: denied.channel,
  };
}

function kilobytes(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}

/** Shown only when asked for by name. */
function debugFields({ stats }: Server): Fields {
  return {
    eventloop_duration_aof_sum: 0,
    eventloop_duration_cron_sum: Math.round(stats.cronMs * 1000),
    eventloop_duration_max: Math.round(stats.longestCycleMs * 1000),
    eventloop_cmd_per_cycle_max: stats.mostCommandsInCycle,
  };
}

function cpuFields({ cpu }: ProcessFacts): Fields {
  const { system, user } = cpu();
  const seconds = (usec: number): string => (usec / 1e6).toFixed(6);
  return {
    used_cpu_sys: seconds(system),
    used_cpu_user: seconds(user),
    used_cpu_sys_children: '0.000000',
    used_cpu_user_children: '0.000000',
    used_cpu_sys_main_thread: seconds(system),
    used_cpu_user_main_thread: seconds(user),
  };
}

function commandFields(server: Server): Fields {
  const fields: Fields = {};
  for (const { name, stats } of server.commands.all()) {
    if (stats.calls === 0 && stats.failed === 0 && stats.rejected === 0) continue;
    const usecPerCall = stats.calls === 0 ? 0 : stats.usec / stats.calls;
    fields[`cmdstat_${name}`] =
      `calls=${String(stats.calls)},usec=${String(Math.round(stats.usec))},usec_per_call=${usecPerCall.toFixed(2)},` +
      `rejected_calls=${String(stats.rejected)},failed_calls=${String(stats.failed)}`;
  }
  return fields;
}

function errorFields({ stats }: Server): Fields {
  const codes = [...stats.errors].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(codes.map(([code, count]) => [`errorstat_${code}`, `count=${String(count)}`]));
}

function keyspaceFields(server: Server): Fields {
  const fields: Fields = {};
  for (let index = 0; index < server.keyspace.count; index += 1) {
    const db = server.keyspace.dbIfUsed(index);
    if (db === undefined || db.size === 0) continue;
    fields[`db${String(index)}`] = `keys=${String(db.size)},expires=${String(db.expires.count)},avg_ttl=0`;
  }
  return fields;
}

/** Bytes for people, as Redis writes them (`bytesToHuman` in util.c). */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)}B`;
  const units = ['K', 'M', 'G', 'T', 'P'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(2)}${units[unit] ?? ''}`;
}

function percent(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(2)}%`;
}

function ratio(part: number, whole: number): string {
  return (whole === 0 ? 0 : part / whole).toFixed(2);
}
