import { Crc64 } from './crc64.ts';
import { MalformedData, RdbError } from './rdb-error.ts';
import {
  NEWEST_REDIS_VERSION,
  NEWEST_VALKEY_VERSION,
  OLDEST_VALKEY_VERSION,
  RDB_TYPE,
} from './rdb-format.ts';
import { RdbInput } from './rdb-input.ts';
import { collectionTypeOf, readStringEntry, readValue } from './rdb-reader.ts';
import type { RdbSink } from './rdb-sink.ts';
import { RdbWriter, type WriterVersion } from './rdb-writer.ts';

const FOOTER_BYTES = 10;
const MAX_STRING_BYTES = 512 * 1024 * 1024;
const EMPTY_KEY = Buffer.from([0]);

/**
 * DUMP's payload: type byte, value, version and checksum. `write` writes type byte and value and nothing else.
 * Version 9 is restored by all of Redis 6.0 to 8 and Valkey; streams use 11 to keep their counters, and hashes with
 * fields that expire 12, which only Redis ≥ 7.4 restores.
 */
export function createDumpPayload(
  version: WriterVersion,
  write: (writer: RdbWriter) => void,
  compresses = false,
): Buffer {
  const pieces: Buffer[] = [];
  const writer = new RdbWriter((piece) => pieces.push(piece), { version, checksum: false, compresses });
  write(writer);
  writer.flush();
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeUInt16LE(version, 0);
  const payload = Buffer.concat([...pieces, footer]);
  const crc = new Crc64();
  crc.update(payload, 0, payload.length - 8);
  crc.writeTo(payload, payload.length - 8);
  return payload;
}

/**
 * Whether RESTORE may look into the payload at all: footer, a version that is known, a checksum that fits (eight
 * zeroes are taken unchecked). If not the error is `DUMP payload version or checksum are wrong`.
 */
export function isDumpPayloadIntact(payload: Buffer): boolean {
  if (payload.length < FOOTER_BYTES) return false;
  const version = payload.readUInt16LE(payload.length - FOOTER_BYTES);
  const isKnown =
    version <= NEWEST_REDIS_VERSION || (version >= OLDEST_VALKEY_VERSION && version <= NEWEST_VALKEY_VERSION);
  if (!isKnown) return false;
  const at = payload.length - 8;
  if (payload.readInt32LE(at) === 0 && payload.readInt32LE(at + 4) === 0) return true;
  const crc = new Crc64();
  crc.update(payload, 0, at);
  return crc.equals(payload, at);
}

/**
 * Reads the value of an intact payload into the sink, under the key "". Throws `RdbError` for what RESTORE answers
 * with `Bad data format`, which includes empty collections and bytes behind the value.
 */
export function readDumpPayload(payload: Buffer, sink: RdbSink): void {
  const input = new RdbInput(MAX_STRING_BYTES);
  const isValkey = payload.readUInt16LE(payload.length - FOOTER_BYTES) >= OLDEST_VALKEY_VERSION;
  const type = payload[0] as number;
  const body = payload.subarray(1, payload.length - FOOTER_BYTES);
  try {
    if (type === RDB_TYPE.string) {
      input.push(Buffer.concat([EMPTY_KEY, body]));
      if (!readStringEntry(input, sink, -1)) throw new MalformedData('the data ends early', 'cut');
    } else {
      input.push(body);
      sink.begin(collectionTypeOf(type), EMPTY_KEY, 0, 0, -1);
      const step = readValue(input, sink, type, isValkey).next();
      if (step.done !== true) throw new MalformedData('the data ends early', 'cut');
      if (step.value === 0) throw new MalformedData('an empty collection');
      sink.end(false);
    }
    if (input.unconsumedBytes > 0) throw new MalformedData('bytes behind the value');
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new RdbError(error.code, error.message, input.offset, { cause: error });
  }
}
