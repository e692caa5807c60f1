import { DEFAULT_REPLICATION_SETTINGS, type ReplicationSettings } from './replication-settings.ts';

/** What is needed of the server's configuration. */
interface ConfigReader {
  text(name: string): string;
  number(name: string): number;
  flag(name: string): boolean;
  words(name: string): string[];
  onChange(name: string, listener: () => void): void;
}

const DIRECTIVES = [
  'client-output-buffer-limit',
  'masterauth',
  'masteruser',
  'min-replicas-max-lag',
  'min-replicas-to-write',
  'port',
  'repl-backlog-size',
  'repl-backlog-ttl',
  'repl-diskless-sync',
  'repl-diskless-sync-delay',
  'repl-diskless-sync-max-replicas',
  'repl-ping-replica-period',
  'repl-timeout',
  'replica-announce-ip',
  'replica-announce-port',
  'replica-announced',
  'replica-priority',
  'replica-read-only',
  'replica-serve-stale-data',
  'tls-port',
  'tls-replication',
] as const;

/** Keeps the settings current: they are read at each turn of the event loop, and parsed only when one changes. */
export function watchReplicationSettings(
  config: ConfigReader,
  changed: () => void,
): () => ReplicationSettings {
  let settings = DEFAULT_REPLICATION_SETTINGS;
  let isComplete = false;
  const refresh = (): void => {
    if (!isComplete) return;
    settings = readReplicationSettings(config);
    changed();
  };
  for (const name of DIRECTIVES) config.onChange(name, refresh);
  isComplete = true;
  settings = readReplicationSettings(config);
  return () => settings;
}

function readReplicationSettings(config: ConfigReader): ReplicationSettings {
  const words = config.words('client-output-buffer-limit');
  const at = words.findIndex((word) => word === 'slave' || word === 'replica');
  const [hard = 0, soft = 0, softSeconds = 0] = at < 0 ? [] : words.slice(at + 1, at + 4).map(Number);
  return {
    backlogSizeBytes: config.number('repl-backlog-size'),
    backlogTtlMs: config.number('repl-backlog-ttl') * 1000,
    timeoutMs: config.number('repl-timeout') * 1000,
    pingPeriodSeconds: config.number('repl-ping-replica-period'),
    isDiskless: config.flag('repl-diskless-sync'),
    disklessDelayMs: config.number('repl-diskless-sync-delay') * 1000,
    disklessMaxReplicas: config.number('repl-diskless-sync-max-replicas'),
    minReplicasToWrite: config.number('min-replicas-to-write'),
    minReplicasMaxLagMs: config.number('min-replicas-max-lag') * 1000,
    masterUser: textOrNull(config, 'masteruser'),
    masterAuth: textOrNull(config, 'masterauth'),
    announcePort: announcedPort(config),
    announceHost: textOrNull(config, 'replica-announce-ip'),
    replicaPriority: config.number('replica-priority'),
    isReadOnly: config.flag('replica-read-only'),
    isAnnounced: config.flag('replica-announced'),
    canServeStaleData: config.flag('replica-serve-stale-data'),
    outputHardLimitBytes: hard,
    outputSoftLimitBytes: soft,
    outputSoftLimitMs: softSeconds * 1000,
  };
}

function textOrNull(config: ConfigReader, name: string): string | null {
  const value = config.text(name);
  return value === '' ? null : value;
}

function announcedPort(config: ConfigReader): number {
  const announced = config.number('replica-announce-port');
  if (announced > 0) return announced;
  const tlsPort = config.flag('tls-replication') ? config.number('tls-port') : 0;
  return tlsPort > 0 ? tlsPort : config.number('port');
}
