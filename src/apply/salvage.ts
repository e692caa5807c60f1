import { ReplctlError } from '../errors.ts';
import type { ReplicationInfo } from '../observe/parse-info.ts';
import { parseStream, type StreamCommand } from '../observe/parse-stream.ts';
import { readStream } from '../observe/read-stream.ts';
import { ErrorReply } from '../observe/reply.ts';
import { rootOf, treeOf } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { readReplication } from './read-replication.ts';
import { up } from './up.ts';

export interface SalvageOptions {
  /** Sends the recovered commands to the master, in order. */
  readonly replays: boolean;
  /** Hangs the node under its declared parent afterwards: what was not replayed is gone then. */
  readonly reattaches: boolean;
}

export interface SalvageResult {
  readonly node: NodeId;
  readonly master: NodeId;
  /** First offset that the master never got. */
  readonly fromOffset: number;
  readonly divergedBytes: number;
  /** Bytes that have left the backlog: they cannot be read back. */
  readonly lostBytes: number;
  readonly commands: readonly { readonly database: number; readonly args: readonly string[] }[];
  /** Keys that were written on both sides since they parted. */
  readonly touchedOnBoth: readonly string[];
  readonly replayed: number;
  /** What the master answered to commands it refused. */
  readonly refused: readonly { readonly command: string; readonly said: string }[];
}

const REPLY_TIMEOUT_MS = 5_000;

/**
 * Reads back, byte for byte, what a former master took after another node had been promoted: it still answers a
 * PSYNC from the point where they parted, while its backlog reaches. REFUSED when the two share no such point.
 */
export async function salvage(
  context: ApplyContext,
  node: NodeId,
  options: SalvageOptions,
): Promise<SalvageResult> {
  const deployment = await openDeployment(context.topology);
  const master = rootOf(treeOf(context.topology));
  const [theirs, ours] = await Promise.all([read(deployment, node), read(deployment, master)]);
  const fromOffset = forkOf(node, theirs, master, ours);
  const divergedBytes = Math.max(0, theirs.offset - fromOffset + 1);
  const found = await readDiverged(deployment, node, theirs, fromOffset);
  const commands = found?.commands.filter(isWrite) ?? [];
  const onMaster = await readDiverged(deployment, master, ours, fromOffset);
  const replay = options.replays ? await send(deployment, master, commands) : { replayed: 0, refused: [] };
  if (options.reattaches) {
    await up(context, {
      isDryRun: false,
      allowsRemoval: false,
      restoresRoles: false,
      discardsDiverged: true,
    });
  }
  const theirKeys = new Set(commands.map(keyOf));
  const both = new Set(
    (onMaster?.commands.filter(isWrite) ?? []).map(keyOf).filter((key) => theirKeys.has(key)),
  );
  return {
    node,
    master,
    fromOffset,
    divergedBytes,
    lostBytes: found === null ? divergedBytes : 0,
    commands: commands.map(({ database, args }) => ({ database, args: args.map(String) })),
    touchedOnBoth: [...both].map((key) => key.slice(key.indexOf(':') + 1)),
    ...replay,
  };
}

async function read(deployment: Deployment, id: NodeId): Promise<ReplicationInfo> {
  const client = await deployment.connect(id, REPLY_TIMEOUT_MS);
  try {
    return await readReplication(client, id);
  } finally {
    client.close();
  }
}

/** Where the master's history left the node's: its `second_repl_offset`, if the node is still on that history. */
function forkOf(node: NodeId, theirs: ReplicationInfo, master: NodeId, ours: ReplicationInfo): number {
  if (theirs.role === 'master' && ours.secondOffset > 0 && theirs.replid === ours.replid2)
    return ours.secondOffset;
  throw new ReplctlError(
    'REFUSED',
    theirs.replid === ours.replid
      ? `${node} is on ${master}'s history: there is nothing to salvage`
      : `${node} and ${master} share no point from which ${node} could be read back`,
    {
      hint: 'replctl status',
      details: { node: theirs.replid, master: ours.replid, masterBefore: ours.replid2 },
    },
  );
}

/** null when the stretch is no longer in the node's backlog. */
async function readDiverged(
  deployment: Deployment,
  id: NodeId,
  { replid, offset, backlog }: ReplicationInfo,
  fromOffset: number,
): Promise<{ commands: readonly StreamCommand[] } | null> {
  const lengthBytes = offset - fromOffset + 1;
  if (lengthBytes <= 0) return { commands: [] };
  if (!backlog.isActive || backlog.firstByteOffset > fromOffset) return null;
  const spec = deployment.spec(id);
  const stream = await readStream(spec, {
    password: deployment.secrets.passwordOf(spec),
    replid,
    fromOffset,
    lengthBytes,
    timeoutMs: REPLY_TIMEOUT_MS,
  });
  return stream === null ? null : parseStream(stream);
}

const NOT_WRITES = new Set(['PING', 'REPLCONF', 'SELECT']);

function isWrite({ args }: StreamCommand): boolean {
  return !NOT_WRITES.has(String(args[0]).toUpperCase());
}

/** Database and first key; commands of several keys are known by their first. */
function keyOf({ database, args }: StreamCommand): string {
  return `${database}:${String(args[1] ?? '')}`;
}

async function send(
  deployment: Deployment,
  master: NodeId,
  commands: readonly StreamCommand[],
): Promise<Pick<SalvageResult, 'replayed' | 'refused'>> {
  const client = await deployment.connect(master, REPLY_TIMEOUT_MS);
  const refused: { command: string; said: string }[] = [];
  let database = 0;
  try {
    for (const { database: wanted, args } of commands) {
      if (!args.every(isText)) {
        refused.push({ command: String(args[0]), said: 'holds bytes that are not UTF-8: not replayed' });
        continue;
      }
      if (wanted !== database) await client.call('SELECT', String(wanted));
      database = wanted;
      const reply = await client.call(...args.map(String));
      if (reply instanceof ErrorReply) refused.push({ command: String(args[0]), said: reply.message });
    }
    return { replayed: commands.length - refused.length, refused };
  } finally {
    client.close();
  }
}

function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString()).equals(bytes);
}
