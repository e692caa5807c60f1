import { IntsetReader } from './packed/intset-reader.ts';
import { ListpackReader } from './packed/listpack-reader.ts';
import type { PackedReader } from './packed/packed-reader.ts';
import { ZipmapReader } from './packed/zipmap-reader.ts';
import { ZiplistReader } from './packed/ziplist-reader.ts';
import { MalformedData } from './rdb-error.ts';
import { LATEST_FIELD_EXPIRY_MS, RDB_TYPE } from './rdb-format.ts';
import type { RdbInput } from './rdb-input.ts';
import type { RdbSink } from './rdb-sink.ts';

type PackedReaderClass = new (bytes: Buffer, start: number, end: number) => PackedReader;

/** Answers the number of elements given to the sink. Yields whenever more bytes are needed. */
export type CollectionReading = Generator<undefined, number, undefined>;

const NODE_PLAIN = 1;
const NODE_PACKED = 2;

/** Types 1 and 2: a count and that many strings. */
export function* readElements(input: RdbInput, sink: RdbSink): CollectionReading {
  while (!input.readLength()) yield;
  const count = input.value;
  for (let i = 0; i < count; i++) {
    while (!input.readString()) yield;
    if (!sink.element(input.text())) refuseDuplicate();
  }
  return count;
}

/** Types 3 and 5: a count, and member and score in turn, the score as text in the old form. */
export function* readMembers(input: RdbInput, sink: RdbSink, hasTextScores: boolean): CollectionReading {
  while (!input.readLength()) yield;
  const count = input.value;
  for (let i = 0; i < count; i++) {
    while (!input.readString()) yield;
    const member = input.text();
    while (!(hasTextScores ? readTextDouble(input) : input.readDouble())) yield;
    addMember(sink, member, input.double);
  }
  return count;
}

/** Type 4: a count, and field and value in turn. */
export function* readFields(input: RdbInput, sink: RdbSink): CollectionReading {
  while (!input.readLength()) yield;
  const count = input.value;
  for (let i = 0; i < count; i++) {
    while (!input.readString()) yield;
    const field = input.text();
    while (!input.readString()) yield;
    if (!sink.field(field, input.text())) refuseDuplicate();
  }
  return count;
}

/** Valkey's type 22: field, value, expiry in Unix milliseconds or -1. */
export function* readFieldsValkeyExpiry(input: RdbInput, sink: RdbSink): CollectionReading {
  while (!input.readLength()) yield;
  const count = input.value;
  for (let i = 0; i < count; i++) {
    while (!input.readString()) yield;
    const field = input.text();
    while (!input.readString()) yield;
    const value = input.text();
    while (!input.readInt64()) yield;
    if (input.value < -1) refuseExpiry(input.value);
    if (!sink.field(field, value, input.value)) refuseDuplicate();
  }
  return count;
}

/**
 * Redis' type 24: the earliest expiry, then expiry (0 for none, otherwise counted from the earliest, which is 1), field
 * and value. Type 22 of its release candidates has no earliest, and Unix milliseconds.
 */
export function* readFieldsRedisExpiry(
  input: RdbInput,
  sink: RdbSink,
  hasEarliest: boolean,
): CollectionReading {
  let earliest = 1;
  if (hasEarliest) {
    while (!input.readInt64()) yield;
    earliest = input.value;
    if (earliest < 0 || earliest > LATEST_FIELD_EXPIRY_MS + 1) refuseExpiry(earliest);
  }
  while (!input.readLength()) yield;
  const count = input.value;
  for (let i = 0; i < count; i++) {
    while (!input.readLength()) yield;
    const expireAtMs = input.value === 0 ? -1 : input.value + earliest - 1;
    if (expireAtMs > LATEST_FIELD_EXPIRY_MS) refuseExpiry(expireAtMs);
    while (!input.readString()) yield;
    const field = input.text();
    while (!input.readString()) yield;
    if (!sink.field(field, input.text(), expireAtMs)) refuseDuplicate();
  }
  return count;
}

/** Types 25 and 23: one listpack of field, value and expiry in Unix milliseconds (0 for none). */
export function* readPackedFieldsExpiry(
  input: RdbInput,
  sink: RdbSink,
  hasEarliest: boolean,
): CollectionReading {
  if (hasEarliest) while (!input.readInt64()) yield;
  while (!input.readString()) yield;
  const packed = new ListpackReader(input.bytes, input.start, input.end);
  let count = 0;
  for (; packed.hasNext; count++) {
    const field = packed.next();
    const value = packed.next();
    const text = packed.next();
    const expireAtMs = Number(text);
    if (String(expireAtMs) !== text || expireAtMs < 0 || expireAtMs > LATEST_FIELD_EXPIRY_MS) {
      refuseExpiry(text);
    }
    if (!sink.field(field, value, expireAtMs === 0 ? -1 : expireAtMs)) refuseDuplicate();
  }
  return count;
}

/** Types 14 and 18: a count of nodes, each a ziplist, or one of listpack and single element. */
export function* readQuicklist(input: RdbInput, sink: RdbSink, isSecondForm: boolean): CollectionReading {
  while (!input.readLength()) yield;
  const nodes = input.value;
  let count = 0;
  for (let i = 0; i < nodes; i++) {
    if (isSecondForm) {
      while (!input.readLength()) yield;
      if (input.value !== NODE_PLAIN && input.value !== NODE_PACKED) {
        throw new MalformedData(`a list node of the unknown kind ${input.value}`);
      }
    }
    const isPlain = isSecondForm && input.value === NODE_PLAIN;
    while (!input.readString()) yield;
    if (isPlain) {
      sink.element(input.text());
      count++;
      continue;
    }
    const Reader = isSecondForm ? ListpackReader : ZiplistReader;
    count += readPackedElements(new Reader(input.bytes, input.start, input.end), sink);
  }
  return count;
}

const PACKED: ReadonlyMap<
  number,
  { Reader: PackedReaderClass; into: (p: PackedReader, s: RdbSink) => number }
> = new Map([
  [RDB_TYPE.hashZipmap, { Reader: ZipmapReader, into: readPackedFields }],
  [RDB_TYPE.listZiplist, { Reader: ZiplistReader, into: readPackedElements }],
  [RDB_TYPE.setIntset, { Reader: IntsetReader, into: readPackedElements }],
  [RDB_TYPE.setListpack, { Reader: ListpackReader, into: readPackedElements }],
  [RDB_TYPE.zsetZiplist, { Reader: ZiplistReader, into: readPackedMembers }],
  [RDB_TYPE.zsetListpack, { Reader: ListpackReader, into: readPackedMembers }],
  [RDB_TYPE.hashZiplist, { Reader: ZiplistReader, into: readPackedFields }],
  [RDB_TYPE.hashListpack, { Reader: ListpackReader, into: readPackedFields }],
]);

/** The collections that are one packed string. */
export function* readPacked(input: RdbInput, sink: RdbSink, type: number): CollectionReading {
  const form = PACKED.get(type);
  if (form === undefined) throw new MalformedData(`value of the unknown type ${type}`);
  while (!input.readString()) yield;
  return form.into(new form.Reader(input.bytes, input.start, input.end), sink);
}

function readPackedElements(packed: PackedReader, sink: RdbSink): number {
  let count = 0;
  for (; packed.hasNext; count++) if (!sink.element(packed.next())) refuseDuplicate();
  return count;
}

function readPackedFields(packed: PackedReader, sink: RdbSink): number {
  let count = 0;
  for (; packed.hasNext; count++) if (!sink.field(packed.next(), packed.next())) refuseDuplicate();
  return count;
}

function readPackedMembers(packed: PackedReader, sink: RdbSink): number {
  let count = 0;
  for (; packed.hasNext; count++) addMember(sink, packed.next(), parseScore(packed.next()));
  return count;
}

function addMember(sink: RdbSink, member: string, score: number): void {
  if (Number.isNaN(score)) throw new MalformedData('a sorted set member whose score is not a number');
  if (!sink.member(member, score)) refuseDuplicate();
}

/** Scores as `printf` and Redis' own shortest form write them. */
function parseScore(text: string): number {
  if (text === 'inf' || text === '+inf') return Number.POSITIVE_INFINITY;
  if (text === '-inf') return Number.NEGATIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}

/** Old doubles: a length byte and digits, or 253 to 255 for what has no digits. */
function readTextDouble(input: RdbInput): boolean {
  const mark = input.position;
  if (!input.readByte()) return false;
  const length = input.byte;
  if (length >= 253) {
    input.double = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][length - 253] as number;
    return true;
  }
  if (!input.readBytes(length)) return input.rewind(mark);
  input.double = parseScore(input.text());
  return true;
}

function refuseExpiry(what: number | string): never {
  // What stands where a time should be may be anything, of any length.
  throw new MalformedData(`a field of a hash with the impossible time to live ${String(what).slice(0, 32)}`);
}

function refuseDuplicate(): never {
  throw new MalformedData('an element that is there twice');
}
