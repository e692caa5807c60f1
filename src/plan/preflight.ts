import type { LiveNode, Observation } from '../observe/observation.ts';
import type { NodeId } from '../topology/model.ts';
import type { SwitchoverOptions } from './plan-switchover.ts';
import { ancestorsOf } from './tree.ts';
import { checkProbes, type Probes } from './probes.ts';
import { doubt as refusal, type Refusal } from './refusal.ts';

export interface PreflightQuestion {
  readonly observation: Observation;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly options: SwitchoverOptions;
  /** What was tried beforehand, from where it matters. */
  readonly probes: Probes;
}

/** Bytes a target may be behind for each millisecond of the fence budget: loopback and LAN drain far more. */
const DRAIN_BYTES_PER_MS = 10_000;

/** Everything that can be known to go wrong before a switchover touches anything; each reason has its own code. */
export function preflight({ observation, from, to, options, probes }: PreflightQuestion): Refusal[] {
  const master = observation.nodes.get(from);
  const target = observation.nodes.get(to);
  // A target that is yet to be started is judged when it runs: the fence's own checks see to it.
  if (master?.kind !== 'live' || target?.kind !== 'live') return [];
  return [
    // A later switchover of the same plan sets out from a tree that is not there yet.
    ...(master.info.replication.role === 'master' ? checkRoots(observation, from, probes) : []),
    ...checkTarget(master, target, options),
    ...checkHistory(observation, master, target),
    ...checkMaster(master),
    ...checkEquals(master, target),
    ...checkControllers(observation),
    ...checkProbes(probes),
  ];
}

/** Whoever is not below the master, nor hung there before the switchover, would be left out, or be a second root. */
function checkRoots({ nodes }: Observation, from: NodeId, { attached }: Probes): Refusal[] {
  const parents = new Map(
    [...nodes].flatMap(([id, node]) =>
      node.kind === 'live'
        ? [[id, attached.includes(id) ? from : (node.follows?.node ?? null)] as const]
        : [],
    ),
  );
  const strays = [...parents.keys()].filter((id) => id !== from && ancestorsOf(parents, id).at(-1) !== from);
  const [first] = strays;
  return first === undefined
    ? []
    : [
        refusal(
          'NotOneRoot',
          first,
          `${strays.join(', ')} ${strays.length === 1 ? 'does' : 'do'} not hang below ${from}`,
          [from, ...strays].join(', '),
          from,
        ),
      ];
}

function checkTarget(
  master: LiveNode,
  { id, info, config }: LiveNode,
  options: SwitchoverOptions,
): Refusal[] {
  const { link, replid, offset } = info.replication;
  if (info.persistence.isLoading) return [refusal('TargetLoading', id, `${id} is loading its data`)];
  if (link === null) return [];
  if (link.isSyncing) {
    return [
      refusal('TargetSyncing', id, `${id} is being sent the data set`, link.syncLeftBytes ?? undefined, 0),
    ];
  }
  if (!link.isUp) return [refusal('TargetLinkDown', id, `${id} has no link to its parent`, 'down', 'up')];
  if (config.get('replica-priority') === '0') {
    return [
      refusal('TargetNeverPromoted', id, `${id} has replica-priority 0: it is never to be promoted`, 0, 1),
    ];
  }
  const lagBytes = master.info.replication.replid === replid ? master.info.replication.offset - offset : 0;
  const allowed = options.fenceBudgetMs * DRAIN_BYTES_PER_MS;
  return lagBytes > allowed
    ? [
        refusal(
          'TargetLagHigh',
          id,
          `${id} is ${lagBytes} bytes behind: more than drains within the fence budget`,
          lagBytes,
          allowed,
        ),
      ]
    : [];
}

function checkHistory(observation: Observation, master: LiveNode, target: LiveNode): Refusal[] {
  const { replid } = master.info.replication;
  const others = [...observation.nodes.values()].filter(
    (node) => node.kind === 'live' && node.info.replication.link?.isUp === true,
  );
  const strangers = others.filter((node) => node.kind === 'live' && node.info.replication.replid !== replid);
  if (strangers.some(({ id }) => id === target.id)) {
    const { replid: own } = target.info.replication;
    return [
      refusal('ReplidDiffers', target.id, `${target.id} has another history than ${master.id}`, own, replid),
    ];
  }
  const { sizeBytes, isActive } = target.info.replication.backlog;
  // Ten times what the master sends while its old replicas find the new one; 0.2 s from 7.0 on, 2 s before.
  const isOld = Number((target.info.raw.get('redis_version') ?? '7').split('.')[0]) < 7;
  // What it sends to all its replicas together; each gets the whole stream.
  const sentPerSecond = (master.info.stats.replicationOutputKbps ?? 0) * 1024;
  const ratePerSecond = sentPerSecond / Math.max(1, master.info.replication.connectedReplicas);
  const needed = Math.ceil(10 * ratePerSecond * (isOld ? 2 : 0.2));
  return isActive && sizeBytes < needed
    ? [
        refusal(
          'BacklogShort',
          target.id,
          `${target.id} keeps ${sizeBytes} bytes of stream: too little at ${Math.round(ratePerSecond)} bytes a second`,
          sizeBytes,
          needed,
        ),
      ]
    : [];
}

function checkMaster({ id, info, secrets }: LiveNode): Refusal[] {
  const { failoverState } = info.replication;
  return [
    ...(failoverState !== null && failoverState !== 'no-failover'
      ? [refusal('FailoverRunning', id, `${id} is in a failover of its own`, failoverState, 'no-failover')]
      : []),
    ...(info.clients.pausedReason !== null
      ? [
          refusal(
            'AlreadyPaused',
            id,
            `clients of ${id} are paused already`,
            info.clients.pausedReason,
            'none',
          ),
        ]
      : []),
    ...(secrets.requirepass === 'declared' && secrets.masterauth === 'unset'
      ? [
          refusal(
            'MasterauthMissing',
            id,
            `${id} has no masterauth: it could not follow anybody`,
            'unset',
            'declared',
          ),
        ]
      : []),
  ];
}

/** What the master promises, the target must keep. */
function checkEquals(master: LiveNode, target: LiveNode): Refusal[] {
  const [from, to] = [master.info, target.info];
  const isOlder =
    from.server.family === to.server.family && compareVersions(to.server.version, from.server.version) < 0;
  const hasLessMemory =
    to.memory.maxBytes > 0 && (from.memory.maxBytes === 0 || to.memory.maxBytes < from.memory.maxBytes);
  return [
    ...(isOlder
      ? [
          refusal(
            'TargetOlder',
            target.id,
            `${target.id} runs ${to.server.version}, older than ${master.id}: it may not read what ${master.id} sends`,
            to.server.version,
            from.server.version,
          ),
        ]
      : []),
    ...(from.persistence.aofEnabled && !to.persistence.aofEnabled
      ? [refusal('TargetPersistsLess', target.id, `${target.id} has no AOF, ${master.id} has`, 'no', 'yes')]
      : []),
    ...(hasLessMemory && to.memory.maxBytes < from.memory.usedBytes
      ? [
          refusal(
            'TargetMemoryLess',
            target.id,
            `${target.id} may use ${to.memory.maxBytes} bytes, ${master.id} uses ${from.memory.usedBytes}`,
            to.memory.maxBytes,
            from.memory.usedBytes,
          ),
        ]
      : []),
  ];
}

function checkControllers({ nodes }: Observation): Refusal[] {
  const [first] = [...nodes.values()].flatMap((node) =>
    node.kind === 'live' ? node.controllers.map((controller) => ({ id: node.id, controller })) : [],
  );
  if (first === undefined) return [];
  const { id, controller } = first;
  return [
    refusal(
      'ForeignControllerActive',
      id,
      `${controller.kind} (${controller.name} at ${controller.address}) acts on ${id} too`,
      controller.kind,
      'none',
    ),
  ];
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
