import type { LiveNode, NodeObservation } from '../../observe/observation.ts';
import type { Finding } from '../finding.ts';
import { type Scene, declaredValue, isUnborn } from '../scene.ts';

/** What the hosts know of the processes, where it does not fit what was recorded. */
export function findProcesses(scene: Scene): Finding[] {
  return [
    ...[...scene.observation.nodes.values()].flatMap(findUnknownHost),
    ...scene.strangers.map((node) => squatter(scene, node)),
    ...scene.live.flatMap((node) => [...findUnmanaged(node), ...findLoading(node)]),
    ...[...scene.observation.nodes.values()].flatMap((node) =>
      node.kind === 'live' || isUnborn(scene) ? [] : findStalePidfile(node),
    ),
  ];
}

function findUnknownHost({ id, process }: NodeObservation): Finding[] {
  if (process.unknownBecause === null) return [];
  return [
    {
      code: 'HostUnreachable',
      severity: 'warning',
      node: id,
      message: `the host of ${id} cannot be asked: its process and conf file are unknown`,
      evidence: { said: process.unknownBecause },
      mend: null,
    },
  ];
}

/** A server that answers on the node's port, but is another one. */
function squatter(scene: Scene, { id, process, config, info }: LiveNode): Finding {
  return {
    code: 'PortSquatter',
    severity: 'error',
    node: id,
    message: `port ${info.server.port} answers, but it is another server than ${id} (its conf is ${info.server.configFile || 'none'})`,
    evidence: {
      holderPid: info.server.pid,
      holderCommand: process.portHolder?.command ?? null,
      configFile: info.server.configFile,
      pidfile: config.get('pidfile') ?? null,
      declaredPidfile: declaredValue(scene, id, 'pidfile'),
    },
    mend: null,
  };
}

/** The node itself, but not by the process that was recorded. */
function findUnmanaged({ id, process, info }: LiveNode): Finding[] {
  if (process.isOurs || process.unknownBecause !== null) return [];
  return [
    {
      code: 'UnmanagedProcess',
      severity: 'info',
      node: id,
      message: `${id} runs as pid ${info.server.pid}, which replctl did not start: it will not signal it`,
      evidence: {
        pid: info.server.pid,
        command: process.portHolder?.command ?? null,
        wasStartedByReplctl: process.isRecorded,
      },
      mend: 'replctl up',
    },
  ];
}

function findStalePidfile({ id, process }: NodeObservation): Finding[] {
  const { pidfile } = process;
  if (pidfile === null || pidfile.isOurs || process.portHolder?.pid === pidfile.pid) return [];
  return [
    {
      code: 'StalePidfile',
      severity: 'info',
      node: id,
      message: pidfile.isAlive
        ? `the pidfile of ${id} names pid ${pidfile.pid}, which is another process by now`
        : `the pidfile of ${id} names pid ${pidfile.pid}, which no longer exists: it did not end by itself`,
      evidence: { pid: pidfile.pid, pidExists: pidfile.isAlive },
      mend: `replctl start ${id}`,
    },
  ];
}

function findLoading({ id, info }: LiveNode): Finding[] {
  if (!info.persistence.isLoading) return [];
  return [
    {
      code: 'Loading',
      severity: 'warning',
      node: id,
      message: `${id} is loading its data`,
      evidence: { etaSeconds: info.raw.get('loading_eta_seconds') ?? null },
      mend: null,
    },
  ];
}
