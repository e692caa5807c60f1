import type { Client } from './client.ts';
import { ErrorReply, type RawReply } from './reply.ts';

/** The data of a node at one point of the replication stream, digested by its server (the bundled one). */
export interface CutDigest {
  readonly replid: string;
  readonly offset: number;
  /** Keys digested: those past their time at the master's clock are not. */
  readonly keys: number;
  /** 16 bytes for each bucket, when none was named. */
  readonly sums: Buffer;
  /** The keys of the buckets named. */
  readonly rows: readonly CutRow[];
}

export interface CutRow {
  readonly database: number;
  readonly key: Buffer;
  readonly type: string;
  readonly expiresAt: number;
  readonly digest: string;
}

export interface CutRequest {
  /** Hex digits: the same on all nodes that are to be compared. */
  readonly id: string;
  readonly bucketCount: number;
  readonly buckets: readonly number[];
}

/** How far a digest is: -1 before the cut, then keys. */
export type CutProgress = number;

const FIELDS = 5;

/**
 * Asks a master for a digest of now, or a replica for one of where its master takes it; to be asked of the replicas
 * first. False when the server does not do that: too old, no link, writes paused.
 */
export async function beginCut(client: Client, { id, bucketCount, buckets }: CutRequest): Promise<boolean> {
  const named = buckets.map(String);
  const reply = await client.call('DEBUG', 'DIGEST-CUT', 'BEGIN', id, String(bucketCount), ...named);
  return reply === 'OK';
}

/** The digest, or how far it is; null when the server holds none. Rows come by the thousand. */
export async function readCut(client: Client): Promise<CutDigest | CutProgress | null> {
  const first = await readPage(client, 0);
  if (first === null || typeof first === 'number' || first.sums.length > 0) return first;
  const rows = [...first.rows];
  while (rows.length < first.keys) {
    const page = await readPage(client, rows.length);
    if (page === null || typeof page === 'number' || page.rows.length === 0) return null;
    rows.push(...page.rows);
  }
  return { ...first, rows };
}

async function readPage(client: Client, from: number): Promise<CutDigest | CutProgress | null> {
  const [reply = null] = await client.pipelineRaw([['DEBUG', 'DIGEST-CUT', 'READ', String(from)]]);
  if (typeof reply === 'number') return reply;
  if (reply instanceof ErrorReply || !Array.isArray(reply)) return null;
  const [replid = null, offset, keys, sums = null, flat = null]: readonly RawReply[] = reply;
  if (!Array.isArray(flat)) return null;
  const values: readonly RawReply[] = flat;
  const rows = Array.from({ length: values.length / FIELDS }, (_, index): CutRow => {
    const [database, key = null, type = null, expiresAt, digest = null] = values.slice(
      index * FIELDS,
      (index + 1) * FIELDS,
    );
    return {
      database: Number(database),
      key: bytesOf(key),
      type: bytesOf(type).toString(),
      expiresAt: Number(expiresAt),
      digest: bytesOf(digest).toString('hex'),
    };
  });
  const [id, bytes] = [bytesOf(replid).toString(), bytesOf(sums)];
  return { replid: id, offset: Number(offset), keys: Number(keys), sums: bytes, rows };
}

function bytesOf(reply: RawReply): Buffer {
  return Buffer.isBuffer(reply) ? reply : Buffer.alloc(0);
}
