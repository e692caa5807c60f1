import { ordinaryClientBytes } from '../../admin/client-memory.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

/** Bytes of an entry beside its key and value: slot, header and expiry. */
const ENTRY_BYTES = 32;

/** MEMORY …: what the data takes. */
export const memoryCommands: Family = {
  'memory|usage': usage,
  'memory|stats': stats,
  'memory|doctor': (ctx) =>
    ctx.reply.verbatim(
      "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n",
    ),
  'memory|malloc-stats': (ctx) => ctx.reply.verbatim('Stats not supported for the current allocator'),
  'memory|purge': (ctx) => ctx.reply.ok(),
  'memory|help': (ctx) => ctx.reply.lines(HELP),
};

function usage(ctx: Context, args: Args): void {
  for (let at = 3; at < args.count; at += 2) {
    if (!args.is(at, 'SAMPLES') || at + 1 >= args.count) throw ERRORS.syntax;
    if (args.int(at + 1) < 0) throw ERRORS.syntax;
  }
  const ref = ctx.findKey(args.string(2));
  if (ref === 0) {
    ctx.reply.nil();
    return;
  }
  const { db } = ctx;
  const value = db.isString(ref) ? db.valueLength(ref) : db.object(ref).bytes;
  ctx.reply.int(ENTRY_BYTES + args.length(2) + value);
}

function stats(ctx: Context): void {
  const { reply, server } = ctx;
  const data = server.usedBytes;
  const clients = ordinaryClientBytes(server);
  const used = data + clients;
  const keys = server.keyspace.size;
  server.stats.peakMemoryBytes = Math.max(server.stats.peakMemoryBytes, used);
  const { rss } = process.memoryUsage();
  const fields: readonly (readonly [name: string, value: number, isDouble?: boolean])[] = [
    ['peak.allocated', server.stats.peakMemoryBytes],
    ['total.allocated', used],
    ['startup.allocated', 0],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', clients],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
    ['overhead.total', used - data],
    ['keys.count', keys],
    ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor(data / keys)],
    ['dataset.bytes', data],
    ['dataset.percentage', used === 0 ? 0 : (data / used) * 100, true],
    ['peak.percentage', used === 0 ? 0 : (used / server.stats.peakMemoryBytes) * 100, true],
    ['fragmentation', used === 0 ? 0 : rss / used, true],
    ['fragmentation.bytes', rss - used],
  ];
  reply.mapHeader(fields.length);
  for (const [name, value, isDouble] of fields) {
    reply.bulkString(name);
    if (isDouble === true) reply.double(value);
    else reply.int(value);
  }
}

const HELP = [
  'MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR',
  '    Return memory problems reports.',
  'MALLOC-STATS',
  '    Return internal statistics report from the memory allocator.',
  'PURGE',
  '    Attempt to purge dirty pages for reclamation by the allocator.',
  'STATS',
  '    Return information about the memory usage of the server.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value. Nested values are',
  '    sampled up to <count> times (default: 5, 0 means sample all).',
  'HELP',
  '    Print this help.',
];
