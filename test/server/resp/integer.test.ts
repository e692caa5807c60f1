import { assert, bigInt, integer, maxSafeInteger, oneof, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseInt64, parseInteger, writeInteger } from '../../../src/server/resp/integer.ts';
import { ReplyWriter } from '../../../src/server/resp/reply-writer.ts';

const BORDERS = [0, 1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 1_999_999_999, 2_000_000_000, 2 ** 53 - 1];

function written(value: number): string {
  const buf = Buffer.alloc(30);
  return buf.latin1Slice(2, writeInteger(buf, 2, value));
}

describe('integers', () => {
  it('are written as they are read', () => {
    for (const value of [...BORDERS, ...BORDERS.map((border) => -border)]) {
      expect(written(value)).toBe(String(value));
    }
    assert(
      property(oneof(integer(), integer({ min: -1200, max: 1200 }), maxSafeInteger()), (value) => {
        const text = Buffer.from(written(value));
        expect(text.toString()).toBe(String(value));
        expect(parseInteger(text, 0, text.length)).toBe(value);
        const reply = new ReplyWriter();
        reply.int(value);
        expect(reply.bytesSince(0).toString()).toBe(`:${text.toString()}\r\n`);
      }),
      { numRuns: 1000 },
    );
  });

  it('are exact up to 64 bits', () => {
    assert(
      property(bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (value) => {
        const text = Buffer.from(String(value));
        const isLong = BigInt.asIntN(64, value) !== value;
        expect(parseInt64(text, 0, text.length)).toBe(isLong ? undefined : value);
      }),
      { numRuns: 500 },
    );
  });
});
