import { ReplctlError } from '../errors.ts';
import type { Client } from '../observe/client.ts';
import { parseInfo, type ReplicationInfo } from '../observe/parse-info.ts';
import { ErrorReply, type Reply } from '../observe/reply.ts';

export async function readReplication(client: Client, node: string): Promise<ReplicationInfo> {
  return parseReplicationReply(await client.call('INFO', 'replication'), node);
}

export function parseReplicationReply(reply: Reply | undefined, node: string): ReplicationInfo {
  if (typeof reply === 'string') return parseInfo(reply).replication;
  throw refused(node, 'INFO replication', reply);
}

/** Bytes applied: a replica's own count, a master's stream. */
export function appliedOffset({ link, offset }: ReplicationInfo): number {
  return link?.appliedOffset ?? offset;
}

/** Fails unless every reply is something else than an error; names the command, never its arguments. */
export function requireOk(
  node: string,
  commands: readonly (readonly string[])[],
  replies: readonly Reply[] | ErrorReply,
): readonly Reply[] {
  if (replies instanceof ErrorReply) throw refused(node, 'EXEC', replies);
  for (const [index, reply] of replies.entries()) {
    if (reply instanceof ErrorReply)
      throw refused(node, (commands[index] ?? []).slice(0, 2).join(' '), reply);
  }
  return replies;
}

function refused(node: string, command: string, reply: Reply | undefined): ReplctlError {
  const said = reply instanceof ErrorReply ? reply.message : JSON.stringify(reply ?? null);
  return new ReplctlError('INCOMPLETE', `${node} refused ${command}: ${said}`, {
    details: { node, command, reply: said },
  });
}
