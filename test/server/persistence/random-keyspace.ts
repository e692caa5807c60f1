import type { Db } from '../../../src/server/keyspace/db.ts';
import type { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { HashValue } from '../../../src/server/keyspace/values/hash-value.ts';
import { ListValue } from '../../../src/server/keyspace/values/list-value.ts';
import { SetValue } from '../../../src/server/keyspace/values/set-value.ts';
import { StreamValue } from '../../../src/server/keyspace/values/stream-value.ts';
import { ZSetValue } from '../../../src/server/keyspace/values/zset-value.ts';

/** A small generator of numbers (mulberry32), so that a failure can be repeated by its seed. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

export function set(db: Db, name: string, text: string): void {
  const key = bytesOf(name);
  const value = bytesOf(text);
  db.setString(key, 0, key.length, value, 0, value.length);
}

/** Strings, and small and large collections of each type, in two databases. */
export function fill(keyspace: Keyspace, random: Random): void {
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
export function write(keyspace: Keyspace, random: Random): void {
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
