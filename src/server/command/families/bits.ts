import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';

export const bitCommands: Family = { setbit, getbit, bitcount, bitpos, bitop };

const BAD_OFFSET = new ReplyError('ERR bit offset is not an integer or out of range');
const BAD_BIT = new ReplyError('ERR bit is not an integer or out of range');
const BITS_SET = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** A bit offset; `#n` counts in units of `width` bits, where that is allowed (BITFIELD). */
export function bitOffset(ctx: Context, args: Args, i: number, width = 0): number {
  const text = args.string(i);
  const isMultiple = width > 0 && text.startsWith('#');
  const digits = isMultiple ? text.slice(1) : text;
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(digits)) throw BAD_OFFSET;
  const offset = Number(digits) * (isMultiple ? width : 1);
  if (offset < 0 || offset / 8 >= ctx.server.limits.maxBulkBytes) throw BAD_OFFSET;
  return offset;
}

/**
 * The string under a key, at least `bytes` long, ready to be written where `db.at` and `db.from` point. True when it
 * was shorter before, or not there.
 */
export function growString(ctx: Context, args: Args, i: number, bytes: number): boolean {
  const { db } = ctx;
  let ref = ctx.writeString(args, i);
  if (ref === 0) ref = ctx.insertString(args, i, args.buf, 0, 0);
  const length = db.valueLength(ref);
  db.locateValue(db.resizeString(ref, Math.max(bytes, length)));
  return bytes > length;
}

function setbit(ctx: Context, args: Args): void {
  const offset = bitOffset(ctx, args, 2);
  const bit = args.int(3, BAD_BIT);
  if (bit !== 0 && bit !== 1) throw BAD_BIT;
  const byteAt = Math.floor(offset / 8);
  const hasGrown = growString(ctx, args, 1, byteAt + 1);
  const { db } = ctx;
  const mask = 0x80 >> (offset % 8);
  const old = db.at[db.from + byteAt]!;
  db.at[db.from + byteAt] = bit === 1 ? old | mask : old & ~mask;
  const oldBit = (old & mask) === 0 ? 0 : 1;
  if (hasGrown || oldBit !== bit) ctx.changed(args, 1, EVENT.string, 'setbit');
  ctx.reply.int(oldBit);
}

function getbit(ctx: Context, args: Args): void {
  const offset = bitOffset(ctx, args, 2);
  const ref = ctx.readString(args, 1);
  const byteAt = Math.floor(offset / 8);
  if (ref === 0 || byteAt >= ctx.db.valueLength(ref)) {
    ctx.reply.int(0);
    return;
  }
  ctx.db.locateValue(ref);
  ctx.reply.int((ctx.db.at[ctx.db.from + byteAt]! & (0x80 >> (offset % 8))) === 0 ? 0 : 1);
}

interface BitRange {
  /** First and last bit, inclusive. */
  readonly first: number;
  readonly last: number;
}

/** The range that start, end and unit in arguments `i`… mean in a string; undefined when it is empty. */
function bitRange(args: Args, i: number, bytes: number): BitRange | undefined {
  const hasEnd = args.count > i + 1;
  let start = args.int(i);
  let end = hasEnd ? args.int(i + 1) : -1;
  const isBits = args.count > i + 2 && readUnit(args, i + 2);
  const total = isBits ? bytes * 8 : bytes;
  if (start < 0 && end < 0 && start > end) return undefined;
  start = Math.max(0, start < 0 ? total + start : start);
  end = Math.min(total - 1, Math.max(0, end < 0 ? total + end : end));
  if (start > end) return undefined;
  return isBits ? { first: start, last: end } : { first: start * 8, last: end * 8 + 7 };
}

function readUnit(args: Args, i: number): boolean {
  if (args.is(i, 'BIT')) return true;
  if (args.is(i, 'BYTE')) return false;
  throw ERRORS.syntax;
}

function bitcount(ctx: Context, args: Args): void {
  const ref = ctx.readString(args, 1);
  if (ref === 0) {
    ctx.reply.int(0);
    return;
  }
  if (args.count === 3 || args.count > 5) throw ERRORS.syntax;
  const bytes = ctx.db.valueLength(ref);
  const range = args.count === 2 ? { first: 0, last: bytes * 8 - 1 } : bitRange(args, 2, bytes);
  if (range === undefined || range.last < range.first) {
    ctx.reply.int(0);
    return;
  }
  ctx.db.locateValue(ref);
  const { at, from } = ctx.db;
  const firstByte = from + (range.first >>> 3);
  const lastByte = from + Math.floor(range.last / 8);
  let count = 0;
  for (let byte = firstByte; byte <= lastByte; byte += 1) count += BITS_SET[at[byte]!]!;
  count -= BITS_SET[at[firstByte]! & ~(0xff >> (range.first & 7)) & 0xff]!;
  count -= BITS_SET[at[lastByte]! & (0x7f >> (range.last & 7))]!;
  ctx.reply.int(count);
}

function bitpos(ctx: Context, args: Args): void {
  const bit = args.int(2);
  if (bit !== 0 && bit !== 1) throw new ReplyError('ERR The bit argument must be 1 or 0.');
  const ref = ctx.readString(args, 1);
  // Without a string nobody looks at the range.
  if (ref === 0) {
    ctx.reply.int(bit === 1 ? -1 : 0);
    return;
  }
  if (args.count > 6) throw ERRORS.syntax;
  const bytes = ctx.db.valueLength(ref);
  const range = args.count > 3 ? bitRange(args, 3, bytes) : { first: 0, last: bytes * 8 - 1 };
  if (range === undefined || range.first > range.last) {
    ctx.reply.int(-1);
    return;
  }
  ctx.db.locateValue(ref);
  const found = findBit(ctx.db.at, ctx.db.from, bit, range);
  // Without an explicit end, a string of ones is followed by zeros without end.
  if (found < 0 && bit === 0 && args.count < 5) ctx.reply.int(bytes * 8);
  else ctx.reply.int(found);
}

function findBit(at: Buffer, from: number, bit: number, { first, last }: BitRange): number {
  const skip = bit === 1 ? 0 : 0xff;
  for (let position = first; position <= last;) {
    const byte = at[from + Math.floor(position / 8)]!;
    if (position % 8 === 0 && byte === skip) {
      position += 8;
      continue;
    }
    if (((byte >> (7 - (position % 8))) & 1) === bit) return position;
    position += 1;
  }
  return -1;
}

function bitop(ctx: Context, args: Args): void {
  const operation = args.upper(1);
  if (!['AND', 'OR', 'XOR', 'NOT'].includes(operation)) throw ERRORS.syntax;
  if (operation === 'NOT' && args.count !== 4) {
    throw new ReplyError('ERR BITOP NOT must be called with a single source key.');
  }
  const sources: Buffer[] = [];
  for (let i = 3; i < args.count; i += 1) {
    const ref = ctx.readString(args, i);
    sources.push(ref === 0 ? Buffer.alloc(0) : ctx.db.valueBytes(ref));
  }
  const length = Math.max(...sources.map((source) => source.length));
  if (length === 0) {
    ctx.delete(args, 2);
    ctx.reply.int(0);
    return;
  }
  const result = combine(operation, sources, length);
  const ref = ctx.write(args, 2);
  const stored =
    ref === 0 ? ctx.insertString(args, 2, result, 0, length) : ctx.db.replaceString(ref, result, 0, length);
  ctx.db.setRaw(stored, true);
  ctx.changed(args, 2, EVENT.string, 'set');
  ctx.reply.int(length);
}

function combine(operation: string, sources: readonly Buffer[], length: number): Buffer {
  const result = Buffer.alloc(length);
  sources[0]!.copy(result);
  if (operation === 'NOT') {
    for (let i = 0; i < length; i += 1) result[i] = ~result[i]!;
    return result;
  }
  for (const source of sources.slice(1)) {
    for (let i = 0; i < length; i += 1) {
      const byte = source[i] ?? 0;
      if (operation === 'AND') result[i] = result[i]! & byte;
      else if (operation === 'OR') result[i] = result[i]! | byte;
      else result[i] = result[i]! ^ byte;
    }
  }
  return result;
}
