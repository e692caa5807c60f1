import { describe, expect, it } from 'vitest';
import { RdbWriter } from '../../../src/server/rdb/rdb-writer.ts';

const KEYS = 200;

function writeKeys(writer: RdbWriter): void {
  writer.header();
  for (let i = 0; i < KEYS; i += 1) {
    const text = Buffer.from(`key:${i}:${'v'.repeat(i % 90)}`);
    writer.string(text, 0, text.length, text, 0, text.length, -1);
  }
  writer.end();
}

describe('RdbWriter', () => {
  it('writes a piece anew only when it was given back', () => {
    const kept: Buffer[] = [];
    writeKeys(new RdbWriter((piece) => kept.push(piece), { chunkBytes: 256 }));
    const file = Buffer.concat(kept);

    const memories = new Set<ArrayBufferLike>();
    const lent: { piece: Buffer; giveBack: () => void }[] = [];
    const taken: Buffer[] = [];
    const takeOldest = (): void => {
      const oldest = lent.shift();
      if (oldest === undefined) return;
      taken.push(Buffer.from(oldest.piece));
      oldest.giveBack();
    };
    const emit = (piece: Buffer, giveBack: () => void): void => {
      memories.add(piece.buffer);
      lent.push({ piece, giveBack });
      if (lent.length === 3) takeOldest();
    };
    writeKeys(new RdbWriter(emit, { chunkBytes: 256 }));
    while (lent.length > 0) takeOldest();

    expect(Buffer.concat(taken).equals(file)).toBe(true);
    expect(kept.length).toBeGreaterThan(20);
    // Three lent, one being written, and the eight bytes of the checksum.
    expect(memories.size).toBeLessThanOrEqual(5);
  });
});
