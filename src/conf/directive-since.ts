/**
 * Directives younger than Redis 6.0, by the release that brought them (00-RELEASENOTES of each line). An older server
 * refuses its whole conf for one of these.
 */
const SINCE: Readonly<Record<string, readonly string[]>> = {
  '6.2.0': [
    'acl-pubsub-default',
    'crash-log-enabled',
    'crash-memcheck-enabled',
    'disable-thp',
    'maxmemory-eviction-tenacity',
    'proc-title-template',
    'replica-announced',
    'sanitize-dump-payload',
    'set-proc-title',
    'tls-client-cert-file',
    'tls-client-key-file',
    'tls-key-file-pass',
  ],
  '7.0.0': [
    'aof-disable-auto-gc',
    'aof-timestamp-enabled',
    'appenddirname',
    'bind-source-addr',
    'busy-reply-threshold',
    'enable-debug-command',
    'enable-module-command',
    'enable-protected-configs',
    'hash-max-listpack-entries',
    'hash-max-listpack-value',
    'latency-tracking',
    'latency-tracking-info-percentiles',
    'list-max-listpack-size',
    'maxmemory-clients',
    'repl-diskless-sync-max-replicas',
    'shutdown-on-sigint',
    'shutdown-on-sigterm',
    'shutdown-timeout',
    'socket-mark-id',
    'zset-max-listpack-entries',
    'zset-max-listpack-value',
  ],
  '7.2.0': ['locale-collate', 'set-max-listpack-entries', 'set-max-listpack-value'],
};

/** The release of Redis that a directive needs; null when the oldest that replctl drives has it. */
export function directiveSince(directive: string): string | null {
  const found = Object.entries(SINCE).find(([, names]) => names.includes(directive.toLowerCase()));
  return found?.[0] ?? null;
}
