import { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family, Handler } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { coverShape, distanceWithin, interleave, placeOf, type Place, type Shape } from './geohash.ts';
import { readPlace, readUnit, replyCoordinates, replyDistance } from './geo.ts';

export const geoSearchCommands: Family = {
  georadius: search('coordinates', true),
  georadius_ro: search('coordinates', false),
  georadiusbymember: search('member', true),
  georadiusbymember_ro: search('member', false),
  geosearch: search('options', false),
  geosearchstore: search('options', true),
};

/** Where the middle of the search is said. */
type From = 'coordinates' | 'member' | 'options';

const BAD_RADIUS = new ReplyError('ERR need numeric radius');
const NEGATIVE_RADIUS = new ReplyError('ERR radius cannot be negative');
const BAD_WIDTH = new ReplyError('ERR need numeric width');
const BAD_HEIGHT = new ReplyError('ERR need numeric height');
const NEGATIVE_SIDE = new ReplyError('ERR height or width cannot be negative');
const NO_SUCH_MEMBER = new ReplyError('ERR could not decode requested zset member');
const BAD_COUNT = new ReplyError('ERR COUNT must be > 0');
const ANY_WITHOUT_COUNT = new ReplyError('ERR the ANY argument requires COUNT argument');
const CELL_BITS = 52;

interface Request {
  center: Place | undefined;
  /** Size in the unit asked for, and meters of that unit. */
  size: { readonly width: number; readonly height: number } | number | undefined;
  unitM: number;
  isFromMember: boolean;
  isFromPlace: boolean;
  hasDistance: boolean;
  hasHash: boolean;
  hasCoordinates: boolean;
  isAny: boolean;
  /** 0 for all. */
  count: number;
  order: 1 | -1 | 0;
  storeAt: number;
  storesDistance: boolean;
}

interface Match {
  readonly member: string;
  readonly score: number;
  readonly place: Place;
  readonly distanceM: number;
}

function search(from: From, mayStore: boolean): Handler {
  return (ctx, args) => {
    const keyAt = from === 'options' && mayStore ? 2 : 1;
    const zset = ctx.readValue(args, keyAt, ZSetValue);
    const request = readRequest(args, zset, from, mayStore);
    if (zset === undefined || request.center === undefined || request.size === undefined) {
      if (request.storeAt === 0) return ctx.reply.arrayHeader(0);
      ctx.delete(args, request.storeAt);
      return ctx.reply.int(0);
    }
    const matches = findMatches(zset, shapeOf(request.center, request.size, request.unitM), request);
    if (request.storeAt > 0) store(ctx, args, matches, request, from);
    else reply(ctx, matches, request);
  };
}

function readRequest(args: Args, zset: ZSetValue | undefined, from: From, mayStore: boolean): Request {
  const request: Request = {
    center: undefined,
    size: undefined,
    unitM: 1,
    isFromMember: false,
    isFromPlace: false,
    hasDistance: false,
    hasHash: false,
    hasCoordinates: false,
    isAny: false,
    count: 0,
    order: 0,
    storeAt: from === 'options' && mayStore ? 1 : 0,
    storesDistance: false,
  };
  let next: number;
  if (from === 'coordinates') {
    request.center = readPlace(args, 2);
    readRadius(args, 4, request);
    next = 6;
  } else if (from === 'member') {
    // Without the key the rest is still read: it says how to answer.
    if (zset !== undefined) {
      request.center = placeOfMember(zset, args.string(2));
      readRadius(args, 3, request);
    }
    next = 5;
  } else next = mayStore ? 3 : 2;
  for (let i = next; i < args.count; i++) {
    const used =
      readCommonOption(args, i, request) ?? readSourceOption(args, i, request, zset, from, mayStore);
    if (used === undefined) throw ERRORS.syntax;
    i += used;
  }
  checkRequest(args, request, from);
  return request;
}

/** Reads an option all searches have; returns how many arguments it took besides its name. */
function readCommonOption(args: Args, i: number, request: Request): number | undefined {
  if (args.is(i, 'WITHDIST')) request.hasDistance = true;
  else if (args.is(i, 'WITHHASH')) request.hasHash = true;
  else if (args.is(i, 'WITHCOORD')) request.hasCoordinates = true;
  else if (args.is(i, 'ANY')) request.isAny = true;
  else if (args.is(i, 'ASC')) request.order = 1;
  else if (args.is(i, 'DESC')) request.order = -1;
  else if (args.is(i, 'COUNT') && i + 1 < args.count) {
    request.count = args.int(i + 1);
    if (request.count <= 0) throw BAD_COUNT;
    return 1;
  } else return undefined;
  return 0;
}

/** Reads an option on the middle, the shape or where to store, as far as the command has it. */
function readSourceOption(
  args: Args,
  i: number,
  request: Request,
  zset: ZSetValue | undefined,
  from: From,
  mayStore: boolean,
): number | undefined {
  const after = args.count - i - 1;
  if (from !== 'options') {
    if (!mayStore || after < 1 || !(args.is(i, 'STORE') || args.is(i, 'STOREDIST'))) return undefined;
    request.storeAt = i + 1;
    request.storesDistance = args.is(i, 'STOREDIST');
    return 1;
  }
  if (mayStore && args.is(i, 'STOREDIST')) {
    request.storesDistance = true;
    return 0;
  }
  if (args.is(i, 'FROMMEMBER') && after >= 1 && !request.isFromPlace) {
    if (zset !== undefined) request.center = placeOfMember(zset, args.string(i + 1));
    request.isFromMember = true;
    return 1;
  }
  if (args.is(i, 'FROMLONLAT') && after >= 2 && !request.isFromMember) {
    request.center = readPlace(args, i + 1);
    request.isFromPlace = true;
    return 2;
  }
  if (args.is(i, 'BYRADIUS') && after >= 2 && typeof request.size !== 'object') {
    readRadius(args, i + 1, request);
    return 2;
  }
  if (args.is(i, 'BYBOX') && after >= 3 && typeof request.size !== 'number') {
    const width = args.double(i + 1, BAD_WIDTH);
    const height = args.double(i + 2, BAD_HEIGHT);
    if (width < 0 || height < 0) throw NEGATIVE_SIDE;
    request.size = { width, height };
    request.unitM = readUnit(args, i + 3);
    return 3;
  }
  return undefined;
}

function readRadius(args: Args, i: number, request: Request): void {
  const radius = args.double(i, BAD_RADIUS);
  if (radius < 0) throw NEGATIVE_RADIUS;
  request.size = radius;
  request.unitM = readUnit(args, i + 1);
}

function placeOfMember(zset: ZSetValue, member: string): Place {
  const score = zset.score(member);
  if (score === undefined) throw NO_SUCH_MEMBER;
  return placeOf(score);
}

function checkRequest(args: Args, request: Request, from: From): void {
  const isShown = request.hasDistance || request.hasHash || request.hasCoordinates;
  if (request.storeAt > 0 && isShown) {
    const what = from === 'options' ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS';
    throw new ReplyError(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
  }
  if (from === 'options') {
    const name = args.string(0);
    if (!request.isFromMember && !request.isFromPlace)
      throw new ReplyError(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${name}`);
    if (request.size === undefined)
      throw new ReplyError(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${name}`);
  }
  if (request.isAny && request.count === 0) throw ANY_WITHOUT_COUNT;
}

function shapeOf(center: Place, size: NonNullable<Request['size']>, unitM: number): Shape {
  return typeof size === 'number'
    ? { type: 'circle', center, radius: size * unitM }
    : { type: 'box', center, width: size.width * unitM, height: size.height * unitM };
}

/** What lies in a shape, in order and up to the count asked for. */
function findMatches(zset: ZSetValue, shape: Shape, { count, isAny, order }: Request): Match[] {
  const matches: Match[] = [];
  const limit = isAny ? count : Infinity;
  const seen = new Set<number>();
  for (const cell of coverShape(shape)) {
    if (matches.length >= limit) break;
    const width = 2 ** (CELL_BITS - 2 * cell.step);
    const low = interleave(cell) * width;
    // Around the poles and the date line of a coarse grid the same cell comes up again.
    if (seen.has(low)) continue;
    seen.add(low);
    const from = zset.countBefore((score) => score < low);
    const to = zset.countBefore((score) => score < low + width);
    zset.forEachInRange(from, to, false, (member, score) => {
      if (matches.length >= limit) return;
      const place = placeOf(score);
      const distanceM = distanceWithin(shape, place);
      if (distanceM !== undefined) matches.push({ member, score, place, distanceM });
    });
  }
  // The nearest of all, unless any will do.
  const sorted = order === 0 && count > 0 && !isAny ? 1 : order;
  if (sorted !== 0) matches.sort((a, b) => (a.distanceM - b.distanceM) * sorted);
  return count > 0 ? matches.slice(0, count) : matches;
}

function reply(ctx: Context, matches: readonly Match[], request: Request): void {
  const { reply } = ctx;
  const { hasDistance, hasHash, hasCoordinates, unitM } = request;
  const extras = Number(hasDistance) + Number(hasHash) + Number(hasCoordinates);
  reply.arrayHeader(matches.length);
  for (const { member, score, place, distanceM } of matches) {
    if (extras > 0) reply.arrayHeader(extras + 1);
    reply.bulkString(member);
    if (hasDistance) replyDistance(reply, distanceM / unitM);
    if (hasHash) reply.int(score);
    if (hasCoordinates) replyCoordinates(reply, place);
  }
}

function store(ctx: Context, args: Args, matches: readonly Match[], request: Request, from: From): void {
  const { storeAt, storesDistance, unitM } = request;
  if (matches.length === 0) ctx.delete(args, storeAt);
  else {
    const pairs = matches.map(
      ({ member, score, distanceM }) => [member, storesDistance ? distanceM / unitM : score] as const,
    );
    ctx.setValue(args, storeAt, ZSetValue.of(pairs));
    const event = from === 'options' ? 'geosearchstore' : 'georadiusstore';
    ctx.changed(args, storeAt, EVENT.zset, event, matches.length);
  }
  ctx.reply.int(matches.length);
}
