import { array, assert, integer, property, tuple, uint8Array } from 'fast-check';
import { expect, it } from 'vitest';
import { lzfCompress, lzfDecompress } from '../../../src/server/rdb/lzf.ts';

/** Texts in which pieces come again, of all kinds of lengths. */
const texts = array(tuple(uint8Array({ maxLength: 40 }), integer({ min: 1, max: 400 })), {
  minLength: 1,
  maxLength: 8,
}).map((pieces) =>
  Buffer.concat(pieces.flatMap(([piece, times]) => Array.from({ length: times }, () => piece))),
);

it('packs what comes again, and gives it back', () => {
  let packedCount = 0;
  assert(
    property(texts, integer({ min: 0, max: 9 }), (text, lead) => {
      if (text.length < 5) return;
      const bytes = Buffer.concat([Buffer.alloc(lead, 'x'), text, Buffer.from('behind')]);
      const out = Buffer.alloc(text.length + 40, 0x55);
      const most = text.length - 4;
      const size = lzfCompress(bytes, lead, lead + text.length, out, most);
      expect(size).toBeLessThanOrEqual(most);
      if (size === 0) return;
      packedCount += 1;
      expect(lzfDecompress(out, 0, size, text.length)).toEqual(text);
    }),
    { numRuns: 300 },
  );
  expect(packedCount).toBeGreaterThan(100);
});

it('writes nothing beyond what it may', () => {
  const text = Buffer.from(`${'abcdefgh'.repeat(20)}${'0123456789'.repeat(3)}`);
  for (let most = 1; most < text.length; most += 1) {
    const out = Buffer.alloc(text.length + 40, 0x55);
    const size = lzfCompress(text, 0, text.length, out, most);
    expect(size).toBeLessThanOrEqual(most);
    if (size > 0) expect(lzfDecompress(out, 0, size, text.length)).toEqual(text);
    expect(out.subarray(most + 1).every((byte) => byte === 0x55)).toBe(true);
  }
});
