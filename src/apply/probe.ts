import type { Host } from '../hosts/host.ts';
import { tryAddress } from '../observe/try-address.ts';
import { liveNodeOf, type LiveView } from '../plan/live-view.ts';
import type { Plan } from '../plan/plan.ts';
import type { AddressProbe, ConfProbe, Probes } from '../plan/probes.ts';
import { linkAddress } from '../topology/link-address.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';

/** Long enough for a machine that is busy: what does not answer is a reason to refuse. */
const TIMEOUT_MS = 10_000;

/** Tries what a plan relies on, and no INFO tells. Only looks: it connects and hangs up, and asks for permissions. */
export async function probe(deployment: Deployment, view: LiveView, plan: Plan): Promise<Probes> {
  const steps = plan.stages.flat();
  const promotion = steps.findIndex(({ kind }) => kind === 'promote');
  const told = steps.flatMap((step): { from: NodeId; to: NodeId }[] =>
    step.kind === 'demote' || step.kind === 'rehang' ? [{ from: step.node, to: step.to }] : [],
  );
  const isLive = (id: NodeId): boolean => liveNodeOf(view, id) !== null;
  const pairs = told.filter(({ from, to }) => isLive(from) && isLive(to));
  const rewritten = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
  const [addresses, confs] = await Promise.all([
    Promise.all(pairs.map(({ from, to }) => probeAddress(deployment, from, to))),
    Promise.all(rewritten.map((node) => probeConf(deployment, node))),
  ]);
  const attached = steps
    .slice(0, Math.max(0, promotion))
    .flatMap((step) => (step.kind === 'rehang' ? [step.node] : []));
  return { attached, addresses, confs };
}

async function probeAddress(deployment: Deployment, from: NodeId, to: NodeId): Promise<AddressProbe> {
  const { host, port } = linkAddress(deployment.spec(to));
  const machine = deployment.hostOf(from);
  const trouble = machine.isLocal
    ? await tryAddress(host, port, TIMEOUT_MS)
    : await tryFrom(machine, host, port);
  return { from, to, address: `${host}:${port}`, trouble };
}

/** bash connects by itself; where there is none it stays unknown, which is no reason to refuse. */
async function tryFrom(machine: Host, host: string, port: number): Promise<string | null> {
  const script = 'exec 3<>"/dev/tcp/$0/$1"';
  const { exitCode } = await machine.run(['bash', '-c', script, host, String(port)], {
    timeoutMs: TIMEOUT_MS,
  });
  if (exitCode === null) return `no answer within ${TIMEOUT_MS} ms`;
  return exitCode === 0 || exitCode === 127 ? null : `no connection from ${machine.name}`;
}

/**
 * CONFIG REWRITE writes a new file beside the old one and renames it: the folder must be writable, and the file must
 * not be a mount of its own (https://redis.io/docs/latest/commands/config-rewrite).
 */
const CAN_REPLACE = [
  'test -d "$(dirname "$0")" || exit 3',
  'test -w "$(dirname "$0")" || exit 4',
  'grep -qsF " $0 " /proc/self/mounts && exit 5',
  'exit 0',
].join('\n');

const CONF_TROUBLE: Readonly<Record<number, string>> = {
  3: 'its folder is gone',
  4: 'its folder is not writable',
  5: 'it is mounted as a single file',
};

async function probeConf(deployment: Deployment, node: NodeId): Promise<ConfProbe> {
  const { confFile } = deployment.filesOf(deployment.spec(node));
  const { exitCode } = await deployment.hostOf(node).run(['sh', '-c', CAN_REPLACE, confFile], {
    timeoutMs: TIMEOUT_MS,
  });
  return { node, file: confFile, trouble: CONF_TROUBLE[exitCode ?? 0] ?? null };
}
