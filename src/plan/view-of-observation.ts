import type { LiveNode, NodeObservation, Observation } from '../observe/observation.ts';
import type { NodeId } from '../topology/model.ts';
import { describeHolder } from './live-view.ts';
import { forksIn, withForks, type Lineage } from './lineage.ts';
import type { DataAtRest, DownNodeView, History, LiveNodeView, LiveView, NodeView } from './live-view.ts';

/** What no running server tells. */
export interface Remembered {
  readonly atRest: ReadonlyMap<NodeId, DataAtRest>;
  /** Nodes that were stopped and saved all that they had. */
  readonly saved: ReadonlySet<NodeId>;
  readonly lineage: Lineage;
}

/** An observation and what is known beside it, as the planners want it. */
export function viewOf(observation: Observation, { atRest, saved, lineage }: Remembered): LiveView {
  const nodes = new Map(
    [...observation.nodes].map(([id, node]): [NodeId, NodeView] => [
      id,
      node.kind === 'live'
        ? viewLive(node)
        : viewDown(node, atRest.get(id) ?? { kind: 'none' }, saved.has(id)),
    ]),
  );
  return { nodes, lineage: withForks(lineage, forksIn({ nodes })) };
}

function viewLive({ info, follows, process, config }: LiveNode): LiveNodeView {
  const { replication } = info;
  const { link } = replication;
  return {
    kind: 'live',
    role: replication.role,
    parent: follows?.node ?? null,
    parentAddress: follows === null ? null : `${follows.host}:${follows.port}`,
    isLinkUp: link?.isUp ?? false,
    isLoading: info.persistence.isLoading,
    history: historyOf(info.replication),
    keys: [...info.keyspace.values()].reduce((sum, { keys }) => sum + keys, 0),
    hasOwnWrites: mayHaveOwnWrites(info),
    priority: Number(config.get('replica-priority') ?? link?.priority ?? 100),
    pingPeriodS: Number(config.get('repl-ping-replica-period') ?? 10),
    minReplicas: Number(config.get('min-replicas-to-write') ?? 0),
    version: compatibleVersion(info),
    // A host that cannot be asked does not tell: the conf path its server reports has to do.
    isOurs: process.isOurs || process.unknownBecause !== null,
    holder: { pid: process.portHolder?.pid ?? info.server.pid, command: process.portHolder?.command ?? null },
    runId: info.server.runId,
  };
}

function historyOf(replication: LiveNode['info']['replication']): History {
  const { replid, replid2, secondOffset, backlog, link } = replication;
  return {
    replid,
    replid2,
    secondOffset,
    offset: link?.appliedOffset ?? replication.offset,
    backlog: backlog.isActive
      ? { firstByte: backlog.firstByteOffset, length: backlog.histlenBytes, size: backlog.sizeBytes }
      : null,
  };
}

/**
 * A master that forked from a history has writes of its own once it is past the fork (PINGs count too: the mistake is
 * on the safe side). One that never forked has none while nothing changed since it loaded its files.
 */
function mayHaveOwnWrites({ replication, raw }: LiveNode['info']): boolean {
  if (replication.role !== 'master') return false;
  if (replication.secondOffset > 0) return replication.offset >= replication.secondOffset;
  return raw.get('rdb_changes_since_last_save') !== '0' || replication.offset > 0;
}

/** Valkey tells the Redis it is compatible with (7.2.4) as `redis_version`; the bundled server does so too. */
function compatibleVersion({ raw }: LiveNode['info']): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = (raw.get('redis_version') ?? '').split('.').map(Number);
  return [major, minor, patch];
}

function viewDown(
  node: Exclude<NodeObservation, LiveNode>,
  data: DataAtRest,
  hasSavedAll: boolean,
): DownNodeView {
  return {
    kind: 'down',
    port: portState(node),
    said: saidOf(node),
    isOurs: node.process.isOurs,
    isBusy: node.reason === 'busy',
    holder: node.process.portHolder,
    hasSavedAll,
    data,
  };
}

function portState({ reason, process }: Exclude<NodeObservation, LiveNode>): DownNodeView['port'] {
  // Our own process, alive and not answering, is neither free to be started nor somebody else.
  if (process.isOurs) return 'silent';
  switch (reason) {
    case 'refused':
      return process.portHolder === null ? 'free' : 'squatted';
    case 'auth':
    case 'foreign':
    case 'error':
    case 'loading':
    case 'busy':
      return 'squatted';
    case 'timeout':
      return process.portHolder === null ? 'silent' : 'squatted';
    case 'unreachable':
      return 'silent';
  }
}

function saidOf({ said, process: { portHolder } }: Exclude<NodeObservation, LiveNode>): string {
  if (portHolder === null) return said;
  return `${describeHolder(portHolder)}, ${said}`;
}
