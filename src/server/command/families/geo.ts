import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import {
  distanceM,
  geohashText,
  MAX_LATITUDE,
  MAX_LONGITUDE,
  placeOf,
  scoreOf,
  type Place,
} from './geohash.ts';
import { addScores } from './sorted-sets.ts';

export const geoCommands: Family = { geoadd, geodist, geohash, geopos };

const BAD_UNIT = new ReplyError('ERR unsupported unit provided. please use M, KM, FT, MI');

/** Longitude and latitude in the arguments `i` and `i + 1`. */
export function readPlace(args: Args, i: number): Place {
  const longitude = args.double(i);
  const latitude = args.double(i + 1);
  if (Math.abs(longitude) > MAX_LONGITUDE || Math.abs(latitude) > MAX_LATITUDE) {
    const [shownLongitude, shownLatitude] = [longitude, latitude].map(formatFixed);
    throw new ReplyError(`ERR invalid longitude,latitude pair ${shownLongitude},${shownLatitude}`);
  }
  return { longitude, latitude };
}

/** `%f`. */
function formatFixed(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.000000';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** Meters of the unit in argument `i`. */
export function readUnit(args: Args, i: number): number {
  if (args.is(i, 'M')) return 1;
  if (args.is(i, 'KM')) return 1000;
  if (args.is(i, 'FT')) return 0.3048;
  if (args.is(i, 'MI')) return 1609.34;
  throw BAD_UNIT;
}

export function replyDistance(reply: ReplyWriter, distance: number): void {
  reply.bulkString(distance.toFixed(4));
}

/** Both coordinates, exact to seventeen decimals. */
export function replyCoordinates(reply: ReplyWriter, { longitude, latitude }: Place): void {
  reply.arrayHeader(2);
  for (const angle of [longitude, latitude]) {
    const text = angle.toFixed(17).replace(/\.?0+$/, '');
    if (reply.version === 3) reply.latin1(`,${text}\r\n`);
    else reply.bulkString(text);
  }
}

/** GEOADD is ZADD with places for scores, and that is what replicas get. */
function geoadd(ctx: Context, args: Args): void {
  let first = 2;
  let isOnlyNew = false;
  let isOnlyKnown = false;
  for (; first < args.count; first++) {
    if (args.is(first, 'NX')) isOnlyNew = true;
    else if (args.is(first, 'XX')) isOnlyKnown = true;
    else if (!args.is(first, 'CH')) break;
  }
  if ((args.count - first) % 3 !== 0 || (isOnlyNew && isOnlyKnown)) throw ERRORS.syntax;
  const argv = ['ZADD', ...args.strings(1, first)];
  for (let i = first; i < args.count; i += 3)
    argv.push(String(scoreOf(readPlace(args, i))), args.string(i + 2));
  addScores(ctx, Args.of(argv), false);
  ctx.propagateAs(argv);
}

function geodist(ctx: Context, args: Args): void {
  if (args.count > 5) throw ERRORS.syntax;
  const unitM = args.count === 5 ? readUnit(args, 4) : 1;
  const zset = ctx.readValue(args, 1, ZSetValue);
  const a = zset?.score(args.string(2));
  const b = zset?.score(args.string(3));
  if (a === undefined || b === undefined) ctx.reply.nil();
  else replyDistance(ctx.reply, distanceM(placeOf(a), placeOf(b)) / unitM);
}

function geohash(ctx: Context, args: Args): void {
  const zset = ctx.readValue(args, 1, ZSetValue);
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const score = zset?.score(args.string(i));
    if (score === undefined) ctx.reply.nil();
    else ctx.reply.bulkString(geohashText(placeOf(score)));
  }
}

function geopos(ctx: Context, args: Args): void {
  const zset = ctx.readValue(args, 1, ZSetValue);
  ctx.reply.arrayHeader(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    const score = zset?.score(args.string(i));
    if (score === undefined) ctx.reply.nilArray();
    else replyCoordinates(ctx.reply, placeOf(score));
  }
}
