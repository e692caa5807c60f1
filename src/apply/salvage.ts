import { ReplctlError } from '../errors.ts';
import type { Client } from '../observe/client.ts';
import type { Info } from '../observe/parse-info.ts';
import type { StreamCommand } from '../observe/parse-stream.ts';
import { ErrorReply } from '../observe/reply.ts';
import { leftAt, reportedFork, withForks } from '../plan/lineage.ts';
import { rootOf, treeOf } from '../plan/tree.ts';
import type { NodeId } from '../topology/model.ts';
import type { ApplyContext } from './context.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { readInfo, readSince } from './read-since.ts';
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
  /** Last offset of the node that was read. */
  readonly toOffset: number;
  readonly divergedBytes: number;
  /** Bytes that have left the backlog: they cannot be read back. */
  readonly lostBytes: number;
  /** In order; `database` is null when the stretch that would tell it has left the backlog. */
  readonly commands: readonly RecoveredCommand[];
  /** Keys that were written on both sides since they parted. */
  readonly touchedOnBoth: readonly { readonly database: number | null; readonly key: Buffer }[];
  /** Bytes of the master's own writes since then that could not be read: `touchedOnBoth` may lack some. */
  readonly masterUnreadBytes: number;
  /** Commands the master took; 0 when none was sent. */
  readonly replayed: number;
  /** What the master answered to commands it refused. */
  readonly refused: readonly { readonly command: string; readonly said: string }[];
  readonly isReattached: boolean;
}

export interface RecoveredCommand {
  readonly database: number | null;
  readonly args: readonly Buffer[];
}

const REPLY_TIMEOUT_MS = 5_000;
const BATCH = 500;

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
  const [theirs, ours] = await Promise.all([readInfo(deployment, node), readInfo(deployment, master)]);
  const fromOffset = partingOf(deployment, { node, theirs, master, ours });
  const found = await readSince(deployment, node, theirs, fromOffset);
  const commands = found.commands.filter(isWrite);
  const onMaster = await readSince(deployment, master, ours, fromOffset);
  const client = await deployment.connect(master, REPLY_TIMEOUT_MS);
  try {
    const touchedOnBoth = await findShared(client, commands, onMaster.commands.filter(isWrite));
    const replay = options.replays ? await send(client, commands) : { replayed: 0, refused: [] };
    const toOffset = theirs.replication.offset;
    if (options.reattaches) await reattach(context, node, toOffset);
    return {
      node,
      master,
      fromOffset,
      toOffset,
      divergedBytes: Math.max(0, toOffset - fromOffset + 1),
      lostBytes: found.lostBytes,
      commands: commands.map(({ database, args }) => ({ database, args })),
      touchedOnBoth,
      masterUnreadBytes: onMaster.lostBytes,
      ...replay,
      isReattached: options.reattaches,
    };
  } finally {
    client.close();
  }
}

/**
 * Makes the node a replica again, as declared; what it alone holds is gone then. REFUSED when it took writes after
 * `toOffset`, the last that was read back.
 */
export async function reattach(context: ApplyContext, node: NodeId, toOffset: number): Promise<void> {
  const deployment = await openDeployment(context.topology);
  const { commands, lostBytes } = await readSince(
    deployment,
    node,
    await readInfo(deployment, node),
    toOffset + 1,
  );
  const since = commands.filter(isWrite).length;
  if (since > 0 || lostBytes > 0) {
    throw new ReplctlError('REFUSED', `${node} took ${since} more commands while it was read back`, {
      hint: `keep clients away from ${node}, then replctl salvage ${node}`,
      details: { commands: since, lostBytes },
    });
  }
  await up(context, {
    isDryRun: false,
    allowsRemoval: false,
    restoresRoles: false,
    discardsDiverged: true,
  });
}

/** Where the master's history left the node's, by what both report and what is on record of histories in between. */
function partingOf(
  deployment: Deployment,
  { node, theirs, master, ours }: { node: NodeId; theirs: Info; master: NodeId; ours: Info },
): number {
  const [his, mine] = [theirs.replication, ours.replication];
  const lineage = withForks(deployment.state.lineage, [his, mine].flatMap(reportedFork));
  const parted =
    his.role === 'master' && his.replid !== mine.replid ? leftAt(his.replid, mine.replid, lineage) : null;
  if (parted !== null) return parted;
  throw new ReplctlError(
    'REFUSED',
    his.replid === mine.replid
      ? `${node} is on ${master}'s history: there is nothing to salvage`
      : `${node} and ${master} share no point from which ${node} could be read back`,
    {
      hint: 'replctl status',
      details: { node: his.replid, master: mine.replid, masterBefore: mine.replid2 },
    },
  );
}

const NOT_WRITES = new Set(['PING', 'REPLCONF', 'SELECT']);

function isWrite({ args }: StreamCommand): boolean {
  return !NOT_WRITES.has(String(args[0]).toUpperCase());
}

async function findShared(
  client: Client,
  theirs: readonly StreamCommand[],
  ours: readonly StreamCommand[],
): Promise<SalvageResult['touchedOnBoth']> {
  const [one, other] = [await keysOf(client, theirs), await keysOf(client, ours)];
  return [...one].filter(([id]) => other.has(id)).map(([, key]) => key);
}

/** The keys of commands, once each; the server itself says which of the arguments are keys. */
async function keysOf(
  client: Client,
  commands: readonly StreamCommand[],
): Promise<Map<string, { readonly database: number | null; readonly key: Buffer }>> {
  const keys = new Map<string, { database: number | null; key: Buffer }>();
  for (let start = 0; start < commands.length; start += BATCH) {
    const batch = commands.slice(start, start + BATCH);
    const replies = await client.pipelineRaw(batch.map(({ args }) => ['COMMAND', 'GETKEYS', ...args]));
    for (const [index, { database }] of batch.entries()) {
      const reply = replies[index] ?? null;
      // Commands without keys, as MULTI, are answered with an error.
      const found = Array.isArray(reply) ? reply.filter((item) => Buffer.isBuffer(item)) : [];
      for (const key of found) keys.set(`${database}:${key.toString('latin1')}`, { database, key });
    }
  }
  return keys;
}

async function send(
  client: Client,
  commands: readonly StreamCommand[],
): Promise<Pick<SalvageResult, 'replayed' | 'refused'>> {
  const refused: { command: string; said: string }[] = [];
  let selected: number | null = null;
  let replayed = 0;
  for (let start = 0; start < commands.length; start += BATCH) {
    const batch: (readonly (string | Buffer)[])[] = [];
    for (const { database, args } of commands.slice(start, start + BATCH)) {
      if (database === null) {
        refused.push({ command: String(args[0]), said: 'its database is not known: not replayed' });
        continue;
      }
      if (database !== selected) batch.push(['SELECT', String(database)]);
      selected = database;
      batch.push(args);
    }
    for (const [index, reply] of (await client.pipelineRaw(batch)).entries()) {
      const command = String(batch[index]?.[0]);
      const errors = (Array.isArray(reply) ? reply : [reply]).filter((item) => item instanceof ErrorReply);
      for (const error of errors) refused.push({ command, said: error.message });
      if (errors.length === 0 && command !== 'SELECT') replayed++;
    }
  }
  return { replayed, refused };
}
