/** What INFO shows of parts that INFO does not know: each part puts its own lines here. */
export class InfoSources {
  /** Lines of `# Replication`, without the header. */
  replication: () => readonly string[] = () => [
    'role:master',
    'connected_slaves:0',
    'master_failover_state:no-failover',
    `master_replid:${'0'.repeat(40)}`,
    `master_replid2:${'0'.repeat(40)}`,
    'master_repl_offset:0',
    'second_repl_offset:-1',
    'repl_backlog_active:0',
    'repl_backlog_size:1048576',
    'repl_backlog_first_byte_offset:0',
    'repl_backlog_histlen:0',
  ];
  /** The fields of `# Persistence`, in order. */
  persistence: () => Readonly<Record<string, string | number>> = () => ({ loading: 0 });
  /** `name → value` over the defaults of `# Stats` and `# Memory`: syncs, backlog, scripts. */
  counters: () => Readonly<Record<string, string | number>> = () => ({});
}
