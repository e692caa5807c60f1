import type { Directive, ValueKind } from './directive.ts';

const INT_MAX = 2n ** 31n - 1n;
const UINT_MAX = 2n ** 32n - 1n;
const LONG_MAX = 2n ** 63n - 1n;
const ULONG_MAX = 2n ** 64n - 1n;
const MB = 1024n * 1024n;

const NO_CLUSTER = 'the bundled server has no cluster mode';
const NO_THREADS = 'one event loop does all work; there are no I/O threads';
const NO_FREE_THREAD = 'memory is freed by the garbage collector, never in the way of a command';
const NO_DEFRAG = 'there is no jemalloc to defragment';
const NO_CPULIST = 'Node.js has no call to pin threads to cores';
const NO_SYSLOG = 'logging goes to logfile or stdout';
const NO_ENCODING = 'the keyspace has its own representation; OBJECT ENCODING reports by these limits only';
const NO_CRASH = 'a JavaScript exception carries its own stack trace';

type Extras = Partial<Omit<Directive, 'name' | 'kind' | 'defaultValue'>> & {
  readonly alias?: string;
  readonly foreign?: string;
};

function define(name: string, kind: ValueKind, defaultValue: string, extras: Extras): Directive {
  const { alias, foreign, ...rest } = extras;
  return {
    name,
    aliases: alias === undefined ? [] : [alias],
    foreignAliases: foreign === undefined ? [] : [foreign],
    kind,
    defaultValue,
    family: 'redis 7.2',
    runtime: true,
    guarded: false,
    repeats: false,
    multiple: false,
    hidden: false,
    secret: false,
    notWhileLoading: false,
    ...rest,
  };
}

const bool = (name: string, on: boolean, extras: Extras = {}): Directive =>
  define(name, { type: 'bool' }, on ? 'yes' : 'no', extras);

const integer = (name: string, min: bigint, max: bigint, value: number, extras: Extras = {}): Directive =>
  define(name, { type: 'integer', min, max }, String(value), extras);

const memory = (name: string, min: bigint, max: bigint, value: bigint, extras: Extras = {}): Directive =>
  define(name, { type: 'memory', min, max, percent: false }, String(value), extras);

const text = (name: string, value = '', extras: Extras = {}): Directive =>
  define(name, { type: 'string' }, value, extras);

const oneOf = (name: string, words: readonly string[], value: string, extras: Extras = {}): Directive =>
  define(name, { type: 'enum', words, list: extras.multiple === true }, value, extras);

const line = (name: string, minArgs: number, maxArgs: number, extras: Extras = {}): Directive =>
  define(name, { type: 'line', minArgs, maxArgs }, '', { runtime: false, hidden: true, ...extras });

const FIXED = { runtime: false } as const;
const SHUTDOWN_WORDS = ['default', 'save', 'nosave', 'now', 'force'];
const YES_NO_LOCAL = ['no', 'yes', 'local'];

const NETWORK: readonly Directive[] = [
  define('bind', { type: 'special', form: 'bind' }, '* -::*', { multiple: true }),
  text('bind-source-addr'),
  integer('port', 0n, 65535n, 6379),
  integer('tcp-backlog', 0n, INT_MAX, 511, FIXED),
  integer('tcp-keepalive', 0n, INT_MAX, 300),
  integer('timeout', 0n, INT_MAX, 0),
  text('unixsocket', '', FIXED),
  define('unixsocketperm', { type: 'octal', min: 0n, max: 0o777n }, '0', FIXED),
  bool('protected-mode', true),
  integer('maxclients', 1n, UINT_MAX, 10_000),
  integer('socket-mark-id', 0n, UINT_MAX, 0, { ...FIXED, inert: 'Node.js has no call to mark a socket' }),
  memory('client-query-buffer-limit', MB, LONG_MAX, 1024n * MB),
  memory('proto-max-bulk-len', MB, LONG_MAX, 512n * MB),
  define(
    'client-output-buffer-limit',
    { type: 'special', form: 'client-output-buffer-limit' },
    'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    { multiple: true, repeats: true },
  ),
  define('maxmemory-clients', { type: 'memory', min: -100n, max: LONG_MAX, percent: true }, '0', {}),
  integer('tls-port', 0n, 65535n, 0),
  integer('tls-session-cache-size', 0n, INT_MAX, 20 * 1024, {
    inert: 'Node.js keeps its TLS sessions itself',
  }),
  integer('tls-session-cache-timeout', 0n, INT_MAX, 300),
  bool('tls-cluster', false),
  bool('tls-replication', false),
  oneOf('tls-auth-clients', ['no', 'yes', 'optional'], 'yes'),
  bool('tls-prefer-server-ciphers', false),
  bool('tls-session-caching', true, { inert: 'Node.js keeps its TLS sessions itself' }),
  ...['cert-file', 'key-file', 'key-file-pass', 'client-cert-file', 'client-key-file', 'client-key-file-pass']
    .concat(['dh-params-file', 'ca-cert-file', 'ca-cert-dir', 'protocols', 'ciphers', 'ciphersuites'])
    .map((name) => text(`tls-${name}`, '', { secret: name.endsWith('-pass') })),
];

const PROCESS: readonly Directive[] = [
  bool('daemonize', false, FIXED),
  text('pidfile', '', FIXED),
  text('logfile', '', FIXED),
  oneOf('loglevel', ['debug', 'verbose', 'notice', 'warning', 'nothing'], 'notice'),
  bool('syslog-enabled', false, { ...FIXED, inert: NO_SYSLOG }),
  text('syslog-ident', 'redis', { ...FIXED, inert: NO_SYSLOG }),
  oneOf(
    'syslog-facility',
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    'local0',
    { ...FIXED, inert: NO_SYSLOG },
  ),
  oneOf('supervised', ['upstart', 'systemd', 'auto', 'no'], 'no', {
    ...FIXED,
    inert: 'no readiness message is sent to a supervisor',
  }),
  integer('databases', 1n, INT_MAX, 16, FIXED),
  bool('always-show-logo', false, { ...FIXED, inert: 'there is no logo' }),
  bool('set-proc-title', true, {
    ...FIXED,
    inert: 'the process keeps the command line it was started with, which tells it apart',
  }),
  text('proc-title-template', '{title} {listen-addr} {server-mode}', {
    inert: 'the process keeps the command line it was started with, which tells it apart',
  }),
  define('dir', { type: 'special', form: 'dir' }, '', { guarded: true, notWhileLoading: true }),
  oneOf('enable-protected-configs', YES_NO_LOCAL, 'no', FIXED),
  oneOf('enable-debug-command', YES_NO_LOCAL, 'no', FIXED),
  oneOf('enable-module-command', YES_NO_LOCAL, 'no', { ...FIXED, inert: 'modules are native code' }),
  oneOf('shutdown-on-sigint', SHUTDOWN_WORDS, 'default', { multiple: true }),
  oneOf('shutdown-on-sigterm', SHUTDOWN_WORDS, 'default', { multiple: true }),
  integer('shutdown-timeout', 0n, INT_MAX, 10),
  bool('crash-log-enabled', true, { inert: NO_CRASH }),
  bool('crash-memcheck-enabled', true, { inert: NO_CRASH }),
  bool('use-exit-on-panic', false, { hidden: true, inert: NO_CRASH }),
  integer('watchdog-period', 0n, INT_MAX, 0, { hidden: true, inert: NO_CRASH }),
  text('ignore-warnings', '', { inert: 'the warnings it silences are not printed' }),
  bool('disable-thp', true, { ...FIXED, inert: 'without fork, huge pages do no harm' }),
  oneOf('oom-score-adj', ['no', 'yes', 'relative', 'absolute'], 'no'),
  define('oom-score-adj-values', { type: 'special', form: 'oom-score-adj-values' }, '0 200 800', {
    multiple: true,
  }),
  ...['server_cpulist', 'bio_cpulist', 'aof_rewrite_cpulist', 'bgsave_cpulist'].map((name) =>
    text(name, '', { ...FIXED, foreign: name.replaceAll('_', '-'), inert: NO_CPULIST }),
  ),
  integer('io-threads', 1n, 128n, 1, { ...FIXED, inert: NO_THREADS }),
  bool('io-threads-do-reads', false, { ...FIXED, inert: NO_THREADS }),
  integer('hz', 0n, INT_MAX, 10),
  bool('dynamic-hz', true, { inert: 'timers are few and their cost does not grow with clients' }),
  text('locale-collate', '', { inert: 'SORT ALPHA compares bytes' }),
  oneOf('propagation-error-behavior', ['ignore', 'panic', 'panic-on-replicas'], 'ignore', {
    inert: 'errors of replicated commands are logged',
  }),
];

const PERSISTENCE: readonly Directive[] = [
  define('save', { type: 'special', form: 'save' }, '3600 1 300 100 60 10000', {
    multiple: true,
    repeats: true,
  }),
  bool('stop-writes-on-bgsave-error', true),
  bool('rdbcompression', true),
  bool('rdbchecksum', true, FIXED),
  oneOf('sanitize-dump-payload', ['no', 'yes', 'clients'], 'no', { inert: 'payloads are always checked' }),
  text('dbfilename', 'dump.rdb', { guarded: true }),
  bool('rdb-del-sync-files', false, { inert: 'no file stays behind after a full sync' }),
  bool('rdb-save-incremental-fsync', true, { inert: 'the file is synced as a whole at its end' }),
  integer('rdb-key-save-delay', -INT_MAX - 1n, INT_MAX, 0, { hidden: true }),
  integer('key-load-delay', -INT_MAX - 1n, INT_MAX, 0, {
    hidden: true,
    inert: 'delays for tests of the original',
  }),
  integer('loading-process-events-interval-bytes', 1024n, INT_MAX, 2 * 1024 * 1024, {
    hidden: true,
    inert: 'loading yields by time',
  }),
  bool('appendonly', false, { notWhileLoading: true }),
  text('appendfilename', 'appendonly.aof', FIXED),
  text('appenddirname', 'appendonlydir', FIXED),
  oneOf('appendfsync', ['everysec', 'always', 'no'], 'everysec'),
  bool('no-appendfsync-on-rewrite', false, { inert: 'a rewrite does not hold up the log' }),
  integer('auto-aof-rewrite-percentage', 0n, INT_MAX, 100),
  memory('auto-aof-rewrite-min-size', 0n, LONG_MAX, 64n * MB),
  bool('aof-load-truncated', true),
  bool('aof-use-rdb-preamble', true, { inert: 'the base file is always an RDB' }),
  bool('aof-timestamp-enabled', false),
  bool('aof-rewrite-incremental-fsync', true, { inert: 'the file is synced as a whole at its end' }),
  bool('aof-disable-auto-gc', false, { hidden: true, inert: 'files of the past are always removed' }),
];

const REPLICATION: readonly Directive[] = [
  define('replicaof', { type: 'special', form: 'replicaof' }, '', {
    ...FIXED,
    multiple: true,
    alias: 'slaveof',
  }),
  text('masterauth', '', { secret: true, foreign: 'primaryauth' }),
  text('masteruser', '', { secret: true, foreign: 'primaryuser' }),
  bool('replica-serve-stale-data', true, { alias: 'slave-serve-stale-data' }),
  bool('replica-read-only', true, { alias: 'slave-read-only' }),
  bool('repl-diskless-sync', true),
  integer('repl-diskless-sync-delay', 0n, INT_MAX, 5),
  integer('repl-diskless-sync-max-replicas', 0n, INT_MAX, 0),
  oneOf('repl-diskless-load', ['disabled', 'on-empty-db', 'swapdb'], 'disabled', {
    notWhileLoading: true,
  }),
  integer('repl-ping-replica-period', 1n, INT_MAX, 10, { alias: 'repl-ping-slave-period' }),
  integer('repl-timeout', 1n, INT_MAX, 60),
  bool('repl-disable-tcp-nodelay', false, { inert: 'TCP_NODELAY is always on' }),
  memory('repl-backlog-size', 1n, LONG_MAX, MB),
  integer('repl-backlog-ttl', 0n, LONG_MAX, 3600),
  integer('replica-priority', 0n, INT_MAX, 100, { alias: 'slave-priority' }),
  bool('replica-announced', true),
  text('replica-announce-ip', '', { alias: 'slave-announce-ip' }),
  integer('replica-announce-port', 0n, 65535n, 0, { alias: 'slave-announce-port' }),
  bool('replica-ignore-maxmemory', true, { alias: 'slave-ignore-maxmemory' }),
  bool('replica-ignore-disk-write-errors', false, { inert: 'a replica always applies its stream' }),
  bool('replica-lazy-flush', false, { alias: 'slave-lazy-flush', inert: NO_FREE_THREAD }),
  integer('min-replicas-to-write', 0n, INT_MAX, 0, { alias: 'min-slaves-to-write' }),
  integer('min-replicas-max-lag', 0n, INT_MAX, 10, { alias: 'min-slaves-max-lag' }),
];

const ACCESS: readonly Directive[] = [
  text('requirepass', '', { secret: true }),
  text('aclfile', '', FIXED),
  integer('acllog-max-len', 0n, LONG_MAX, 128),
  oneOf('acl-pubsub-default', ['allchannels', 'resetchannels'], 'resetchannels'),
  line('user', 1, Number.POSITIVE_INFINITY, { repeats: true, secret: true }),
  line('rename-command', 2, 2, { repeats: true }),
];

const MEMORY: readonly Directive[] = [
  memory('maxmemory', 0n, ULONG_MAX, 0n),
  oneOf(
    'maxmemory-policy',
    ['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'].concat([
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
    ]),
    'noeviction',
  ),
  integer('maxmemory-samples', 1n, INT_MAX, 5),
  integer('maxmemory-eviction-tenacity', 0n, 100n, 10),
  integer('lfu-log-factor', 0n, INT_MAX, 10),
  integer('lfu-decay-time', 0n, INT_MAX, 1),
  integer('active-expire-effort', 1n, 10n, 1, { inert: 'every expiry time is looked at, not samples' }),
  // These three change the name under which a deletion goes to replicas and AOF.
  ...['eviction', 'expire', 'server-del'].map((name) => bool(`lazyfree-lazy-${name}`, false)),
  ...['user-del', 'user-flush'].map((name) =>
    bool(`lazyfree-lazy-${name}`, false, { inert: NO_FREE_THREAD }),
  ),
  bool('activerehashing', true, { inert: 'the hash table always grows in steps' }),
  bool('jemalloc-bg-thread', true, { inert: NO_DEFRAG }),
  bool('activedefrag', false, { inert: NO_DEFRAG }),
  memory('active-defrag-ignore-bytes', 1n, LONG_MAX, 100n * MB, { inert: NO_DEFRAG }),
  integer('active-defrag-threshold-lower', 0n, 1000n, 10, { inert: NO_DEFRAG }),
  integer('active-defrag-threshold-upper', 0n, 1000n, 100, { inert: NO_DEFRAG }),
  integer('active-defrag-cycle-min', 1n, 99n, 1, { inert: NO_DEFRAG }),
  integer('active-defrag-cycle-max', 1n, 99n, 25, { inert: NO_DEFRAG }),
  integer('active-defrag-max-scan-fields', 1n, LONG_MAX, 1000, { inert: NO_DEFRAG }),
  integer('hash-max-listpack-entries', 0n, LONG_MAX, 512, { alias: 'hash-max-ziplist-entries' }),
  memory('hash-max-listpack-value', 0n, LONG_MAX, 64n, { alias: 'hash-max-ziplist-value' }),
  integer('list-max-listpack-size', -INT_MAX - 1n, INT_MAX, -2, { alias: 'list-max-ziplist-size' }),
  integer('list-compress-depth', 0n, INT_MAX, 0, { inert: NO_ENCODING }),
  integer('set-max-intset-entries', 0n, LONG_MAX, 512),
  integer('set-max-listpack-entries', 0n, LONG_MAX, 128),
  integer('set-max-listpack-value', 0n, LONG_MAX, 64),
  integer('zset-max-listpack-entries', 0n, LONG_MAX, 128, { alias: 'zset-max-ziplist-entries' }),
  memory('zset-max-listpack-value', 0n, LONG_MAX, 64n, { alias: 'zset-max-ziplist-value' }),
  memory('hll-sparse-max-bytes', 0n, LONG_MAX, 3000n),
  memory('stream-node-max-bytes', 0n, LONG_MAX, 4096n),
  integer('stream-node-max-entries', 0n, LONG_MAX, 100),
  integer('tracking-table-max-keys', 0n, LONG_MAX, 1_000_000),
];

const OBSERVING: readonly Directive[] = [
  integer('slowlog-log-slower-than', -1n, LONG_MAX, 10_000, { foreign: 'commandlog-execution-slower-than' }),
  integer('slowlog-max-len', 0n, LONG_MAX, 128, { foreign: 'commandlog-slow-execution-max-len' }),
  integer('latency-monitor-threshold', 0n, LONG_MAX, 0),
  bool('latency-tracking', true),
  define('latency-tracking-info-percentiles', { type: 'special', form: 'percentiles' }, '50 99 99.9', {
    multiple: true,
  }),
  define('notify-keyspace-events', { type: 'special', form: 'notify-keyspace-events' }, '', {}),
  integer('busy-reply-threshold', 0n, LONG_MAX, 5000, { alias: 'lua-time-limit' }),
];

const CLUSTER: readonly Directive[] = [
  bool('cluster-enabled', false, FIXED),
  text('cluster-config-file', 'nodes.conf', FIXED),
  integer('cluster-node-timeout', 0n, LONG_MAX, 15_000),
  integer('cluster-port', 0n, 65535n, 0, FIXED),
  integer('cluster-replica-validity-factor', 0n, INT_MAX, 10, { alias: 'cluster-slave-validity-factor' }),
  integer('cluster-migration-barrier', 0n, INT_MAX, 1),
  bool('cluster-allow-replica-migration', true),
  bool('cluster-replica-no-failover', false, { alias: 'cluster-slave-no-failover' }),
  bool('cluster-require-full-coverage', true),
  bool('cluster-allow-reads-when-down', false),
  bool('cluster-allow-pubsubshard-when-down', true),
  memory('cluster-link-sendbuf-limit', 0n, ULONG_MAX, 0n),
  integer('cluster-ping-interval', 0n, LONG_MAX, 0, { hidden: true }),
  text('cluster-announce-ip'),
  text('cluster-announce-hostname'),
  text('cluster-announce-human-nodename'),
  integer('cluster-announce-port', 0n, 65535n, 0),
  integer('cluster-announce-tls-port', 0n, 65535n, 0),
  integer('cluster-announce-bus-port', 0n, 65535n, 0),
  oneOf('cluster-preferred-endpoint-type', ['ip', 'hostname', 'unknown-endpoint'], 'ip'),
].map((directive) => ({ ...directive, inert: NO_CLUSTER }));

const FILE_ONLY: readonly Directive[] = [
  line('include', 1, 1, { repeats: true }),
  line('loadmodule', 1, Number.POSITIVE_INFINITY, { repeats: true, inert: 'modules are native code' }),
  line('list-max-ziplist-entries', 1, 1, { inert: 'deprecated; Redis ignores it too' }),
  line('list-max-ziplist-value', 1, 1, { inert: 'deprecated; Redis ignores it too' }),
  line('lua-replicate-commands', 1, 1, { inert: 'deprecated; Redis ignores it too' }),
];

const OTHER_FAMILIES: readonly Directive[] = [
  bool('gopher-enabled', false, { family: 'redis 6', inert: 'removed in Redis 7' }),
  bool('hide-user-data-from-log', false, { family: 'redis 7.4', inert: 'user data is never logged' }),
  integer('max-new-connections-per-cycle', 1n, 1000n, 10, { family: 'redis 7.4', inert: NO_THREADS }),
  integer('max-new-tls-connections-per-cycle', 1n, 1000n, 1, { family: 'redis 7.4', inert: NO_THREADS }),
  text('unixsocketgroup', '', { ...FIXED, family: 'valkey 8', inert: 'the group of the process is used' }),
  text('availability-zone', '', { family: 'valkey 8', inert: 'INFO of Redis 7.2 has no such field' }),
  bool('extended-redis-compatibility', false, { family: 'valkey 8', inert: 'the server calls itself redis' }),
  bool('dual-channel-replication-enabled', false, { family: 'valkey 8', inert: 'declined politely' }),
  integer('events-per-io-thread', 0n, INT_MAX, 2, { family: 'valkey 8', inert: NO_THREADS }),
  integer('prefetch-batch-max-size', 0n, 128n, 16, { family: 'valkey 8', inert: NO_THREADS }),
  bool('enable-debug-assert', false, { ...FIXED, family: 'valkey 8', inert: 'there is no DEBUG ASSERT' }),
  text('debug-context', '', { family: 'valkey 8', inert: NO_CRASH }),
  bool('cluster-slot-stats-enabled', false, { family: 'valkey 8', inert: NO_CLUSTER }),
  integer('cluster-blacklist-ttl', 0n, ULONG_MAX, 60, { family: 'valkey 8', inert: NO_CLUSTER }),
  text('cluster-announce-client-ipv4', '', { family: 'valkey 8', inert: NO_CLUSTER }),
  text('cluster-announce-client-ipv6', '', { family: 'valkey 8', inert: NO_CLUSTER }),
  oneOf('log-format', ['legacy', 'logfmt'], 'legacy', {
    family: 'valkey 8',
    inert: 'the legacy format is written',
  }),
  oneOf('log-timestamp-format', ['legacy', 'iso8601', 'milliseconds'], 'legacy', {
    family: 'valkey 8',
    inert: 'the legacy format is written',
  }),
].map((directive) => ({ ...directive, hidden: true }));

/** Every directive a redis.conf of Redis 6, 7 or Valkey 8 may hold; the source is `static_configs` in config.c. */
export const DIRECTIVES: readonly Directive[] = [
  ...NETWORK,
  ...PROCESS,
  ...PERSISTENCE,
  ...REPLICATION,
  ...ACCESS,
  ...MEMORY,
  ...OBSERVING,
  ...CLUSTER,
  ...FILE_ONLY,
  ...OTHER_FAMILIES,
];

const BY_NAME: ReadonlyMap<string, Directive> = new Map(
  DIRECTIVES.flatMap((directive) =>
    [directive.name, ...directive.aliases, ...directive.foreignAliases].map(
      (name) => [name, directive] as const,
    ),
  ),
);

/** The directive a name (in any case, old or new) stands for. */
export function findDirective(name: string): Directive | undefined {
  return BY_NAME.get(name.toLowerCase());
}
