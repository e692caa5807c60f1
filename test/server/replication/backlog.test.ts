import { array, assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backlog } from '../../../src/server/replication/backlog.ts';

const KB = 1024;

/** The stream byte at an offset, so that any window can be checked against it. */
const byteAt = (offset: number): number => (offset * 31 + (offset >> 8)) & 0xff;

function bytesFrom(offset: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => byteAt(offset + index)));
}

function readAll(backlog: Backlog, offset: number, maxBytes = 7 * KB): Buffer {
  const cursor = backlog.openCursor(offset);
  const chunks: Buffer[] = [];
  for (let chunk = cursor.read(maxBytes); chunk !== null; chunk = cursor.read(maxBytes)) chunks.push(chunk);
  cursor.close();
  return Buffer.concat(chunks);
}

describe('Backlog', () => {
  it('begins right behind the offset reached', () => {
    const backlog = new Backlog(64 * KB, 41);
    expect([backlog.firstByteOffset, backlog.histlen, backlog.nextOffset]).toEqual([42, 0, 42]);
    backlog.append(bytesFrom(42, 3));
    expect([backlog.firstByteOffset, backlog.histlen, backlog.nextOffset]).toEqual([42, 3, 45]);
  });

  it('holds from the first byte to the next one to come, both included', () => {
    const backlog = new Backlog(64 * KB, 0);
    backlog.append(bytesFrom(1, 10));
    expect([0, 1, 11, 12].map((offset) => backlog.holds(offset))).toEqual([false, true, true, false]);
    expect(() => backlog.openCursor(12)).toThrow(RangeError);
  });

  it('keeps the newest bytes when it is resized', () => {
    const backlog = new Backlog(256 * KB, 0);
    backlog.append(bytesFrom(1, 200 * KB));
    backlog.resize(16 * KB);
    expect(backlog.histlen).toBeGreaterThanOrEqual(16 * KB);
    expect(backlog.nextOffset).toBe(200 * KB + 1);
    backlog.resize(512 * KB);
    backlog.append(bytesFrom(200 * KB + 1, 100 * KB));
    const first = backlog.firstByteOffset;
    expect(readAll(backlog, first).equals(bytesFrom(first, backlog.histlen))).toBe(true);
  });

  it('holds bytes back for a slow reader and lets go of them when it leaves', () => {
    const backlog = new Backlog(16 * KB, 0);
    const slow = backlog.openCursor(1);
    for (let offset = 1; offset < 400 * KB; offset += KB) backlog.append(bytesFrom(offset, KB));
    expect(backlog.firstByteOffset).toBe(1);
    slow.close();
    expect(backlog.histlen).toBeLessThan(64 * KB);
  });

  it('keeps slices intact that a reader still holds', () => {
    const backlog = new Backlog(16 * KB, 0);
    backlog.append(bytesFrom(1, KB));
    const cursor = backlog.openCursor(1);
    const slice = cursor.read(KB);
    cursor.close();
    for (let offset = KB + 1; offset < 100 * KB; offset += KB) backlog.append(bytesFrom(offset, KB));
    expect(slice?.equals(bytesFrom(1, KB))).toBe(true);
  });

  it('replays exactly the bytes written, for any window, with readers at any pace', () => {
    const step = record({
      kind: constantFrom('append', 'read', 'resize'),
      amount: integer({ min: 1, max: 40 * KB }),
    });
    assert(
      property(integer({ min: 0, max: 1e9 }), array(step, { maxLength: 60 }), (start, steps) => {
        const backlog = new Backlog(32 * KB, start);
        const cursor = backlog.openCursor(start + 1);
        for (const { kind, amount } of steps) {
          if (kind === 'append') backlog.append(bytesFrom(backlog.nextOffset, amount));
          else if (kind === 'resize') backlog.resize(amount);
          else {
            const at = cursor.nextOffset;
            const chunk = cursor.read(amount);
            if (chunk !== null) expect(chunk.equals(bytesFrom(at, chunk.length))).toBe(true);
            else expect(at).toBe(backlog.nextOffset);
          }
          expect(backlog.firstByteOffset).toBeLessThanOrEqual(cursor.nextOffset);
        }
        const offset = backlog.nextOffset - Math.min(backlog.histlen, 5000);
        expect(readAll(backlog, offset, 777).equals(bytesFrom(offset, backlog.nextOffset - offset))).toBe(
          true,
        );
      }),
    );
  });
});
