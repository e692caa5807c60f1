import type { Db } from '../keyspace/db.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { TYPE_NUMBER, type Value } from '../keyspace/value.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import { ListValue } from '../keyspace/values/list-value.ts';
import { SetValue } from '../keyspace/values/set-value.ts';
import { StreamValue } from '../keyspace/values/stream-value.ts';
import { ZSetValue } from '../keyspace/values/zset-value.ts';
import { formatShortest } from '../resp/double.ts';
import { Digest } from './digest.ts';

/** 40 hex digits that are equal exactly when the data are: the same as Redis' DEBUG DIGEST (debug.c). */
export function digestData(keyspace: Keyspace): string {
  const total = new Digest();
  for (let index = 0; index < keyspace.count; index += 1) {
    const db = keyspace.dbIfUsed(index);
    if (db === undefined || db.size === 0) continue;
    total.mix(bigEndian(index));
    db.forEach((ref) => {
      const entry = new Digest().mix(db.keyBytes(ref));
      total.xor(mixEntry(entry, db, ref).bytes);
    });
  }
  return total.hex;
}

/** The digest of one value without its key, DEBUG DIGEST-VALUE. */
export function digestValue(db: Db, ref: number): string {
  return mixEntry(new Digest(), db, ref).hex;
}

function mixEntry(digest: Digest, db: Db, ref: number): Digest {
  digest.mix(bigEndian(TYPE_NUMBER[db.typeOf(ref)]));
  if (db.isString(ref)) digest.mix(db.valueBytes(ref));
  else mixValue(digest, db.object(ref));
  if (db.expireAt(ref) >= 0) digest.xor('!!expire!!');
  return digest;
}

function mixValue(digest: Digest, value: Value): void {
  if (value instanceof ListValue) {
    for (const element of value) digest.mix(element);
  } else if (value instanceof SetValue) {
    for (const member of value) digest.xor(member);
  } else if (value instanceof ZSetValue) {
    for (const [member, score] of value)
      digest.xor(new Digest().mix(member).mix(formatShortest(score)).bytes);
  } else if (value instanceof HashValue) {
    for (const [field, content] of value) {
      const element = new Digest().mix(field).mix(content);
      if (value.expiryOf(field) >= 0) element.xor('!!hexpire!!');
      digest.xor(element.bytes);
    }
  } else if (value instanceof StreamValue) {
    for (const [id, fields] of value) {
      digest.mix(`${String(id.ms)}.${String(id.seq)}`);
      for (const field of fields) digest.mix(field);
    }
  }
}

function bigEndian(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
