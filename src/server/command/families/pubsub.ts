import { matchGlob } from '../../keyspace/match-glob.ts';
import type { PubSub, SubscriptionKind } from '../../pubsub/pubsub.ts';
import type { Args } from '../../resp/args.ts';
import { wrongSubcommandUse } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { TO_REPLICATION } from '../propagation.ts';

/** Messages between clients, and the introspection of who listens. */
export function pubsubCommands(pubsub: PubSub): Family {
  return {
    subscribe: (ctx, args) => subscribe(ctx, args, 'channel', 'subscribe'),
    psubscribe: (ctx, args) => subscribe(ctx, args, 'pattern', 'psubscribe'),
    ssubscribe: (ctx, args) => subscribe(ctx, args, 'shard', 'ssubscribe'),
    unsubscribe: (ctx, args) => unsubscribe(ctx, args, 'channel', 'unsubscribe'),
    punsubscribe: (ctx, args) => unsubscribe(ctx, args, 'pattern', 'punsubscribe'),
    sunsubscribe: (ctx, args) => unsubscribe(ctx, args, 'shard', 'sunsubscribe'),
    publish(ctx, args) {
      const receivers = pubsub.publish(args.string(1), args.string(2));
      ctx.forcePropagation(TO_REPLICATION);
      ctx.reply.int(receivers);
    },
    spublish(ctx, args) {
      const receivers = pubsub.publishToShard(args.string(1), args.string(2));
      ctx.forcePropagation(TO_REPLICATION);
      ctx.reply.int(receivers);
    },
    'pubsub|channels': (ctx, args) => listActive(ctx, args, 'channel'),
    'pubsub|shardchannels': (ctx, args) => listActive(ctx, args, 'shard'),
    'pubsub|numsub': (ctx, args) => countListeners(ctx, args, 'channel'),
    'pubsub|shardnumsub': (ctx, args) => countListeners(ctx, args, 'shard'),
    'pubsub|numpat': (ctx) => ctx.reply.int(pubsub.active('pattern').length),
    'pubsub|help': (ctx) => ctx.reply.lines(HELP),
  };

  function subscribe(ctx: Context, args: Args, kind: SubscriptionKind, event: string): void {
    if (!ctx.canBlock && ctx.client.transport === undefined)
      throw new ReplyError('ERR This Redis command is not allowed from script');
    for (const name of args.strings(1)) {
      pubsub.subscribe(ctx.client, kind, name);
      tell(ctx, event, name, counted(ctx, kind));
    }
  }

  function unsubscribe(ctx: Context, args: Args, kind: SubscriptionKind, event: string): void {
    const names = args.count > 1 ? args.strings(1) : pubsub.names(ctx.client, kind);
    for (const name of names) {
      pubsub.unsubscribe(ctx.client, kind, name);
      tell(ctx, event, name, counted(ctx, kind));
    }
    if (names.length === 0) tell(ctx, event, undefined, counted(ctx, kind));
  }

  /** Shard subscriptions are counted by themselves, the other two together. */
  function counted(ctx: Context, kind: SubscriptionKind): number {
    return pubsub.count(ctx.client, kind === 'shard' ? ['shard'] : ['channel', 'pattern']);
  }

  function listActive(ctx: Context, args: Args, kind: SubscriptionKind): void {
    if (args.count > 3) throw wrongSubcommandUse(args.string(1), 'PUBSUB');
    const active = pubsub.active(kind);
    const pattern = args.count > 2 ? args.string(2) : undefined;
    ctx.reply.bulkStrings(pattern === undefined ? active : active.filter((name) => matchGlob(pattern, name)));
  }

  function countListeners(ctx: Context, args: Args, kind: SubscriptionKind): void {
    ctx.reply.arrayHeader((args.count - 2) * 2);
    for (const name of args.strings(2)) {
      ctx.reply.bulkString(name);
      ctx.reply.int(pubsub.listenerCount(kind, name));
    }
  }
}

function tell(ctx: Context, event: string, name: string | undefined, count: number): void {
  const { reply } = ctx;
  ctx.isPush = true;
  reply.pushHeader(3);
  reply.bulkString(event);
  if (name === undefined) reply.nil();
  else reply.bulkString(name);
  reply.int(count);
}

const HELP = [
  'PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
  'HELP',
  '    Print this help.',
];
