import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import type { ProcessIdentity } from '../hosts/host.ts';
import type { Lineage } from '../plan/lineage.ts';
import type { NodeId, NodeSpec, Topology } from '../topology/model.ts';
import { writeDurably } from './write-durably.ts';

const STATE_VERSION = 1;

/** What replctl remembers between two runs. Holds no secret: declarations name where secrets are read from. */
export interface State {
  readonly version: typeof STATE_VERSION;
  /** Rises by one with every operation that changed something. */
  readonly epoch: number;
  /** The declaration as it was last applied; null before the first `up`. */
  readonly applied: Applied | null;
  readonly master: NodeId | null;
  readonly nodes: Readonly<Record<NodeId, NodeState>>;
  /** Which replication histories came out of which: nothing else tells, once the servers are stopped. */
  readonly lineage: Lineage;
}

export interface Applied {
  readonly name: string;
  /** Name of the topology file, which lies in the folder that `.replctl` lies in; null when there was none. */
  readonly file: string | null;
  readonly nodes: readonly NodeSpec[];
}

export interface NodeState {
  readonly host: string;
  readonly runId: string | null;
  /** The process that was started; only when all of it matches may the process be signalled. */
  readonly process: ProcessIdentity | null;
  /** replctl stopped it and it saved all that it had: its files are complete. */
  readonly hasSavedAll: boolean;
  /** SHA-256 of the conf file as it was written. */
  readonly confHash: string | null;
}

const EMPTY_STATE: State = {
  version: STATE_VERSION,
  epoch: 0,
  applied: null,
  master: null,
  nodes: {},
  lineage: [],
};

/** State of a deployment; the empty one when nothing was ever applied. */
export async function readState(stateDir: string): Promise<State> {
  const file = stateFile(stateDir);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return EMPTY_STATE;
    throw new ReplctlError('INTERNAL', `${file}: cannot be read`, { cause, hint: `ls -l ${file}` });
  }
  try {
    return reviveState(JSON.parse(text) as State);
  } catch (cause) {
    throw new ReplctlError('INTERNAL', `${file}: not a state file`, {
      cause,
      hint: `move it away; "replctl up" then takes over what runs`,
    });
  }
}

export async function writeState(stateDir: string, state: State): Promise<void> {
  await writeDurably(stateFile(stateDir), `${JSON.stringify(state, replaceMaps, 2)}\n`);
}

/** The declaration in the form that `state.json` keeps. */
export function toApplied({ name, file, nodes }: Topology): Applied {
  return { name, file: file === null ? null : path.basename(file), nodes };
}

/** Whether two declarations ask for the same deployment. */
export function isSameDeclaration(a: Applied | null, b: Applied | null): boolean {
  return JSON.stringify(a, replaceMaps) === JSON.stringify(b, replaceMaps);
}

function stateFile(stateDir: string): string {
  return path.join(stateDir, 'state.json');
}

function replaceMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? { map: [...value] } : value;
}

function reviveState(read: State): State {
  // A state file of before there was a lineage has none.
  const raw = { ...EMPTY_STATE, ...read };
  if (raw.version !== STATE_VERSION) throw new Error(`version ${String(raw.version)}`);
  if (raw.applied === null) return raw;
  return { ...raw, applied: { ...raw.applied, nodes: raw.applied.nodes.map(reviveNode) } };
}

function reviveNode(raw: NodeSpec): NodeSpec {
  const { map } = raw.config as unknown as {
    readonly map: readonly (readonly [string, readonly (readonly string[])[]])[];
  };
  return { ...raw, config: new Map(map) };
}
