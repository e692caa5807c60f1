import { printInfo, type InfoParts } from '../../admin/info.ts';
import type { LatencyMonitor } from '../../admin/latency.ts';
import type { Monitors } from '../../admin/monitors.ts';
import type { SlowLog } from '../../admin/slow-log.ts';
import { VERSION } from '../../admin/version.ts';
import type { Args } from '../../resp/args.ts';
import { printable } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export interface ObservingParts extends InfoParts {
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  readonly monitors: Monitors;
}

/** INFO, TIME, SLOWLOG, LATENCY, MONITOR, LOLWUT. */
export function observingCommands(parts: ObservingParts): Family {
  const { slowLog, latency, monitors } = parts;
  return {
    info: (ctx, args) => ctx.reply.verbatim(printInfo(ctx.server, parts, args.strings(1))),
    time(ctx) {
      const usec = Math.round(ctx.now * 1000);
      ctx.reply.bulkStrings([String(Math.floor(usec / 1_000_000)), String(usec % 1_000_000)]);
    },
    lolwut: (ctx) => ctx.reply.verbatim(`Redis ver. ${VERSION}\n`),
    monitor(ctx) {
      if (!monitors.has(ctx.client)) monitors.add(ctx.client);
      ctx.reply.ok();
    },
    'slowlog|get': (ctx, args) => slowLogGet(ctx, args, slowLog),
    'slowlog|len': (ctx) => ctx.reply.int(slowLog.entries.length),
    'slowlog|reset'(ctx) {
      slowLog.clear();
      ctx.reply.ok();
    },
    'slowlog|help': (ctx) => ctx.reply.lines(SLOWLOG_HELP),
    'latency|latest': (ctx) => latest(ctx, latency),
    'latency|history'(ctx, args) {
      const spikes = latency.events.get(args.string(2))?.spikes ?? [];
      ctx.reply.arrayHeader(spikes.length);
      for (const { at, ms } of spikes) {
        ctx.reply.arrayHeader(2);
        ctx.reply.int(at);
        ctx.reply.int(Math.round(ms));
      }
    },
    'latency|reset': (ctx, args) => ctx.reply.int(latency.reset(args.strings(2))),
    'latency|graph'(ctx, args) {
      const event = latency.events.get(args.string(2));
      if (event === undefined)
        throw new ReplyError(`ERR No samples available for event '${printable(args.string(2))}'`);
      const lines = event.spikes.map(
        ({ at, ms }) => `${String(at)} ${'#'.repeat(Math.min(60, Math.ceil(ms)))} ${String(Math.round(ms))}`,
      );
      const all = event.spikes.map(({ ms }) => Math.round(ms));
      const [high, low] = [Math.max(...all), Math.min(...all)].map(String);
      ctx.reply.verbatim(
        `${args.string(2)} - high ${high} ms, low ${low} ms (all time high ${String(Math.round(event.maxMs))} ms)\n` +
          `${'-'.repeat(80)}\n${lines.join('\n')}\n`,
      );
    },
    'latency|doctor'(ctx) {
      ctx.reply.verbatim(
        latency.events.size === 0
          ? 'Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n'
          : `Latency spikes were observed for: ${[...latency.events.keys()].join(', ')}.\n`,
      );
    },
    'latency|histogram': (ctx, args) => histogram(ctx, args),
    'latency|help': (ctx) => ctx.reply.lines(LATENCY_HELP),
  };
}

function slowLogGet(ctx: Context, args: Args, { entries }: SlowLog): void {
  let count = 10;
  if (args.count > 2) {
    const wrong = new ReplyError('ERR count should be greater than or equal to -1');
    count = args.int(2, wrong);
    if (count < -1) throw wrong;
  }
  const shown = count === -1 ? entries : entries.slice(0, count);
  ctx.reply.arrayHeader(shown.length);
  for (const { id, at, usec, argv, peer, name } of shown) {
    ctx.reply.arrayHeader(6);
    ctx.reply.int(id);
    ctx.reply.int(at);
    ctx.reply.int(usec);
    ctx.reply.bulkStrings(argv);
    ctx.reply.bulkString(peer);
    ctx.reply.bulkString(name);
  }
}

function latest({ reply }: Context, { events }: LatencyMonitor): void {
  reply.arrayHeader(events.size);
  for (const [name, { spikes, maxMs }] of events) {
    const last = spikes.at(-1);
    reply.arrayHeader(4);
    reply.bulkString(name);
    reply.int(last?.at ?? 0);
    reply.int(Math.round(last?.ms ?? 0));
    reply.int(Math.round(maxMs));
  }
}

function histogram({ reply, server }: Context, args: Args): void {
  const all = [...server.commands.all()];
  const chosen =
    args.count === 2
      ? all
      : args.strings(2).flatMap((name) => {
          const command = server.commands.get(name);
          return command === undefined ? [] : [command, ...(command.subcommands?.values() ?? [])];
        });
  const called = chosen.filter(({ stats }) => stats.latency.total > 0);
  reply.mapHeader(called.length);
  for (const { name, stats } of called) {
    reply.bulkString(name);
    reply.mapHeader(2);
    reply.bulkString('calls');
    reply.int(stats.latency.total);
    reply.bulkString('histogram_usec');
    const rows = stats.latency.cumulative();
    reply.mapHeader(rows.length);
    for (const [usec, count] of rows) {
      reply.int(usec);
      reply.int(count);
    }
  }
}

const SLOWLOG_HELP = [
  'SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET [<count>]',
  '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
  '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,',
  '    client name',
  'LEN',
  '    Return the length of the slowlog.',
  'RESET',
  '    Reset the slowlog.',
  'HELP',
  '    Print this help.',
];

const LATENCY_HELP = [
  'LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR',
  '    Return a human readable latency analysis report.',
  'GRAPH <event>',
  '    Return an ASCII latency graph for the <event> class.',
  'HISTORY <event>',
  '    Return time-latency samples for the <event> class.',
  'LATEST',
  '    Return the latest latency samples for all events.',
  'RESET [<event> ...]',
  '    Reset latency data of one or more <event> classes.',
  '    (default: reset all data for all event classes)',
  'HISTOGRAM [COMMAND ...]',
  '    Return a cumulative distribution of commands in histogram format.',
  '    If no commands are specified then all histograms are replied',
  'HELP',
  '    Print this help.',
];
