import { assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDumpPayload,
  isDumpPayloadIntact,
  readDumpPayload,
} from '../../../src/server/rdb/dump-payload.ts';
import { lzfDecompress } from '../../../src/server/rdb/lzf.ts';
import { MalformedData, RdbError } from '../../../src/server/rdb/rdb-error.ts';
import { RdbReader, type RdbReaderOptions } from '../../../src/server/rdb/rdb-reader.ts';
import { rawStreamId } from '../../../src/server/rdb/stream-id.ts';
import { RecordingSink, type RecordedKey } from './recording-sink.ts';
import { writeRecorded } from './write-recorded.ts';

const id = (ms: number): string => rawStreamId(ms, 0);

const KEYS: readonly RecordedKey[] = [
  { db: 0, key: 'text', expireAtMs: 1234, value: { type: 'string', value: 'value' } },
  { db: 0, key: 'list', expireAtMs: -1, value: { type: 'list', elements: ['a', 'b'] } },
  { db: 0, key: 'zset', expireAtMs: -1, value: { type: 'zset', members: [['m', 1.5]] } },
  { db: 2, key: 'hash', expireAtMs: -1, value: { type: 'hash', fields: [['f', 'v']] } },
  {
    db: 2,
    key: 'stream',
    expireAtMs: -1,
    value: {
      type: 'stream',
      entries: [
        { id: id(5), fields: ['a', '1'] },
        { id: id(9), fields: ['b', '2'] },
      ],
      state: { lastId: id(9), firstId: id(5), maxDeletedId: id(0), entriesAdded: 2, length: 2 },
      groups: [
        {
          name: 'g',
          lastId: id(9),
          entriesRead: 2,
          pending: [{ id: id(5), deliveredAtMs: 1, deliveries: 1 }],
          consumers: [{ name: 'c', seenAtMs: 1, activeAtMs: 1, pending: [id(5)] }],
        },
      ],
    },
  },
];

/** What reading ends with: undefined when the file was accepted. Anything but an `RdbError` gets through. */
function refusalOf(file: Buffer, options?: RdbReaderOptions): RdbError | undefined {
  const reader = new RdbReader(new RecordingSink(), options);
  try {
    reader.write(file);
    reader.end();
    return undefined;
  } catch (error) {
    if (error instanceof RdbError) return error;
    throw error;
  }
}

/** A file of version 9 with this after the header and without a checksum. */
function fileOf(...bytes: readonly (number | string)[]): Buffer {
  const body = bytes.map((part) =>
    typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part, 'latin1'),
  );
  return Buffer.concat([Buffer.from('REDIS0009'), ...body, Buffer.from([255, 0, 0, 0, 0, 0, 0, 0, 0])]);
}

describe('a hostile RDB', () => {
  const file = writeRecorded(KEYS);

  it('is refused as cut wherever it is cut, with an offset within what there is', () => {
    for (let length = 0; length < file.length; length++) {
      const refusal = refusalOf(file.subarray(0, length));
      expect(refusal?.code).toBe('cut');
      expect(refusal?.offset).toBeLessThanOrEqual(length);
    }
    expect(refusalOf(file)).toBeUndefined();
  });

  it('is refused whichever bit behind the header is flipped', () => {
    for (let bit = 72; bit < file.length * 8; bit++) {
      const broken = Buffer.from(file);
      broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(refusalOf(broken), `bit ${bit}`).toBeInstanceOf(RdbError);
    }
  });

  it('ends in data or an RdbError whatever its bytes are, without a checksum too', () => {
    const unchecked = writeRecorded(KEYS, { checksum: false });
    const place = integer({ min: 9, max: unchecked.length - 1 });
    assert(
      property(place, place, integer({ min: 1, max: 255 }), integer({ min: 0, max: 255 }), (a, b, x, y) => {
        const broken = Buffer.from(unchecked);
        broken[a] = (broken[a] as number) ^ x;
        broken[b] = y;
        refusalOf(broken, { maxStringBytes: 1 << 20 });
      }),
      { numRuns: 3000, seed: 7 },
    );
  });

  it('allocates nothing by a length that is only announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const announced = [
      ['\0\x01k\x80\x1f\xff\xff\xff', 'cut'],
      ['\0\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff', 'limit'],
      ['\x01\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff', 'cut'],
      ['\0\x01k\xc3\x03\x80\x1f\xff\xff\xff\0\0\0', 'corrupt'],
      ['\x04\x01k\x80\xff\xff\xff\xff\x01f', 'cut'],
    ] as const;
    for (const [bytes, code] of announced) {
      const refusal = refusalOf(Buffer.from(`REDIS0009${bytes}`, 'latin1'));
      expect(refusal?.code).toBe(code);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  it.each([
    ['a newer version', Buffer.from('REDIS0099'), 'unsupported'],
    ['no magic', Buffer.from('HELLO WORLD'), 'corrupt'],
    ['a module value', fileOf(7, 1, 'k'), 'unsupported'],
    ['a function of a release candidate', fileOf(246), 'unsupported'],
    ['an unknown type', fileOf(99, 1, 'k'), 'corrupt'],
    ['an unknown length byte', fileOf(0, 0x82), 'corrupt'],
    ['an encoding where a length belongs', fileOf(254, 0xc0, 1), 'corrupt'],
    ['an unknown string encoding', fileOf(0, 0xc4, 1), 'corrupt'],
    ['a member twice', fileOf(2, 1, 'k', 2, 1, 'a', 1, 'a'), 'corrupt'],
    ['a score that is no number', fileOf(3, 1, 'k', 1, 1, 'a', 253), 'corrupt'],
    ['a string longer than allowed', fileOf(0, 1, 'k', 0x7f, 0xff), 'limit'],
    ['an intset of odd width', fileOf(11, 1, 'k', 10, '\x03\0\0\0\x01\0\0\0\x01\0'), 'corrupt'],
    ['a listpack without end', fileOf(16, 1, 'k', 7, '\x07\0\0\0\0\0\0'), 'corrupt'],
    ['a ziplist whose size lies', fileOf(10, 1, 'k', 11, '\x0c\0\0\0\x0a\0\0\0\0\0\xff'), 'corrupt'],
    ['a zipmap whose entry runs over', fileOf(9, 1, 'k', 4, '\x01\x09a\xff'), 'corrupt'],
  ] as const)('is refused for %s', (_, bytes, code) => {
    expect(refusalOf(bytes, { maxStringBytes: 1000 })?.code).toBe(code);
  });

  it('reads the forms that only old files have, and skips empty keys', () => {
    const sink = new RecordingSink();
    const reader = new RdbReader(sink);
    const zipmap = '\x02\x03foo\x03\x00bar\x05hello\x05\x02worldxx\xff';
    const ziplist = '\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff';
    reader.write(
      fileOf(
        253,
        '\x01\0\0\0',
        9,
        1,
        'm',
        zipmap.length,
        zipmap,
        10,
        1,
        'z',
        ziplist.length,
        ziplist,
        1,
        1,
        'e',
        0,
      ),
    );
    reader.end();
    expect(sink.keys).toEqual([
      {
        db: 0,
        key: 'm',
        expireAtMs: 1000,
        value: {
          type: 'hash',
          fields: [
            ['foo', 'bar'],
            ['hello', 'world'],
          ],
        },
      },
      { db: 0, key: 'z', expireAtMs: -1, value: { type: 'list', elements: ['2', '5'] } },
    ]);
    expect(reader.report.emptyKeysSkipped).toBe(1);
  });

  it('refuses times to live that no server writes', () => {
    const int64 = (value: bigint): string => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes.toString('latin1');
    };
    const length64 = (value: bigint): string => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(value);
      return `\x81${bytes.toString('latin1')}`;
    };
    const valkey = (...parts: (string | number)[]): Buffer =>
      Buffer.concat([Buffer.from('VALKEY080'), fileOf(...parts).subarray(9)]);
    const packed = (time: number): string => {
      const bytes = [7 + 9, 0, 0, 0, 3, 0, 0x81, 0x61, 2, 0x81, 0x62, 2, time, 1, 0xff];
      return String.fromCharCode(bytes.length, bytes.length, ...bytes.slice(1));
    };
    for (const bytes of [
      fileOf(24, 1, 'h', int64(-5n), 1, 2, 1, 'a', 1, '1'),
      fileOf(24, 1, 'h', int64(2n ** 48n), 1, 2, 1, 'a', 1, '1'),
      fileOf(24, 1, 'h', int64(1000n), 1, length64(2n ** 48n), 1, 'a', 1, '1'),
      fileOf(24, 1, 'h', int64(1000n), 1, length64(2n ** 64n - 1n), 1, 'a', 1, '1'),
      fileOf(22, 1, 'h', 1, length64(2n ** 48n), 1, 'a', 1, '1'),
      valkey(22, 1, 'h', 1, 1, 'a', 1, '1', int64(-2n)),
    ]) {
      const refusal = refusalOf(bytes);
      expect(refusal?.code).toBe('corrupt');
      expect(refusal?.message).toContain('impossible time to live');
    }
    expect(refusalOf(fileOf(25, 1, 'h', int64(0n), packed(0x7f)))).toBeUndefined();
  });

  it('skips what belongs to modules and clusters', () => {
    const aux = '\x81\0\0\0\0\0\0\0\x09\x02\x01\x05\x03abc\x01\x07\x03....\x04........\x00';
    const sink = new RecordingSink();
    const reader = new RdbReader(sink);
    reader.write(fileOf(247, aux, 244, 1, 2, 3, 243, 3, 'job', 1, 4, 5, 248, 9, 249, 7, 0, 1, 'k', 1, 'v'));
    reader.end();
    expect(sink.keys).toHaveLength(1);
    expect(reader.report.moduleAuxSkipped).toBe(1);
  });
});

describe('a hostile DUMP payload', () => {
  const payload = createDumpPayload(9, (writer) => {
    writer.begin('hash', 1, undefined, -1);
    writer.text('field');
    writer.text('value');
  });

  it('is not intact when any bit is flipped or it is cut', () => {
    expect(isDumpPayloadIntact(payload)).toBe(true);
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const broken = Buffer.from(payload);
      broken[bit >> 3] = (broken[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(isDumpPayloadIntact(broken)).toBe(false);
    }
    expect(isDumpPayloadIntact(payload.subarray(0, 9))).toBe(false);
    expect(isDumpPayloadIntact(Buffer.alloc(0))).toBe(false);
  });

  it('is refused when its value is cut, empty or followed by more', () => {
    const withoutChecksum = (...bytes: readonly number[]): Buffer =>
      Buffer.from([...bytes, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for (const broken of [
      withoutChecksum(0, 5, 1),
      withoutChecksum(1, 0),
      withoutChecksum(1, 2, 1, 65),
      withoutChecksum(0, 1, 65, 66),
      withoutChecksum(99),
      withoutChecksum(),
    ]) {
      expect(isDumpPayloadIntact(broken)).toBe(true);
      expect(() => readDumpPayload(broken, new RecordingSink())).toThrow(RdbError);
    }
  });
});

describe('LZF', () => {
  it('refuses references outside and lengths that are not true', () => {
    for (const [bytes, size] of [
      [[0x20, 0x00], 3],
      [[0x00], 1],
      [[0x05, 65, 66], 6],
      [[0x01, 65, 66], 3],
      [[0xe0], 9],
      [[0x00, 65], 1 << 30],
    ] as const) {
      const packed = Buffer.from(bytes);
      expect(() => lzfDecompress(packed, 0, packed.length, size)).toThrow(MalformedData);
    }
  });

  it('unpacks a reference that overlaps what it makes', () => {
    const packed = Buffer.from([0x00, 65, 0xe0, 0x00, 0x00]);
    expect(lzfDecompress(packed, 0, packed.length, 10).toString()).toBe('A'.repeat(10));
  });
});
