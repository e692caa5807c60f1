import { array, assert, integer, oneof, property, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BROKEN, RequestParser, splitInline } from '../../../src/server/resp/request-parser.ts';

const binary = oneof(
  uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  string({ maxLength: 8 }).filter((text) => /^[\x20-\x7e]*$/.test(text)),
  integer({ min: 9, max: 1200 }).map((length) => 'x'.repeat(length)),
);
const request = oneof(
  { arbitrary: array(binary, { minLength: 1, maxLength: 14 }), weight: 8 },
  { arbitrary: array(binary, { minLength: 60, maxLength: 140 }), weight: 1 },
);

function encode(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

/**
 * Feeds pieces as a connection does: what is not consumed is handed in again, at another place, with more. Reads one
 * request after the other, or ahead.
 */
function parse(
  pieces: readonly Buffer[],
  isAhead = false,
): { readonly requests: string[][]; readonly error: string } {
  const parser = new RequestParser();
  const requests: string[][] = [];
  let held = Buffer.alloc(0);
  let heldAt = 0;
  for (const [index, piece] of pieces.entries()) {
    const shift = index % 3;
    const buf = Buffer.concat([Buffer.alloc(shift), held, piece]);
    parser.rebase(shift - heldAt);
    let at = shift;
    while (isAhead) {
      const count = parser.readAhead(buf, at, buf.length);
      for (const args of parser.ahead.slice(0, count)) if (args.count > 0) requests.push(args.strings());
      if (count > 0) at = parser.ends[count - 1]!;
      if (parser.outcome === BROKEN) return { requests, error: parser.error };
      if (parser.outcome <= 0 || at === buf.length) break;
    }
    while (!isAhead) {
      const after = parser.next(buf, at, buf.length);
      if (after === BROKEN) return { requests, error: parser.error };
      if (after <= 0) break;
      if (parser.args.count > 0) requests.push(parser.args.strings());
      at = after;
    }
    held = buf.subarray(at);
    heldAt = at;
  }
  return { requests, error: '' };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[i % sizes.length] ?? 1);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

describe('RequestParser', () => {
  it('reads the same requests however they are cut into pieces', () => {
    assert(
      property(
        array(request, { minLength: 1, maxLength: 40 }),
        array(integer({ min: 1, max: 60 }), { maxLength: 8 }),
        (requests, sizes) => {
          const bytes = Buffer.from(requests.map(encode).join(''), 'latin1');
          expect(parse(cut(bytes, sizes))).toEqual({ requests, error: '' });
          expect(parse(cut(bytes, sizes), true)).toEqual({ requests, error: '' });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('gives the same requests and error for any bytes, whole or in pieces', () => {
    const noise = array(
      oneof(
        request.map(encode),
        string({ maxLength: 12 }),
        uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      ),
      { maxLength: 6 },
    );
    assert(
      property(noise, array(integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''), 'latin1');
        const whole = parse([bytes]);
        expect(parse(cut(bytes, sizes))).toEqual(whole);
        expect(parse(cut(bytes, sizes), true)).toEqual(whole);
        expect(parse([bytes], true)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('copies a request with its raw form', () => {
    const parser = new RequestParser();
    const bytes = Buffer.from(`junk${encode(['SET', 'key', 'value'])}`, 'latin1');
    expect(parser.next(bytes, 4, bytes.length)).toBe(bytes.length);
    const copy = parser.args.copy();
    bytes.fill(0);
    expect(copy.strings()).toEqual(['SET', 'key', 'value']);
    expect(copy.encoded().toString('latin1')).toBe(encode(['SET', 'key', 'value']));
  });

  it('limits what a client may send before it is authenticated', () => {
    const parser = new RequestParser();
    parser.isAuthenticated = false;
    const many = Buffer.from('*11\r\n');
    expect(parser.next(many, 0, many.length)).toBe(BROKEN);
    expect(parser.error).toBe('unauthenticated multibulk length');
    const long = Buffer.from('*1\r\n$16385\r\n');
    expect(parser.next(long, 0, long.length)).toBe(BROKEN);
    expect(parser.error).toBe('unauthenticated bulk length');
  });

  it('splits inline commands as redis-cli does', () => {
    expect(splitInline(`set "a\\x41\\n" 'b\\'c' d`)).toEqual(['set', 'aA\n', "b'c", 'd']);
    expect(splitInline('"a"b')).toBeUndefined();
    expect(splitInline('"a')).toBeUndefined();
    expect(splitInline('   ')).toEqual([]);
  });
});
