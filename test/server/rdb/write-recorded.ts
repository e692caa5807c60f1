import type { RecordedKey } from './recording-sink.ts';
import { RdbWriter, type RdbWriterOptions } from '../../../src/server/rdb/rdb-writer.ts';
import { StreamWriter } from '../../../src/server/rdb/write-stream.ts';

/** A whole file of the given keys. */
export function writeRecorded(keys: readonly RecordedKey[], options: RdbWriterOptions = {}): Buffer {
  const pieces: Buffer[] = [];
  const writer = new RdbWriter((piece) => pieces.push(piece), options);
  writer.header();
  writer.aux('redis-ver', '7.0.15');
  let db = -1;
  for (const key of keys) {
    if (key.db !== db) {
      db = key.db;
      const own = keys.filter((other) => other.db === db);
      writer.selectDb(db);
      writer.resizeDb(own.length, own.filter((other) => other.expireAtMs >= 0).length);
    }
    writeKey(writer, key);
  }
  writer.end();
  return Buffer.concat(pieces);
}

export function writeKey(writer: RdbWriter, { key: name, expireAtMs, value }: RecordedKey): void {
  const bytes = Buffer.from(name, 'latin1');
  const key = { bytes, start: 0, end: bytes.length };
  switch (value.type) {
    case 'string': {
      const text = Buffer.from(value.value, 'latin1');
      writer.string(bytes, 0, bytes.length, text, 0, text.length, expireAtMs);
      return;
    }
    case 'list':
    case 'set':
      writer.begin(value.type, value.elements.length, key, expireAtMs);
      for (const element of value.elements) writer.text(element);
      return;
    case 'zset':
      writer.begin('zset', value.members.length, key, expireAtMs);
      for (const [member, score] of value.members) writer.member(member, score);
      return;
    case 'hash': {
      const times = value.fields.flatMap(([, , time]) => time ?? []);
      if (times.length > 0) {
        writer.beginExpiring(value.fields.length, Math.min(...times), key, expireAtMs);
        for (const [field, text, time] of value.fields) writer.expiringField(field, text, time ?? -1);
        return;
      }
      writer.begin('hash', value.fields.length, key, expireAtMs);
      for (const [field, text] of value.fields) {
        writer.text(field);
        writer.text(text);
      }
      return;
    }
    case 'stream': {
      if (value.state === undefined) throw new Error('a stream without state');
      const stream = new StreamWriter(writer, value.state, value.groups, 0, key, expireAtMs);
      for (const entry of value.entries) stream.entry(entry.id, entry.fields);
      stream.end();
    }
  }
}
