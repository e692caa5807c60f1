import { createHash } from 'node:crypto';
import type { Client } from './client.ts';
import { ErrorReply, type RawReply } from './reply.ts';

/** What one key holds, in a form that any two engines and versions have in common. */
export interface Fingerprint {
  /** As TYPE names it; `none` when there is no such key. */
  readonly type: string;
  /** Unix time in milliseconds, absolute and so the same everywhere; or only whether there is one. */
  readonly expiresAt: string;
  readonly digest: string;
}

/**
 * Fingerprints of keys of the selected database, in two round trips. The content is read by the commands of its type
 * and put in order, since DUMP depends on the encoding, and DEBUG DIGEST-VALUE is off on most servers. Expiry of
 * single hash fields is not looked at. `readsExpiryTimes` is for PEXPIRETIME, which came with Redis 7.0.
 */
export async function fingerprint(
  client: Client,
  keys: readonly Buffer[],
  readsExpiryTimes: boolean,
): Promise<Fingerprint[]> {
  const heads = await client.pipelineRaw(
    keys.flatMap((key) => [
      ['TYPE', key],
      [readsExpiryTimes ? 'PEXPIRETIME' : 'PTTL', key],
    ]),
  );
  const types = keys.map((_, index) => textOf(heads[index * 2]));
  const commands = keys.map((key, index) => READ[types[index] ?? '']?.(key) ?? [['DUMP', key]]);
  const replies = await client.pipelineRaw(commands.flat());
  let at = 0;
  return keys.map((_, index): Fingerprint => {
    const type = types[index] ?? 'none';
    const count = commands[index]?.length ?? 0;
    const content = replies.slice(at, at + count);
    at += count;
    const expiry = heads[index * 2 + 1];
    const expiresAt = readsExpiryTimes ? textOf(expiry) : hasExpiry(expiry);
    const digest = createHash('sha1');
    for (const reply of content) feed(digest, canonical(type, reply));
    return { type, expiresAt, digest: type === 'none' ? '' : digest.digest('hex') };
  });
}

export function isSame(a: Fingerprint, b: Fingerprint): boolean {
  return a.type === b.type && a.expiresAt === b.expiresAt && a.digest === b.digest;
}

const READ: Readonly<Record<string, (key: Buffer) => (string | Buffer)[][]>> = {
  none: () => [],
  string: (key) => [['GET', key]],
  list: (key) => [['LRANGE', key, '0', '-1']],
  set: (key) => [['SMEMBERS', key]],
  zset: (key) => [['ZRANGE', key, '0', '-1', 'WITHSCORES']],
  hash: (key) => [['HGETALL', key]],
  stream: (key) => [
    ['XRANGE', key, '-', '+'],
    ['XINFO', 'GROUPS', key],
  ],
};

function textOf(reply: RawReply | undefined): string {
  return Buffer.isBuffer(reply) || typeof reply === 'number' ? String(reply) : '';
}

function hasExpiry(pttl: RawReply | undefined): string {
  return Number(textOf(pttl)) >= 0 ? 'set' : '-1';
}

/** The reply without what may differ between engines: order, the text of a score, counters only some of them have. */
function canonical(type: string, reply: RawReply): RawReply {
  if (!Array.isArray(reply)) return reply;
  const items: readonly RawReply[] = reply;
  if (type === 'set') return sorted(items.map((item) => [item]));
  if (type === 'hash') return sorted(pairs(items));
  if (type === 'zset')
    return pairs(items).map(([member = null, score]) => [member, Buffer.from(String(Number(textOf(score))))]);
  if (type === 'stream') return items.map(groupOrEntry);
  return items;
}

const GROUP_FIELDS = new Set(['name', 'pending', 'last-delivered-id']);

function groupOrEntry(item: RawReply): RawReply {
  if (!Array.isArray(item) || item.length < 4) return item;
  return pairs(item).filter(([field]) => GROUP_FIELDS.has(textOf(field)));
}

function pairs(items: readonly RawReply[]): RawReply[][] {
  return Array.from({ length: Math.floor(items.length / 2) }, (_, index) =>
    items.slice(index * 2, index * 2 + 2),
  );
}

function sorted(rows: readonly (readonly RawReply[])[]): RawReply[] {
  const bytes = ([first]: readonly RawReply[]): Buffer => (Buffer.isBuffer(first) ? first : Buffer.alloc(0));
  return rows.toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)));
}

/** Lengths before contents, so that no two different replies are the same bytes. */
function feed(digest: ReturnType<typeof createHash>, reply: RawReply): void {
  if (Array.isArray(reply)) {
    digest.update(`*${reply.length}\n`);
    for (const item of reply) feed(digest, item);
  } else if (Buffer.isBuffer(reply)) digest.update(`$${reply.length}\n`).update(reply);
  else digest.update(reply instanceof ErrorReply ? `-${reply.code}\n` : `:${textOf(reply)}\n`);
}
