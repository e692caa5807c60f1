import { array, assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDumpPayload,
  isDumpPayloadIntact,
  readDumpPayload,
} from '../../../src/server/rdb/dump-payload.ts';
import { RdbReader } from '../../../src/server/rdb/rdb-reader.ts';
import { RdbWriter } from '../../../src/server/rdb/rdb-writer.ts';
import { arbitraryKeys } from './arbitrary-keys.ts';
import { RecordingSink, type RecordedKey } from './recording-sink.ts';
import { writeKey, writeRecorded } from './write-recorded.ts';

/** Feeds the file in pieces of the given sizes, over and over. */
function readInPieces(file: Buffer, sizes: readonly number[], sink: RecordingSink): RdbReader {
  const reader = new RdbReader(sink);
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const size = sizes[turn % sizes.length] ?? file.length;
    reader.write(file.subarray(at, at + size));
    at += size;
  }
  reader.end();
  return reader;
}

/** A hash whose fields have these times to live in turn, -1 for none. */
function withTimes(key: RecordedKey, times: readonly number[], turn: number): RecordedKey {
  if (key.value.type !== 'hash') return key;
  const fields = key.value.fields.map(([field, value], i): [string, string, number?] => {
    const time = times[(turn + i) % times.length] ?? -1;
    return time < 0 ? [field, value] : [field, value, time];
  });
  return { ...key, value: { type: 'hash', fields } };
}

describe('RDB written and read', () => {
  it('gives the same keys back whatever the pieces and the version', () => {
    const sizes = array(integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 });
    const version = constantFrom(9 as const, 10 as const, 11 as const);
    const chunk = constantFrom(64, 1000, 65_536);
    assert(
      property(arbitraryKeys, sizes, version, chunk, (keys, pieceSizes, fileVersion, chunkBytes) => {
        const compresses = keys.length % 2 === 0;
        const file = writeRecorded(keys, { version: fileVersion, chunkBytes, compresses });
        const sink = new RecordingSink();
        readInPieces(file, pieceSizes, sink);
        // 7.0's form has the counters but not the active time.
        if (fileVersion !== 10) expect(sink.keys).toEqual(keys);
        else expect(sink.keys.map(({ key }) => key)).toEqual(keys.map(({ key }) => key));
        expect(sink.auxFields.get('redis-ver')).toBe('7.0.15');
      }),
      { numRuns: 150 },
    );
  });

  it('gives the times to live of fields back, as Redis and as Valkey writes them', () => {
    const time = integer({ min: -1, max: 2 ** 48 - 2 });
    assert(
      property(
        arbitraryKeys,
        array(time, { minLength: 1 }),
        constantFrom(12 as const, 80 as const),
        (keys, times, version) => {
          const timed = keys.map((key, turn) => withTimes(key, times, turn));
          const sink = new RecordingSink();
          readInPieces(writeRecorded(timed, { version }), [1000], sink);
          expect(sink.keys).toEqual(timed);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('reads one byte at a time', () => {
    assert(
      property(arbitraryKeys, (keys) => {
        const sink = new RecordingSink();
        readInPieces(writeRecorded(keys), [1], sink);
        expect(sink.keys).toEqual(keys);
      }),
      { numRuns: 10 },
    );
  });

  it('says where the file ended in the last piece', () => {
    const file = writeRecorded([{ db: 0, key: 'k', expireAtMs: -1, value: { type: 'string', value: 'v' } }]);
    const sink = new RecordingSink();
    const reader = new RdbReader(sink);
    const used = reader.write(Buffer.concat([file, Buffer.from('*1\r\n$4\r\nPING\r\n')]));
    expect(used).toBe(file.length);
    expect(reader.isDone).toBe(true);
    expect(reader.write(Buffer.from('more'))).toBe(0);
  });

  it('gives every value back from a DUMP payload', () => {
    assert(
      property(arbitraryKeys, (keys) => {
        for (const each of keys) {
          const payload = createDumpPayload(11, (writer) => writeValue(writer, each));
          expect(isDumpPayloadIntact(payload)).toBe(true);
          const sink = new RecordingSink();
          readDumpPayload(payload, sink);
          expect(sink.keys).toEqual([{ ...each, db: 0, key: '', expireAtMs: -1 }]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

/** A key's bytes without the key: type and value are what a payload holds. */
function writeValue(writer: RdbWriter, key: Parameters<typeof writeKey>[1]): void {
  const pieces: Buffer[] = [];
  const whole = new RdbWriter((piece) => pieces.push(piece), { version: 11, chunkBytes: 1 << 20 });
  writeKey(whole, { ...key, key: '', expireAtMs: -1 });
  whole.flush();
  const bytes = Buffer.concat(pieces);
  writer.byte(bytes[0] as number);
  writer.raw(bytes, 2, bytes.length);
}
