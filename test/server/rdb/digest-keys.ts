import { createHash } from 'node:crypto';
import { splitStreamId } from '../../../src/server/rdb/stream-id.ts';
import type { RecordedKey, RecordedValue } from './recording-sink.ts';

const TYPE_NUMBER = { string: 0, list: 1, set: 2, zset: 3, hash: 4, stream: 6 } as const;
const EMPTY: Buffer = Buffer.alloc(20);

/** DEBUG DIGEST of what was read, to be compared with a real server's (`src/debug.c`). */
export function digestKeys(keys: readonly RecordedKey[]): string {
  let total: Buffer = EMPTY;
  for (const db of new Set(keys.map((key) => key.db))) {
    total = mix(total, uint32(db));
    for (const key of keys) if (key.db === db) total = xorHash(total, digestKey(key));
  }
  return total.toString('hex');
}

function digestKey({ key, value, expireAtMs }: RecordedKey): Buffer {
  const digest = digestValue(value, mix(mix(EMPTY, bytes(key)), uint32(TYPE_NUMBER[value.type])));
  return expireAtMs < 0 ? digest : xorHash(digest, bytes('!!expire!!'));
}

function digestValue(value: RecordedValue, start: Buffer): Buffer {
  switch (value.type) {
    case 'string':
      return mix(start, bytes(value.value));
    case 'list':
      return value.elements.reduce((digest, element) => mix(digest, bytes(element)), start);
    case 'set':
      return value.elements.reduce((digest, element) => xorHash(digest, bytes(element)), start);
    case 'zset':
      return value.members.reduce(
        (digest, [member, score]) => xorHash(digest, mixPair(member, scoreText(score))),
        start,
      );
    case 'hash':
      return value.fields.reduce((digest, [field, text]) => xorHash(digest, mixPair(field, text)), start);
    case 'stream':
      return value.entries.reduce((digest, { id, fields }) => {
        const { ms, seq } = splitStreamId(id);
        return [`${ms}.${seq}`, ...fields].reduce((inner, text) => mix(inner, bytes(text)), digest);
      }, start);
  }
}

const scoreText = (score: number): string => String(score).replace('Infinity', 'inf');
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const sha1 = (data: Buffer): Buffer => createHash('sha1').update(data).digest();
const mixPair = (first: string, second: string): Buffer => mix(mix(EMPTY, bytes(first)), bytes(second));

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

function xorHash(digest: Buffer, data: Buffer): Buffer {
  return xor(digest, sha1(data));
}

function mix(digest: Buffer, data: Buffer): Buffer {
  return sha1(xorHash(digest, data));
}
