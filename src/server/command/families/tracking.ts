import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Tracking, TrackingMode } from '../../tracking/tracking.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

const SWITCH_BCAST = new ReplyError(
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a " +
    'different mode.',
);
const SWITCH_OPT = new ReplyError(
  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a " +
    'different mode.',
);

/** CLIENT TRACKING and its kin: word to clients that what they cached is stale. */
export function trackingCommands(tracking: Tracking): Family {
  return {
    'client|tracking': setTracking,
    'client|caching': setCaching,
    'client|getredir': (ctx) => ctx.reply.int(tracking.modes.get(ctx.client)?.redirect ?? -1),
    'client|trackinginfo': describe,
  };

  function setTracking(ctx: Context, args: Args): void {
    const mode = readMode(ctx, args);
    if (args.is(2, 'ON')) {
      checkMode(mode, tracking.modes.get(ctx.client));
      tracking.enable(ctx.client, mode);
    } else if (args.is(2, 'OFF')) {
      tracking.disable(ctx.client);
    } else {
      throw ERRORS.syntax;
    }
    ctx.reply.ok();
  }

  function setCaching(ctx: Context, args: Args): void {
    const mode = tracking.modes.get(ctx.client);
    if (mode === undefined)
      throw new ReplyError(
        'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
      );
    if (args.is(2, 'YES')) {
      if (!mode.isOptIn)
        throw new ReplyError('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
    } else if (args.is(2, 'NO')) {
      if (!mode.isOptOut)
        throw new ReplyError('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
    } else {
      throw ERRORS.syntax;
    }
    mode.hasCaching = true;
    ctx.reply.ok();
  }

  function describe({ client, reply }: Context): void {
    const mode = tracking.modes.get(client);
    const flags = mode === undefined ? ['off'] : modeFlags(mode);
    reply.mapHeader(3);
    reply.bulkString('flags');
    reply.setHeader(flags.length);
    for (const flag of flags) reply.bulkString(flag);
    reply.bulkString('redirect');
    reply.int(mode?.redirect ?? -1);
    reply.bulkString('prefixes');
    reply.bulkStrings(mode?.isBroadcast === true ? [...mode.prefixes].sort() : []);
  }
}

function modeFlags(mode: TrackingMode): string[] {
  return [
    'on',
    ...(mode.isBroadcast ? ['bcast'] : []),
    ...(mode.isOptIn ? ['optin', ...(mode.hasCaching ? ['caching-yes'] : [])] : []),
    ...(mode.isOptOut ? ['optout', ...(mode.hasCaching ? ['caching-no'] : [])] : []),
    ...(mode.skipsOwn ? ['noloop'] : []),
    ...(mode.isRedirectBroken ? ['broken_redirect'] : []),
  ];
}

function readMode(ctx: Context, args: Args): TrackingMode {
  let redirect = 0;
  const words = new Set<string>();
  const prefixes = new Set<string>();
  for (let at = 3; at < args.count; at += 1) {
    const word = args.upper(at);
    const hasMore = at + 1 < args.count;
    if (word === 'REDIRECT' && hasMore) {
      if (redirect !== 0) throw new ReplyError('ERR A client can only redirect to a single other client');
      redirect = args.int(at + 1);
      if (!ctx.server.clients.has(redirect))
        throw new ReplyError('ERR The client ID you want redirect to does not exist');
      at += 1;
    } else if (word === 'PREFIX' && hasMore) {
      prefixes.add(args.string(at + 1));
      at += 1;
    } else if (['BCAST', 'OPTIN', 'OPTOUT', 'NOLOOP'].includes(word)) {
      words.add(word);
    } else {
      throw ERRORS.syntax;
    }
  }
  return {
    redirect,
    isBroadcast: words.has('BCAST'),
    isOptIn: words.has('OPTIN'),
    isOptOut: words.has('OPTOUT'),
    skipsOwn: words.has('NOLOOP'),
    prefixes,
    hasCaching: false,
    isRedirectBroken: false,
  };
}

/** Which options go together, with each other and with the mode the client is in already. */
function checkMode(mode: TrackingMode, known: TrackingMode | undefined): void {
  if (!mode.isBroadcast && mode.prefixes.size > 0)
    throw new ReplyError('ERR PREFIX option requires BCAST mode to be enabled');
  if (known !== undefined && known.isBroadcast !== mode.isBroadcast) throw SWITCH_BCAST;
  if (mode.isBroadcast && (mode.isOptIn || mode.isOptOut))
    throw new ReplyError('ERR OPTIN and OPTOUT are not compatible with BCAST');
  if (mode.isOptIn && mode.isOptOut)
    throw new ReplyError("ERR You can't specify both OPTIN mode and OPTOUT mode");
  if ((mode.isOptIn && known?.isOptOut === true) || (mode.isOptOut && known?.isOptIn === true))
    throw SWITCH_OPT;
  if (!mode.isBroadcast) return;
  const collides = (prefix: string, other: string): boolean =>
    other !== prefix && (other.startsWith(prefix) || prefix.startsWith(other));
  for (const prefix of mode.prefixes) {
    const own = [...(known?.prefixes ?? [])].find((other) => collides(prefix, other));
    if (own !== undefined) throw overlap(prefix, `an existing prefix '${own}'`);
    const given = [...mode.prefixes].find((other) => collides(prefix, other));
    if (given !== undefined) throw overlap(prefix, `another provided prefix '${given}'`);
  }
  if (mode.prefixes.size === 0) mode.prefixes.add('');
}

function overlap(prefix: string, other: string): ReplyError {
  return new ReplyError(
    `ERR Prefix '${prefix}' overlaps with ${other}. Prefixes for a single client must not overlap.`,
  );
}
