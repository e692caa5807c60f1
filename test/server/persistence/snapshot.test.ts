import { describe, expect, it } from 'vitest';
import { SYSTEM_CLOCK } from '../../../src/server/clock.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { HashValue } from '../../../src/server/keyspace/values/hash-value.ts';
import { ListValue } from '../../../src/server/keyspace/values/list-value.ts';
import { KeyspaceSink } from '../../../src/server/persistence/keyspace-sink.ts';
import { Snapshot } from '../../../src/server/persistence/snapshot.ts';
import { RdbReader } from '../../../src/server/rdb/rdb-reader.ts';
import type { WriterVersion } from '../../../src/server/rdb/rdb-writer.ts';
import { digestKeys } from '../rdb/digest-keys.ts';
import { RecordingSink } from '../rdb/recording-sink.ts';
import { bytesOf, createRandom, fill, write } from './random-keyspace.ts';

function startSnapshot(keyspace: Keyspace, pieces: Buffer[], version: WriterVersion = 9): Snapshot {
  return new Snapshot({
    dbs: keyspace.filled(),
    aux: [['redis-ver', '7.2.0']],
    libraries: [],
    version,
    checksum: true,
    compresses: true,
    emit: (piece) => pieces.push(piece),
    clock: { ...SYSTEM_CLOCK, monotonic: () => 0 },
  });
}

function read(pieces: readonly Buffer[]): RecordingSink {
  const sink = new RecordingSink();
  const reader = new RdbReader(sink);
  for (const piece of pieces) reader.write(piece);
  reader.end();
  return sink;
}

function sortedKeys(sink: RecordingSink): unknown[] {
  const named = sink.keys.map((key) => [`${key.db} ${key.key}`, key.expireAtMs, key.value] as const);
  return named
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, expireAtMs, { type }]) => [name, expireAtMs, type]);
}

const byName = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
const byDb = (sink: RecordingSink): RecordingSink['keys'] => sink.keys.toSorted((a, b) => a.db - b.db);

describe('Snapshot', () => {
  it.each([1, 2, 3, 4])('is one point in time while writes go on (seed %i)', (seed) => {
    const random = createRandom(seed);
    const keyspace = new Keyspace(16, random);
    fill(keyspace, random);

    const before: Buffer[] = [];
    startSnapshot(keyspace, before).step(1);

    const pieces: Buffer[] = [];
    const snapshot = startSnapshot(keyspace, pieces);
    for (let turn = 0; !snapshot.isDone; turn++) {
      for (let writes = random(6); writes > 0; writes--) write(keyspace, random);
      snapshot.step(0);
    }
    const expected = read(before);
    const actual = read(pieces);
    expect(sortedKeys(actual)).toEqual(sortedKeys(expected));
    expect(digestKeys(byDb(actual))).toBe(digestKeys(byDb(expected)));
    expect(snapshot.keysWritten).toBe(expected.keys.length);
  });

  it('keeps the old form of a large collection that is changed after the last bucket was visited', () => {
    const keyspace = new Keyspace(16, createRandom(1));
    const key = bytesOf('list');
    const list = ListValue.of(Array.from({ length: 1_000 }, (_, at) => `e${at}`));
    const db = keyspace.db(0);
    const ref = db.setObject(key, 0, key.length, list);
    const before: Buffer[] = [];
    startSnapshot(keyspace, before).step(1);
    const pieces: Buffer[] = [];
    const snapshot = startSnapshot(keyspace, pieces);
    while (!snapshot.step(0)) {
      db.willChange(ref);
      list.pushFront('new');
      list.popBack();
      list.popBack();
    }
    expect(digestKeys(read(pieces).keys)).toBe(digestKeys(read(before).keys));
    expect(db.walks.size).toBe(0);
  });

  it.each([12, 80] as const)('keeps the old times to live of fields (version %i)', (version) => {
    const keyspace = new Keyspace(16, createRandom(1));
    const db = keyspace.db(0);
    const hashes = ['small', 'large'].map((name, turn) => {
      const hash = HashValue.of(
        Array.from({ length: 5 + turn * 2000 }, (_, i) => [`f${i}`, `${i}`] as const),
      );
      for (let i = 0; i < hash.size; i += 3) hash.setExpiry(`f${i}`, 4_000_000_000_000 + i * 5);
      return { hash, ref: db.setObject(bytesOf(name), 0, name.length, hash) };
    });
    expect(keyspace.hasFieldExpiries).toBe(true);
    const before: Buffer[] = [];
    startSnapshot(keyspace, before, version).step(1);
    const pieces: Buffer[] = [];
    const snapshot = startSnapshot(keyspace, pieces, version);
    while (!snapshot.step(0)) {
      for (const { hash, ref } of hashes) {
        db.willChange(ref);
        for (const [field] of [...hash].slice(0, 3)) {
          if (!hash.persist(field)) hash.setExpiry(field, 1000);
        }
        hash.delete(hash.fieldAt(hash.size - 1));
        hash.set('new', '1');
        hash.setExpiry('new', 5);
        db.noteFieldExpiries(ref);
      }
    }
    expect(read(pieces).keys.toSorted(byName)).toEqual(read(before).keys.toSorted(byName));
    const [large] = read(before).keys.toSorted(byName);
    const times = large?.value.type === 'hash' ? large.value.fields.flatMap(([, , time]) => time ?? []) : [];
    expect(times).toHaveLength(669);
    expect(Math.max(...times)).toBe(4_000_000_000_000 + 2004 * 5);
  });

  it('gives the walks back when it is aborted', () => {
    const random = createRandom(1);
    const keyspace = new Keyspace(16, random);
    fill(keyspace, random);
    const snapshot = startSnapshot(keyspace, []);
    snapshot.step(0);
    snapshot.abort();
    expect(snapshot.isDone).toBe(true);
    expect([...keyspace.filled()].map(([, db]) => db.walks.size)).toEqual([0, 0]);
  });

  it('is loaded to an equal keyspace, expired keys left out on request', () => {
    const random = createRandom(3);
    const keyspace = new Keyspace(16, random);
    fill(keyspace, random);
    const pieces: Buffer[] = [];
    startSnapshot(keyspace, pieces).step(1);

    const loaded = new Keyspace(16, random);
    const load = (dropExpiredBeforeMs: number): KeyspaceSink => {
      const sink = new KeyspaceSink({
        databaseCount: 16,
        openDb: (index) => loaded.flush(index),
        dropExpiredBeforeMs,
      });
      const reader = new RdbReader(sink);
      for (const piece of pieces) reader.write(piece);
      reader.end();
      return sink;
    };
    expect(load(-1).keysLoaded).toBe(keyspace.size);
    const again: Buffer[] = [];
    startSnapshot(loaded, again).step(1);
    expect(digestKeys(byDb(read(again)))).toBe(digestKeys(byDb(read(pieces))));
    expect(streamsOf(read(again))).toEqual(streamsOf(read(pieces)));

    const partly = load(Number.MAX_SAFE_INTEGER);
    expect(partly.keysExpired).toBeGreaterThan(0);
    expect(partly.keysLoaded + partly.keysExpired).toBe(keyspace.size);
    expect(() =>
      new KeyspaceSink({ databaseCount: 2, openDb: () => loaded.db(0), dropExpiredBeforeMs: -1 }).selectDb(2),
    ).toThrow('database 2');
  });
});

function streamsOf(sink: RecordingSink): unknown {
  const streams = sink.keys.filter((key) => key.value.type === 'stream');
  return streams.toSorted((a, b) => (`${a.db} ${a.key}` < `${b.db} ${b.key}` ? -1 : 1));
}
