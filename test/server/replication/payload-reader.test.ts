import { array, assert, boolean, integer, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PayloadReader, type PayloadFraming } from '../../../src/server/replication/payload-reader.ts';

const MARK = '0123456789abcdef0123456789abcdef01234567';

function read(chunks: readonly Uint8Array[]) {
  const seen = {
    framing: null as PayloadFraming | null,
    data: Buffer.alloc(0),
    rest: null as Buffer | null,
    refused: '',
  };
  const reader = new PayloadReader({
    framing: (framing) => void (seen.framing = framing),
    data: (chunk) => void (seen.data = Buffer.concat([seen.data, chunk])),
    end: (rest) => void (seen.rest = Buffer.from(rest)),
    refused: (line) => void (seen.refused = line),
  });
  for (const chunk of chunks) {
    if (seen.rest === null) reader.feed(chunk);
    else seen.rest = Buffer.concat([seen.rest, chunk]);
  }
  return seen;
}

/** Cuts a buffer at pseudo-random places drawn from `cuts`. */
function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of cuts) {
    if (from >= bytes.length) break;
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  if (from < bytes.length) chunks.push(bytes.subarray(from));
  return chunks;
}

describe('PayloadReader', () => {
  it('reports an error reply', () => {
    expect(read([Buffer.from('\n\n-ERR BGSAVE failed\r\n')]).refused).toBe('-ERR BGSAVE failed');
  });

  it('refuses a header without end', () => {
    expect(read([Buffer.alloc(10_000, 0x61)]).refused).not.toBe('');
  });

  it('takes an empty payload', () => {
    expect(read([Buffer.from('$0\r\n*1\r\n')])).toMatchObject({ rest: Buffer.from('*1\r\n') });
  });

  it('finds the payload and what follows it however the bytes are cut', () => {
    const sizes = array(integer({ min: 1, max: 90 }), { maxLength: 40 });
    assert(
      property(
        uint8Array({ maxLength: 400 }),
        uint8Array({ maxLength: 50 }),
        boolean(),
        sizes,
        (raw, after, isEof, cuts) => {
          // Beginnings of the mark inside the data must not confuse it.
          const data = Buffer.concat([raw, Buffer.from(MARK.slice(0, 23)), raw]);
          const framed = isEof
            ? [Buffer.from(`\n\n$EOF:${MARK}\r\n`), data, Buffer.from(MARK)]
            : [Buffer.from(`\n\n$${data.length}\r\n`), data];
          const seen = read(cut(Buffer.concat([...framed, after]), cuts));
          expect(seen.data.equals(data)).toBe(true);
          expect(seen.rest?.equals(after)).toBe(true);
        },
      ),
    );
  });
});
