import { setTimeout as sleep } from 'node:timers/promises';
import { observe, type ObserveOptions } from '../observe/observe.ts';
import type { LiveNode, NodeObservation, Observation } from '../observe/observation.ts';
import { forksIn } from '../plan/lineage.ts';
import type { DataAtRest, LiveView } from '../plan/live-view.ts';
import { viewOf } from '../plan/view-of-observation.ts';
import { declareDirectives } from '../render/declare-directives.ts';
import type { NodeId } from '../topology/model.ts';
import { MASKED_SECRETS } from '../topology/secrets.ts';
import type { Deployment } from './deployment.ts';
import { readDataAtRest } from './read-data-at-rest.ts';

export interface Stock {
  readonly observation: Observation;
  readonly view: LiveView;
}

/**
 * Everything a plan is made from: what runs, and what the stopped nodes have on disk. Changes nothing; what it learns
 * of processes and histories is on disk when the deployment is saved.
 */
export async function takeStock(
  deployment: Deployment,
  options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    /** Servers that were started by hand and are taken over, when they follow their declared parent. */
    readonly takesOver?: readonly NodeId[];
  },
): Promise<Stock> {
  const first = await observeSettled(deployment, options);
  // A run that was killed between a start and the note of it left processes that are ours by their files.
  const observation = (await claimProcesses(deployment, first, options.takesOver ?? []))
    ? await observe(deployment.accessAll, options)
    : first;
  const dead = [...observation.nodes].filter(([, node]) => node.kind === 'dead').map(([id]) => id);
  const atRest = new Map(
    await Promise.all(
      dead.map(async (id): Promise<[NodeId, DataAtRest]> => [id, await dataAtRestOf(deployment, id)]),
    ),
  );
  const { nodes, lineage } = deployment.state;
  const saved = new Set(dead.filter((id) => nodes[id]?.hasSavedAll === true));
  const view = viewOf(observation, { atRest, saved, lineage });
  deployment.rememberForks(forksIn(view));
  return { observation, view };
}

const LEAVING_POLL_MS = 20;
/** From the end of its wait for replicas until a server has saved its data and is gone. */
const LEAVING_GRACE_MS = 3_000;

/**
 * A server that was told to shut down serves on while it waits for lagging replicas: whoever was killed after saying so
 * leaves one that nothing may be built on. What is to be done shows when it is gone.
 */
async function observeSettled({ accessAll }: Deployment, options: ObserveOptions): Promise<Observation> {
  let observation = await observe(accessAll, options);
  const leaving = [...observation.nodes.values()].filter(isLeaving);
  const deadlineMs = performance.now() + LEAVING_GRACE_MS + Math.max(0, ...leaving.map(leavesInMs));
  const isStillThere = ({ id }: NodeObservation): boolean => {
    const node = observation.nodes.get(id);
    return node?.kind === 'live' ? isLeaving(node) : node?.reason !== 'refused' || node.process.isOurs;
  };
  while (leaving.some(isStillThere) && performance.now() < deadlineMs) {
    await sleep(LEAVING_POLL_MS, undefined, { signal: options.signal });
    observation = await observe(accessAll, options);
  }
  return observation;
}

/**
 * It says so, its port is closed while its process is still there, or its connection broke while it was looked at, on a
 * host that answers.
 */
function isLeaving(node: NodeObservation): boolean {
  if (node.kind === 'live') return node.info.server.shutdownInMs !== null;
  const { isOurs, isRecorded, unknownBecause } = node.process;
  if (node.reason === 'refused') return isOurs;
  return node.reason === 'unreachable' && isRecorded && unknownBecause === null;
}

function leavesInMs(node: NodeObservation): number {
  return node.kind === 'live' ? (node.info.server.shutdownInMs ?? 0) : 0;
}

/** What a node would load when started. */
export function dataAtRestOf(deployment: Deployment, id: NodeId): Promise<DataAtRest> {
  const directives = declareDirectives(deployment.everyone, deployment.spec(id), { secrets: MASKED_SECRETS });
  return readDataAtRest(deployment.hostOf(id), directives);
}

/** Remembers servers that run from our own conf file under the pid in our own pidfile. Says whether there were any. */
async function claimProcesses(
  deployment: Deployment,
  { nodes }: Observation,
  takesOver: readonly NodeId[],
): Promise<boolean> {
  const unclaimed = [...nodes.values()].filter(
    (node): node is LiveNode =>
      node.kind === 'live' &&
      !node.process.isOurs &&
      (isFromOurFiles(deployment, node) || (takesOver.includes(node.id) && isInPlace(deployment, node))),
  );
  for (const { id, info } of unclaimed) {
    const identity = await deployment.hostOf(id).processFacts(info.server.pid);
    if (identity !== null) deployment.rememberProcess(id, identity);
  }
  return unclaimed.length > 0;
}

/** It already replicates from where it is declared, and is no other node's process. */
function isInPlace(deployment: Deployment, { id, follows }: LiveNode): boolean {
  const { parent } = deployment.spec(id);
  return parent !== null && follows?.node === parent;
}

function isFromOurFiles(deployment: Deployment, { id, info, process }: LiveNode): boolean {
  const { confFile } = deployment.filesOf(deployment.spec(id));
  return info.server.configFile === confFile && process.pidfile?.pid === info.server.pid;
}
