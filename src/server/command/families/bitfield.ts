import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';
import { EVENT } from '../event-class.ts';
import { bitOffset, growString } from './bits.ts';

export const bitfieldCommands: Family = {
  bitfield: (ctx, args) => bitfield(ctx, args, false),
  bitfield_ro: (ctx, args) => bitfield(ctx, args, true),
};

const BAD_TYPE = new ReplyError(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);

type Overflow = 'WRAP' | 'SAT' | 'FAIL';

interface Operation {
  readonly kind: 'GET' | 'SET' | 'INCRBY';
  readonly isSigned: boolean;
  readonly width: number;
  readonly offset: number;
  readonly value: bigint;
  readonly overflow: Overflow;
}

/** BITFIELD: integers of any width inside a string (source: bitfieldGeneric in bitops.c). */
function bitfield(ctx: Context, args: Args, isReadOnly: boolean): void {
  const operations = readOperations(ctx, args);
  const writes = operations.filter(({ kind }) => kind !== 'GET');
  if (writes.length > 0 && isReadOnly)
    throw new ReplyError('ERR BITFIELD_RO only supports the GET subcommand');
  const { db, reply } = ctx;
  let length = 0;
  let hasGrown = false;
  if (writes.length === 0) {
    const ref = ctx.readString(args, 1);
    if (ref !== 0) {
      db.locateValue(ref);
      length = db.to - db.from;
    }
  } else {
    const bits = Math.max(...writes.map(({ offset, width }) => offset + width));
    hasGrown = growString(ctx, args, 1, Math.ceil(bits / 8));
    length = db.to - db.from;
  }
  let changes = 0;
  reply.arrayHeader(operations.length);
  for (const operation of operations) {
    const old = readBits(db.at, db.from, length, operation);
    if (operation.kind === 'GET') {
      reply.int(old);
      continue;
    }
    const wanted = operation.kind === 'SET' ? operation.value : old + operation.value;
    const fitted = fit(wanted, operation);
    if (fitted === undefined) {
      reply.nil();
      continue;
    }
    writeBits(db.at, db.from, operation, fitted);
    reply.int(operation.kind === 'SET' ? old : fitted);
    if (hasGrown || old !== fitted) changes += 1;
  }
  if (changes > 0) ctx.changed(args, 1, EVENT.string, 'setbit', changes);
}

function readOperations(ctx: Context, args: Args): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = 'WRAP';
  for (let i = 2; i < args.count; i += 1) {
    const word = args.upper(i);
    if (word === 'OVERFLOW' && i + 1 < args.count) {
      const kind = args.upper(i + 1);
      if (kind !== 'WRAP' && kind !== 'SAT' && kind !== 'FAIL')
        throw new ReplyError('ERR Invalid OVERFLOW type specified');
      overflow = kind;
      i += 1;
      continue;
    }
    const isGet = word === 'GET' && i + 2 < args.count;
    const isWrite = (word === 'SET' || word === 'INCRBY') && i + 3 < args.count;
    if (!isGet && !isWrite) throw ERRORS.syntax;
    const { isSigned, width } = readType(args.string(i + 1));
    operations.push({
      kind: word,
      isSigned,
      width,
      offset: bitOffset(ctx, args, i + 2, width),
      value: isWrite ? args.int64(i + 3) : 0n,
      overflow,
    });
    i += isWrite ? 3 : 2;
  }
  return operations;
}

function readType(text: string): { isSigned: boolean; width: number } {
  const match = /^([iu])([0-9]+)$/.exec(text);
  if (match === null) throw BAD_TYPE;
  const isSigned = match[1] === 'i';
  const width = Number(match[2]);
  if (width < 1 || width > (isSigned ? 64 : 63)) throw BAD_TYPE;
  return { isSigned, width };
}

function readBits(at: Buffer, from: number, length: number, { offset, width, isSigned }: Operation): bigint {
  let value = 0n;
  for (let bit = offset; bit < offset + width; bit += 1) {
    const byteAt = Math.floor(bit / 8);
    const byte = byteAt < length ? at[from + byteAt]! : 0;
    value = (value << 1n) | BigInt((byte >> (7 - (bit % 8))) & 1);
  }
  return isSigned ? BigInt.asIntN(width, value) : value;
}

function writeBits(at: Buffer, from: number, { offset, width }: Operation, value: bigint): void {
  const bits = BigInt.asUintN(width, value);
  for (let i = 0; i < width; i += 1) {
    const bit = offset + i;
    const mask = 0x80 >> (bit % 8);
    const index = from + Math.floor(bit / 8);
    at[index] = ((bits >> BigInt(width - 1 - i)) & 1n) === 1n ? at[index]! | mask : at[index]! & ~mask;
  }
}

/** The value as the type holds it; undefined when it does not fit and overflow is to fail. */
function fit(value: bigint, { isSigned, width, overflow, kind }: Operation): bigint | undefined {
  const max = isSigned ? (1n << BigInt(width - 1)) - 1n : (1n << BigInt(width)) - 1n;
  const min = isSigned ? -(1n << BigInt(width - 1)) : 0n;
  // An unsigned SET takes its 64-bit argument as unsigned: -1 is more than any width holds.
  const given = !isSigned && kind === 'SET' ? BigInt.asUintN(64, value) : value;
  if (given >= min && given <= max) return given;
  if (overflow === 'FAIL') return undefined;
  if (overflow === 'SAT') return given > max ? max : min;
  return isSigned ? BigInt.asIntN(width, given) : BigInt.asUintN(width, given);
}
