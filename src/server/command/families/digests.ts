import { BatchDigest } from '../../admin/digest-batch.ts';
import type { DigestCuts, HeldCut } from '../../admin/digest-cuts.ts';
import { digestData, digestValue } from '../../admin/digest-data.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Context } from '../context.ts';
import type { Subcommands } from './debug.ts';

const MOST_BUCKETS = 65_536;
/** Rows in one reply: less than a millisecond's work. */
const PAGE_ROWS = 1_000;
const NO_CUT = new ReplyError('ERR No digest was begun on this connection, or it was not asked for in time');
const TOO_MANY_KEYS = new ReplyError('ERR Too many keys in these buckets');

/** DEBUG DIGEST and what belongs to it. */
export function digestSubcommands(cuts: DigestCuts): Subcommands {
  return {
    DIGEST: (ctx) => ctx.reply.simple(digestData(ctx.server.keyspace)),
    'DIGEST-VALUE': digestValues,
    'DIGEST-BATCH': digestBatch,
    'DIGEST-CUT': (ctx, args) => digestCut(ctx, args, cuts),
  };
}

function digestValues(ctx: Context, args: Args): void {
  ctx.reply.arrayHeader(args.count - 2);
  for (const key of args.strings(2)) {
    const ref = ctx.findKey(key);
    ctx.reply.simple(ref === 0 ? '0'.repeat(40) : digestValue(ctx.db, ref));
  }
}

/**
 * DEBUG DIGEST-BATCH most key [key …]: not in Redis, for `replctl verify`. A digest of all, and the positions (from 1)
 * of keys whose content is not in it, since that would be more than `most` elements in all.
 */
function digestBatch(ctx: Context, args: Args): void {
  if (args.count < 4) throw ERRORS.syntax;
  const digest = new BatchDigest(args.int(2), ctx.now);
  const large: number[] = [];
  for (const [index, key] of args.strings(3).entries()) {
    const ref = ctx.findKey(key);
    if (ref === 0) digest.addNone();
    else if (!digest.add(ctx.db, ref)) large.push(index + 1);
  }
  ctx.reply.arrayHeader(1 + large.length);
  ctx.reply.bulkString(digest.hex);
  for (const position of large) ctx.reply.int(position);
}

/**
 * DEBUG DIGEST-CUT, not in Redis, for `replctl verify`: see `DigestCuts`.
 *
 * BEGIN id buckets [bucket …] takes the digest, on a replica where the stream says so. READ [from] gives -1 until then,
 * the number of keys digested until all are, and then replication id, offset, number of keys, 16 bytes for each bucket
 * or, when buckets were named, some of their keys: database, key, type, expiry (Unix ms, or -1), 16 bytes for the content.
 */
function digestCut(ctx: Context, args: Args, cuts: DigestCuts): void {
  const verb = args.count > 2 ? args.upper(2) : '';
  if (verb === 'READ' && args.count < 5)
    readCut(ctx, cuts.find(ctx.client), args.count > 3 ? args.int(3) : 0);
  else if (verb === 'BEGIN' && args.count > 4) {
    const bucketCount = args.int(4);
    const listed = new Set(args.strings(5).map((_, index) => args.int(5 + index)));
    if (!/^[0-9a-f]{1,40}$/.test(args.string(3)) || bucketCount < 1 || bucketCount > MOST_BUCKETS)
      throw ERRORS.syntax;
    cuts.begin(ctx.client, args.string(3), { bucketCount, listed });
    ctx.reply.ok();
  } else throw ERRORS.syntax;
}

function readCut({ reply }: Context, cut: HeldCut | undefined, from: number): void {
  if (cut === undefined) throw NO_CUT;
  if (cut.taken === undefined) {
    reply.int(-1);
    return;
  }
  const { digest, position } = cut.taken;
  if (digest.hasTooManyRows) throw TOO_MANY_KEYS;
  if (!digest.isDone) {
    reply.int(digest.keys);
    return;
  }
  reply.arrayHeader(5);
  reply.bulkString(position.replid);
  reply.int(position.offset);
  reply.int(digest.keys);
  reply.bulk(new Uint8Array(digest.sums.buffer));
  const rows = digest.rows.slice(from, from + PAGE_ROWS);
  reply.arrayHeader(rows.length * 5);
  for (const { dbIndex, key, type, expireAtMs, content } of rows) {
    reply.int(dbIndex);
    reply.bulk(key);
    reply.bulkString(type);
    reply.int(expireAtMs);
    reply.bulk(content);
  }
}
