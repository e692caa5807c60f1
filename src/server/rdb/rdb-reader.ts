import { Crc64 } from './crc64.ts';
import {
  type CollectionReading,
  readElements,
  readFields,
  readFieldsRedisExpiry,
  readFieldsValkeyExpiry,
  readMembers,
  readPacked,
  readPackedFieldsExpiry,
  readQuicklist,
} from './read-collection.ts';
import { readStream } from './read-stream.ts';
import { MalformedData, RdbError } from './rdb-error.ts';
import {
  CHECKSUM_SINCE_VERSION,
  NEWEST_REDIS_VERSION,
  NEWEST_VALKEY_VERSION,
  OLDEST_VALKEY_VERSION,
  RDB_OPCODE,
  RDB_TYPE,
} from './rdb-format.ts';
import { RdbInput } from './rdb-input.ts';
import type { CollectionType, RdbSink } from './rdb-sink.ts';
import { parseStreamCounters, STREAM_COUNTERS_AUX, type StreamCounters } from './stream-counters.ts';

const DEFAULT_MAX_STRING_BYTES = 512 * 1024 * 1024;
const MAGIC_BYTES = 9;
const TRAILER_BYTES = 8;
const NO_EXPIRY = -1;

export interface RdbReaderOptions {
  /** Longest string (and packed collection) accepted; 512 MiB by default, as Redis' proto-max-bulk-len. */
  readonly maxStringBytes?: number;
  /** Verify the trailer; true by default, config rdbchecksum. A trailer of zeroes is never verified. */
  readonly checksum?: boolean;
}

/** What was left out of what was read. */
export interface RdbReadReport {
  /** Keys of collections without elements, which old bugs of Redis have written; skipped as Redis does. */
  emptyKeysSkipped: number;
  moduleAuxSkipped: number;
}

/**
 * Reads an RDB as it arrives and tells a sink what is in it: every type and encoding that Redis up to 8.0 and Valkey
 * up to 9 write. Values of modules are refused as `unsupported`.
 *
 * Memory stays bounded by the largest string; whatever the bytes are, the outcome is calls of the sink or one
 * `RdbError` with the offset.
 */
export class RdbReader {
  readonly report: RdbReadReport = { emptyKeysSkipped: 0, moduleAuxSkipped: 0 };
  /** Version in the header; 0 before it was read. */
  version = 0;
  isValkey = false;

  readonly #sink: RdbSink;
  readonly #input: RdbInput;
  readonly #steps: Generator<undefined, void, undefined>;
  readonly #checksum: boolean;
  readonly #crc = new Crc64();
  #checksumFrom = 0;
  #isDone = false;
  #failure: unknown;
  #streamCounters: StreamCounters | undefined;
  /** Who wrote it, where it says so. */
  #writer = '';

  constructor(sink: RdbSink, options: RdbReaderOptions = {}) {
    this.#sink = sink;
    this.#input = new RdbInput(options.maxStringBytes ?? DEFAULT_MAX_STRING_BYTES);
    this.#checksum = options.checksum ?? true;
    this.#steps = this.#readFile();
  }

  /** Whether the file's last byte was read. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Bytes read so far, from the start of the file. */
  get offset(): number {
    return this.#input.offset;
  }

  /**
   * Takes the next piece, which must stay unchanged until the reading is over or another piece was taken whole.
   * Answers how many of its bytes belong to the file: fewer than its length only when the file ended in it.
   */
  write(piece: Buffer): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isDone) return 0;
    if (!this.#input.push(piece)) return piece.length;
    this.#checksumFrom = this.#input.position;
    try {
      this.#isDone = this.#steps.next().done === true;
    } catch (error) {
      this.#failure =
        error instanceof MalformedData
          ? new RdbError(error.code, error.message, this.#input.offset, { cause: error })
          : error;
      throw this.#failure;
    }
    if (!this.#isDone) this.#advanceChecksum();
    return this.#isDone ? piece.length - this.#input.unconsumedBytes : piece.length;
  }

  /** Says that no more bytes come. Throws `RdbError` when the file isn't complete. */
  end(): void {
    if (!this.#isDone) throw new RdbError('cut', 'the data ends early', this.#input.offset);
  }

  #advanceChecksum(): void {
    const to = this.#input.position;
    const bytes = this.#input.slice(this.#checksumFrom, to);
    if (this.#checksum) this.#crc.update(bytes, 0, bytes.length);
    this.#checksumFrom = to;
  }

  *#readFile(): Generator<undefined, void, undefined> {
    const input = this.#input;
    const sink = this.#sink;
    while (!input.readBytes(MAGIC_BYTES)) yield;
    this.#parseMagic(input.text());
    let expireAtMs = NO_EXPIRY;
    for (;;) {
      while (!input.readByte()) yield;
      const opcode = input.byte;
      switch (opcode) {
        case RDB_TYPE.string:
          while (!readStringEntry(input, sink, expireAtMs)) yield;
          expireAtMs = NO_EXPIRY;
          break;
        case RDB_OPCODE.expireTimeMs:
          while (!input.readInt64()) yield;
          expireAtMs = input.value;
          break;
        case RDB_OPCODE.expireTime:
          while (!input.readBytes(4)) yield;
          expireAtMs = input.bytes.readInt32LE(input.start) * 1000;
          break;
        case RDB_OPCODE.selectDb:
          while (!input.readLength()) yield;
          sink.selectDb(input.value);
          break;
        case RDB_OPCODE.resizeDb: {
          while (!input.readLength()) yield;
          const keys = input.value;
          while (!input.readLength()) yield;
          sink.resizeDb(keys, input.value);
          break;
        }
        case RDB_OPCODE.aux: {
          while (!input.readString()) yield;
          const name = input.text();
          while (!input.readString()) yield;
          if (name === 'redis-ver') this.#writer = ` of Redis ${input.text()}`;
          else if (name === 'valkey-ver') this.#writer = ` of Valkey ${input.text()}`;
          if (name === STREAM_COUNTERS_AUX) this.#streamCounters = parseStreamCounters(input.text());
          else sink.aux(name, input.text());
          break;
        }
        case RDB_OPCODE.freq:
          while (!input.readByte()) yield;
          break;
        case RDB_OPCODE.idle:
          while (!input.readLength()) yield;
          break;
        case RDB_OPCODE.slotInfo:
          for (let i = 0; i < 3; i++) while (!input.readLength()) yield;
          break;
        case RDB_OPCODE.slotImport:
          yield* skipSlotImport(input);
          break;
        case RDB_OPCODE.function2:
          while (!input.readString()) yield;
          sink.functionLibrary(input.text());
          break;
        case RDB_OPCODE.moduleAux:
          yield* skipModuleAux(input);
          this.report.moduleAuxSkipped++;
          break;
        case RDB_OPCODE.eof:
          yield* this.#readTrailer();
          return;
        default:
          yield* this.#readCollection(opcode, expireAtMs);
          expireAtMs = NO_EXPIRY;
      }
    }
  }

  #parseMagic(magic: string): void {
    const [, name, digits] = /^(REDIS(?=\d{4})|VALKEY(?=\d{3}))(\d+)$/.exec(magic) ?? [];
    if (name === undefined) throw new MalformedData('neither REDIS nor VALKEY at the start');
    this.version = Number(digits);
    this.isValkey = name === 'VALKEY';
    const isKnown = this.isValkey
      ? this.version >= OLDEST_VALKEY_VERSION && this.version <= NEWEST_VALKEY_VERSION
      : this.version >= 1 && this.version <= NEWEST_REDIS_VERSION;
    if (!isKnown) throw new MalformedData(`${name} format version ${this.version}`, 'unsupported');
  }

  *#readCollection(type: number, expireAtMs: number): Generator<undefined, void, undefined> {
    const input = this.#input;
    if (type === RDB_TYPE.module || type === RDB_TYPE.modulePreGa) {
      while (!input.readString()) yield;
      throw new MalformedData(`the key '${input.text()}'${this.#writer} is a module's`, 'unsupported');
    }
    const collection = collectionTypeOf(type);
    while (!input.readString()) yield;
    this.#sink.begin(collection, input.bytes, input.start, input.end, expireAtMs);
    const count = yield* readValue(input, this.#sink, type, this.isValkey, this.#streamCounters);
    const isEmpty = count === 0;
    this.#streamCounters = undefined;
    if (isEmpty) this.report.emptyKeysSkipped++;
    this.#sink.end(isEmpty);
  }

  *#readTrailer(): Generator<undefined, void, undefined> {
    if (this.version < CHECKSUM_SINCE_VERSION) return;
    this.#advanceChecksum();
    const input = this.#input;
    while (!input.readBytes(TRAILER_BYTES)) yield;
    if (!this.#checksum || isZero(input.bytes, input.start)) return;
    if (!this.#crc.equals(input.bytes, input.start)) {
      throw new MalformedData('RDB CRC error, the checksum is wrong', 'checksum');
    }
  }
}

/** A string key is one item of the input, so that both ranges lie in the same piece. */
export function readStringEntry(input: RdbInput, sink: RdbSink, expireAtMs: number): boolean {
  const mark = input.position;
  if (!input.readString()) return false;
  const { bytes: key, start, end } = input;
  if (!input.readString()) return input.rewind(mark);
  sink.string(key, start, end, input.bytes, input.start, input.end, expireAtMs);
  return true;
}

/** Reads the elements of a collection into the sink. Answers their number, for streams any but 0. */
export function* readValue(
  input: RdbInput,
  sink: RdbSink,
  type: number,
  isValkey: boolean,
  counters?: StreamCounters,
): CollectionReading {
  switch (type) {
    case RDB_TYPE.list:
    case RDB_TYPE.set:
      return yield* readElements(input, sink);
    case RDB_TYPE.zset:
    case RDB_TYPE.zsetText:
      return yield* readMembers(input, sink, type === RDB_TYPE.zsetText);
    case RDB_TYPE.hash:
      return yield* readFields(input, sink);
    case RDB_TYPE.listQuicklist:
    case RDB_TYPE.listQuicklist2:
      return yield* readQuicklist(input, sink, type === RDB_TYPE.listQuicklist2);
    case RDB_TYPE.stream:
    case RDB_TYPE.stream2:
    case RDB_TYPE.stream3:
      yield* readStream(input, sink, type, counters);
      return -1;
    case RDB_TYPE.hashFieldExpiryValkey:
      return isValkey
        ? yield* readFieldsValkeyExpiry(input, sink)
        : yield* readFieldsRedisExpiry(input, sink, false);
    case RDB_TYPE.hashFieldExpiry:
      return yield* readFieldsRedisExpiry(input, sink, true);
    case RDB_TYPE.hashListpackExpiryPreGa:
    case RDB_TYPE.hashListpackExpiry:
      return yield* readPackedFieldsExpiry(input, sink, type === RDB_TYPE.hashListpackExpiry);
    default:
      return yield* readPacked(input, sink, type);
  }
}

const COLLECTION_TYPE: Readonly<Record<number, CollectionType>> = {
  [RDB_TYPE.list]: 'list',
  [RDB_TYPE.listZiplist]: 'list',
  [RDB_TYPE.listQuicklist]: 'list',
  [RDB_TYPE.listQuicklist2]: 'list',
  [RDB_TYPE.set]: 'set',
  [RDB_TYPE.setIntset]: 'set',
  [RDB_TYPE.setListpack]: 'set',
  [RDB_TYPE.zsetText]: 'zset',
  [RDB_TYPE.zset]: 'zset',
  [RDB_TYPE.zsetZiplist]: 'zset',
  [RDB_TYPE.zsetListpack]: 'zset',
  [RDB_TYPE.hash]: 'hash',
  [RDB_TYPE.hashZipmap]: 'hash',
  [RDB_TYPE.hashZiplist]: 'hash',
  [RDB_TYPE.hashListpack]: 'hash',
  [RDB_TYPE.hashFieldExpiryValkey]: 'hash',
  [RDB_TYPE.hashListpackExpiryPreGa]: 'hash',
  [RDB_TYPE.hashFieldExpiry]: 'hash',
  [RDB_TYPE.hashListpackExpiry]: 'hash',
  [RDB_TYPE.stream]: 'stream',
  [RDB_TYPE.stream2]: 'stream',
  [RDB_TYPE.stream3]: 'stream',
};

/** Throws `MalformedData` for what isn't a collection, naming it. */
export function collectionTypeOf(type: number): CollectionType {
  const collection = COLLECTION_TYPE[type];
  if (collection !== undefined) return collection;
  if (type === RDB_TYPE.module || type === RDB_TYPE.modulePreGa) {
    throw new MalformedData('a value of a module', 'unsupported');
  }
  if (type === RDB_OPCODE.functionPreGa) {
    throw new MalformedData('a function in the form of a 7.0 release candidate', 'unsupported');
  }
  throw new MalformedData(`the unknown type or opcode ${type}`);
}

function isZero(bytes: Buffer, at: number): boolean {
  return bytes.readInt32LE(at) === 0 && bytes.readInt32LE(at + 4) === 0;
}

/** Valkey 9 in cluster mode: a job's name and slot ranges, which mean nothing to a server without slots. */
function* skipSlotImport(input: RdbInput): Generator<undefined, void, undefined> {
  while (!input.readString()) yield;
  while (!input.readLength()) yield;
  const numbers = input.value * 2;
  for (let i = 0; i < numbers; i++) while (!input.readLength()) yield;
}

const MODULE_EOF = 0;
const MODULE_SIGNED = 1;
const MODULE_UNSIGNED = 2;
const MODULE_FLOAT = 3;
const MODULE_DOUBLE = 4;
const MODULE_STRING = 5;

/** Data that a module keeps beside the keys: its ID, when to load it, then typed items up to an end mark. */
function* skipModuleAux(input: RdbInput): Generator<undefined, void, undefined> {
  while (!input.readLength()) yield;
  for (;;) {
    while (!input.readLength()) yield;
    switch (input.value) {
      case MODULE_EOF:
        return;
      case MODULE_SIGNED:
      case MODULE_UNSIGNED:
        while (!input.readLength()) yield;
        break;
      case MODULE_FLOAT:
        while (!input.readBytes(4)) yield;
        break;
      case MODULE_DOUBLE:
        while (!input.readBytes(8)) yield;
        break;
      case MODULE_STRING:
        while (!input.readString()) yield;
        break;
      default:
        throw new MalformedData(`module data of the unknown kind ${input.value}`);
    }
  }
}
