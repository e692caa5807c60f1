import { describe, expect, it } from 'vitest';
import { SYSTEM_CLOCK } from '../../../src/server/clock.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import type { Db } from '../../../src/server/keyspace/db.ts';
import { HashValue } from '../../../src/server/keyspace/values/hash-value.ts';
import { ListValue } from '../../../src/server/keyspace/values/list-value.ts';
import { SetValue } from '../../../src/server/keyspace/values/set-value.ts';
import { StreamValue } from '../../../src/server/keyspace/values/stream-value.ts';
import { ZSetValue } from '../../../src/server/keyspace/values/zset-value.ts';
import { KeyspaceSink } from '../../../src/server/persistence/keyspace-sink.ts';
import { Snapshot } from '../../../src/server/persistence/snapshot.ts';
import { RdbReader } from '../../../src/server/rdb/rdb-reader.ts';
import { digestKeys } from '../rdb/digest-keys.ts';
import { RecordingSink } from '../rdb/recording-sink.ts';

/** A small generator of numbers (mulberry32), so that a failure can be repeated by its seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

function set(db: Db, name: string, text: string): void {
  const key = bytesOf(name);
  const value = bytesOf(text);
  db.setString(key, 0, key.length, value, 0, value.length);
}

function fill(keyspace: Keyspace, random: Random): void {
  for (const index of [0, 9]) {
    const db = keyspace.db(index);
    for (let i = 0; i < 60; i++) set(db, `string:${i}`, 'x'.repeat(random(60)));
    for (let i = 0; i < 2; i++) {
      const size = random(2) === 0 ? 550 + random(400) : 1 + random(20);
      const names = Array.from({ length: size }, (_, at) => `e${at}`);
      const stream = new StreamValue();
      names.forEach((name, at) => stream.append({ ms: at + 1, seq: 0 }, ['f', name]));
      const group = stream.addGroup('g', { ms: 1, seq: 0 }, 1);
      group.deliver({ ms: 1, seq: 0 }, group.addConsumer('c', 5), 7, 1);
      const values = {
        list: ListValue.of(names),
        set: SetValue.of(names),
        zset: ZSetValue.of(names.map((name, at) => [name, at / 2] as const)),
        hash: HashValue.of(names.map((name) => [name, `v${name}`] as const)),
        stream,
      };
      for (const [type, value] of Object.entries(values)) {
        const key = bytesOf(`${type}:${i}`);
        const ref = db.setObject(key, 0, key.length, value);
        if (random(3) === 0) db.setExpire(ref, 2_000_000_000_000 + i);
      }
    }
  }
}

/** One random write, as a command would do it. */
function write(keyspace: Keyspace, random: Random): void {
  const index = [0, 9, 9, 5][random(4)] ?? 0;
  if (random(400) === 0) {
    keyspace.flush(index);
    return;
  }
  const db = keyspace.db(index);
  const ref = random(4) === 0 ? 0 : db.randomEntry(random);
  if (ref === 0) {
    set(db, `string:${random(300)}`, `new${random(1000)}`);
    return;
  }
  const choice = random(6);
  if (choice === 0) db.delete(ref);
  else if (choice === 1) db.setExpire(ref, 2_100_000_000_000);
  else if (choice === 2) db.persist(ref);
  else if (choice === 3) {
    const name = bytesOf(`renamed:${random(1_000_000)}`);
    if (db.find(name, 0, name.length) === 0) db.rename(ref, name, 0, name.length);
  } else if (db.isString(ref)) db.locateValue(db.resizeString(ref, random(100)));
  else {
    db.willChange(ref);
    change(db.object(ref), random);
    db.recount(db.slotOf(ref), db.object(ref));
  }
}

function change(value: unknown, random: Random): void {
  const name = `e${random(2000)}`;
  if (value instanceof ListValue) {
    if (random(2) === 0) value.pushFront(name);
    else if (value.size > 1) value.popBack();
  } else if (value instanceof SetValue) value.add(`${name}!`);
  else if (value instanceof ZSetValue) value.set(name, random(100));
  else if (value instanceof HashValue) value.set(name, 'changed');
  else if (value instanceof StreamValue) {
    if (random(2) === 0) value.delete({ ms: 1 + random(value.size), seq: 0 });
    else value.append({ ms: Number(value.lastId.ms) + 1, seq: 0 }, ['new', 'entry']);
  }
}

function startSnapshot(keyspace: Keyspace, pieces: Buffer[]): Snapshot {
  return new Snapshot({
    dbs: keyspace.filled(),
    aux: [['redis-ver', '7.2.0']],
    libraries: [],
    version: 9,
    checksum: true,
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
