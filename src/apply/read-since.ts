import { ReplctlError } from '../errors.ts';
import { parseInfo, type Info } from '../observe/parse-info.ts';
import { findFirstCommand, parseStream, type StreamCommand } from '../observe/parse-stream.ts';
import { readStream } from '../observe/read-stream.ts';
import type { NodeId } from '../topology/model.ts';
import type { Deployment } from './deployment.ts';

export interface StreamSince {
  readonly commands: readonly StreamCommand[];
  /** Bytes since then that are not among the commands: they have left the backlog. */
  readonly lostBytes: number;
}

const REPLY_TIMEOUT_MS = 5_000;

/** INFO of one node. */
export async function readInfo(deployment: Deployment, id: NodeId): Promise<Info> {
  const client = await deployment.connect(id, REPLY_TIMEOUT_MS);
  try {
    const reply = await client.call('INFO', 'everything');
    if (typeof reply !== 'string') throw new ReplctlError('UNREACHABLE', `${id} does not answer INFO`);
    return parseInfo(reply);
  } finally {
    client.close();
  }
}

/**
 * What a node's stream holds from an offset on, as far as its backlog reaches. The whole backlog is read, since only
 * the SELECT before the offset tells in which database the first commands were; is there none, and the node has keys
 * in database 0 alone, it was that one. A stretch that was cut begins with its first whole command.
 */
export async function readSince(
  deployment: Deployment,
  id: NodeId,
  info: Info,
  fromOffset: number,
): Promise<StreamSince> {
  const { replid, offset, backlog } = info.replication;
  const wantedBytes = Math.max(0, offset - fromOffset + 1);
  if (wantedBytes === 0) return { commands: [], lostBytes: 0 };
  const stream = backlog.isActive ? await readAll(deployment, id, info) : null;
  if (stream === null) return { commands: [], lostBytes: wantedBytes };
  const only = [...info.keyspace.keys()].every((database) => database === 0) ? 0 : null;
  const forkAt = stream.length - wantedBytes;
  if (forkAt < 0) {
    const startAt = findFirstCommand(stream);
    const { commands } = parseStream(stream.subarray(startAt), only);
    return { commands, lostBytes: startAt - forkAt };
  }
  const before = stream.subarray(0, forkAt);
  const { database } = parseStream(before.subarray(findFirstCommand(before)), only);
  const { commands, restBytes } = parseStream(stream.subarray(forkAt), database);
  if (restBytes > 0) {
    throw new ReplctlError(
      'INTERNAL',
      `${id}: offset ${offset} of history ${replid} is not the end of a command`,
    );
  }
  return { commands, lostBytes: 0 };
}

async function readAll(deployment: Deployment, id: NodeId, info: Info): Promise<Buffer | null> {
  const { replid, offset, backlog } = info.replication;
  const spec = deployment.spec(id);
  return readStream(spec, {
    password: deployment.secrets.passwordOf(spec),
    replid,
    fromOffset: backlog.firstByteOffset,
    lengthBytes: offset - backlog.firstByteOffset + 1,
    timeoutMs: REPLY_TIMEOUT_MS,
  });
}
