import { HashValue } from '../../keyspace/values/hash-value.ts';
import { ListValue } from '../../keyspace/values/list-value.ts';
import { SetValue } from '../../keyspace/values/set-value.ts';
import { StreamValue } from '../../keyspace/values/stream-value.ts';
import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { encodingLimits } from './encoding-limits.ts';

export const objectCommands: Family = {
  'object|encoding': (ctx, args) => withKey(ctx, args, (ref) => ctx.reply.bulkString(encodingOf(ctx, ref))),
  'object|refcount': (ctx, args) =>
    withKey(ctx, args, (ref) => ctx.reply.int(isShared(ctx, ref) ? 2_147_483_647 : 1)),
  'object|idletime': idleTime,
  'object|freq': frequency,
  'object|help': (ctx) => ctx.reply.lines(HELP),
};

const ADVICE =
  'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
  'HELP',
  '    Print this help.',
];

/** None of these counts as an access. */
function withKey(ctx: Context, args: Args, use: (ref: number) => void): void {
  const ref = ctx.peek(args, 2);
  if (ref === 0) ctx.reply.nil();
  else use(ref);
}

/** How Redis would keep the value: what OBJECT ENCODING says. */
export function encodingOf(ctx: Context, ref: number): string {
  const { db } = ctx;
  if (db.isString(ref)) return db.stringEncoding(ref);
  const object = db.object(ref);
  const limits = encodingLimits(ctx);
  if (object instanceof ListValue) return object.encoding(limits);
  if (object instanceof SetValue) return object.encoding(limits);
  if (object instanceof ZSetValue) return object.encoding(limits);
  if (object instanceof HashValue) return object.encoding(limits);
  return object instanceof StreamValue ? object.encoding() : 'unknown';
}

/** Redis shares the integers below 10000, unless an eviction policy needs each value's own access time. */
function isShared(ctx: Context, ref: number): boolean {
  const { db, server } = ctx;
  if (!db.isString(ref) || db.stringEncoding(ref) !== 'int' || server.eviction.isByAccess) return false;
  const value = Number(db.valueString(ref));
  return value >= 0 && value < 10_000;
}

function idleTime(ctx: Context, args: Args): void {
  withKey(ctx, args, (ref) => {
    if (ctx.db.isFrequencyCounted) {
      throw new ReplyError(`ERR An LFU maxmemory policy is selected, idle time not tracked. ${ADVICE}`);
    }
    ctx.reply.int((ctx.db.accessClock - ctx.db.access(ref)) & 0xff_ffff);
  });
}

function frequency(ctx: Context, args: Args): void {
  withKey(ctx, args, (ref) => {
    if (!ctx.db.isFrequencyCounted) {
      throw new ReplyError(
        `ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${ADVICE}`,
      );
    }
    ctx.reply.int(ctx.server.eviction.frequencyOf(ctx.db.access(ref)));
  });
}
