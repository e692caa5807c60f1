import path from 'node:path';
import { parseMemory } from '../conf/parse-memory.ts';
import type { PlacedNode } from './build-model.ts';
import type { PathProblem } from './check-shape.ts';
import type { NodeSpec } from './model.ts';
import { canonicalHost, isLoopback } from './split-address.ts';
import type { Path } from './yaml-source.ts';

const MIN_BACKLOG_BYTES = 16 * 1024;
const USUAL_BACKLOG_BYTES = 1024 * 1024;

/** What must hold between nodes, and between the directives of one node. */
export function checkNodes(
  nodes: readonly PlacedNode[],
  stateDir: string,
): { readonly problems: PathProblem[]; readonly warnings: PathProblem[] } {
  const problems = [
    ...findClashes(
      nodes,
      'name',
      ({ id }) => id.toLowerCase(),
      ({ id }) => `the name "${id}"`,
    ),
    ...findClashes(
      nodes,
      'port',
      ({ host, port }) => `${canonicalHost(host)} ${String(port)}`,
      ({ host, port }) => `${host}:${String(port)}`,
    ),
    ...findClashes(
      nodes.filter(
        (node, index) =>
          nodes.findIndex(({ spec }) => spec.id === node.spec.id) === index || node.spec.dir !== null,
      ),
      'dir',
      (spec) => `${machineOf(spec)} ${spec.dir ?? path.join(stateDir, 'nodes', spec.id)}`,
      ({ dir }) => `the directory ${dir ?? 'of its own'}`,
    ),
    ...findClashes(
      nodes.filter(({ spec }) => spec.announce !== null),
      'announce',
      ({ announce, host, port }) =>
        `${canonicalHost(announce?.host ?? host)} ${String(announce?.port ?? port)}`,
      ({ announce, host, port }) =>
        `the announced address ${announce?.host ?? host}:${String(announce?.port ?? port)}`,
    ),
    ...nodes.flatMap(checkNode),
  ];
  return { problems, warnings: nodes.flatMap((node) => doubtNode(node, nodes)) };
}

/** Nodes with one key: the second and later ones are reported, naming the first. */
function findClashes(
  nodes: readonly PlacedNode[],
  key: string,
  keyOf: (spec: NodeSpec) => string,
  nameOf: (spec: NodeSpec) => string,
): PathProblem[] {
  const first = new Map<string, PlacedNode>();
  return nodes.flatMap((node) => {
    const value = keyOf(node.spec);
    const other = first.get(value);
    if (other === undefined) {
      first.set(value, node);
      return [];
    }
    return [
      {
        path: [...node.path, key],
        message: `${nameOf(node.spec)} is taken by ${nameWithPath(other)}`,
        hint: null,
      },
    ];
  });
}

function nameWithPath({ spec, path: at }: PlacedNode): string {
  return `${at[0] === 'master' ? 'the master' : 'the replica'} ${spec.id}`;
}

const machineOf = (spec: NodeSpec): string => spec.ssh?.destination ?? '';

function checkNode({ spec, path: at }: PlacedNode): PathProblem[] {
  const problems: PathProblem[] = [];
  if (/^[0-9]+$/.test(spec.id) && spec.id !== String(spec.port))
    problems.push({
      path: [...at, 'name'],
      message: `expected a name that is not the port of something else, got "${spec.id}" on port ${String(spec.port)}`,
    });
  if (spec.auth.user !== null && spec.auth.aclFile === null)
    problems.push({
      path: [...at, 'user'],
      message: `the user "${spec.auth.user}" is defined nowhere`,
      hint: 'name the file that defines it under "aclfile"',
    });
  if (spec.auth.user !== null && spec.auth.password === null)
    problems.push({ path: [...at, 'user'], message: `the user "${spec.auth.user}" has no "password"` });
  const backlog = numberOf(spec, 'repl-backlog-size');
  if (backlog !== null && backlog < MIN_BACKLOG_BYTES)
    problems.push({
      path: configPath(at, 'repl-backlog-size'),
      message: `expected a backlog of at least 16kb, got ${String(backlog)} bytes: every reconnect would copy everything`,
    });
  const period = numberOf(spec, 'repl-ping-replica-period') ?? 10;
  const timeout = numberOf(spec, 'repl-timeout') ?? 60;
  if (timeout <= period)
    problems.push({
      path: configPath(
        at,
        numberOf(spec, 'repl-timeout') === null ? 'repl-ping-replica-period' : 'repl-timeout',
      ),
      message: `expected repl-timeout (${String(timeout)} s) above repl-ping-replica-period (${String(period)} s): an idle link would be cut`,
    });
  return problems;
}

function doubtNode({ spec, path: at }: PlacedNode, nodes: readonly PlacedNode[]): PathProblem[] {
  const warnings: PathProblem[] = [];
  const backlog = numberOf(spec, 'repl-backlog-size');
  if (backlog !== null && backlog >= MIN_BACKLOG_BYTES && backlog < USUAL_BACKLOG_BYTES)
    warnings.push({
      path: configPath(at, 'repl-backlog-size'),
      message: `a backlog of ${String(backlog)} bytes is small: a short cut may already cost a full copy`,
    });
  if (spec.config.get('replica-read-only')?.[0]?.[0]?.toLowerCase() === 'no')
    warnings.push({
      path: configPath(at, 'replica-read-only'),
      message: 'a writable replica diverges from its master with the first write',
    });
  const wanted = numberOf(spec, 'min-replicas-to-write') ?? 0;
  const replicas = nodes.filter((other) => other.spec.parent === spec.id).length;
  if (spec.parent === null && wanted > replicas)
    warnings.push({
      path: configPath(at, 'min-replicas-to-write'),
      message: `the master will refuse every write: it asks for ${String(wanted)} replicas and has ${String(replicas)}`,
    });
  const isProtected = spec.config.get('protected-mode')?.[0]?.[0]?.toLowerCase() !== 'no';
  const listensBeyond =
    spec.bind.length === 0
      ? !isLoopback(spec.host) || spec.ssh !== null
      : spec.bind.some((address) => !isLoopback(address.replace(/^-/, '')));
  if (spec.auth.password === null && spec.auth.aclFile === null && listensBeyond)
    warnings.push({
      path: isProtected ? at : configPath(at, 'protected-mode'),
      message: isProtected
        ? 'without a password, protected-mode refuses everybody on other machines, replicas included'
        : 'everybody who reaches this address may read and write: no password, and protected-mode is off',
      hint: 'declare a "password"',
    });
  return warnings;
}

const configPath = (at: Path, name: string): Path => [...at, 'config', name];

/** The number of a directive as declared, in its base unit (bytes, seconds), or null when it is not set. */
function numberOf(spec: NodeSpec, name: string): number | null {
  const value = spec.config.get(name)?.at(-1)?.[0];
  const bytes = value === undefined ? undefined : parseMemory(value);
  return bytes === undefined ? null : Number(bytes);
}
