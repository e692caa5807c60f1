import { describe, expect, it } from 'vitest';
import { DigestCut, type DigestScope } from '../../../src/server/admin/digest-cut.ts';
import { Keyspace } from '../../../src/server/keyspace/keyspace.ts';
import { HashValue } from '../../../src/server/keyspace/values/hash-value.ts';
import { ListValue } from '../../../src/server/keyspace/values/list-value.ts';
import { SetValue } from '../../../src/server/keyspace/values/set-value.ts';
import { StreamValue } from '../../../src/server/keyspace/values/stream-value.ts';
import { ZSetValue } from '../../../src/server/keyspace/values/zset-value.ts';
import { bytesOf, createRandom, fill, set, write } from '../persistence/random-keyspace.ts';
import { AdminServer } from './admin-server.ts';

const SUMS: DigestScope = { bucketCount: 8, listed: new Set() };
const ROWS: DigestScope = { bucketCount: 2, listed: new Set([0, 1]) };
const NOW = 1_800_000_000_000;

const newKeyspace = (seed: number): Keyspace => new Keyspace(16, createRandom(seed));

function digest(keyspace: Keyspace, scope = SUMS): DigestCut {
  const cut = new DigestCut(keyspace.filled(), scope, NOW);
  cut.step(() => false);
  return cut;
}

const LIST = ['a', '', 'b', '1'];

/** Every type, in the order of `names`. */
function fillTypes(keyspace: Keyspace, names: readonly string[]): Keyspace {
  const order = (elements: readonly string[]): string[] =>
    names[0] === 'string' ? [...elements] : elements.toReversed();
  const stream = new StreamValue();
  stream.append({ ms: 1, seq: 2 }, ['f', 'v']);
  stream.addGroup('g', { ms: 1, seq: 2 }, 1);
  const values = {
    list: ListValue.of(LIST),
    set: SetValue.of(order(['3', 'word', '20'])),
    zset: ZSetValue.of(order(['a', 'b']).map((name) => [name, name === 'a' ? 0.1 : -0] as const)),
    hash: HashValue.of(order(['f', 'g']).map((name) => [name, `v${name}`] as const)),
    stream,
  };
  const db = keyspace.db(3);
  for (const name of names) {
    const key = bytesOf(name);
    const value = Object.entries(values).find(([type]) => type === name)?.[1];
    if (value === undefined) set(db, name, 'value');
    else db.setObject(key, 0, key.length, value);
  }
  return keyspace;
}

const TYPES = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

describe('DigestCut', () => {
  it.each([1, 2, 3, 4, 5, 6])('is of one moment while writes go on (seed %i)', (seed) => {
    const random = createRandom(seed);
    const keyspace = new Keyspace(16, random);
    fill(keyspace, random);
    const expected = digest(keyspace);
    const cut = new DigestCut(keyspace.filled(), SUMS, NOW);
    const walked = [...keyspace.filled()].map(([, db]) => db);
    do {
      for (let writes = random(6); writes > 0; writes -= 1) write(keyspace, random);
    } while (!cut.step(() => true));
    expect(cut.sums).toEqual(expected.sums);
    expect(cut.keys).toBe(expected.keys);
    expect(walked.map(({ walks }) => walks.size)).toEqual([0, 0]);
    expect(digest(keyspace).sums).not.toEqual(expected.sums);
  });

  it('is the same whatever the order of keys, members and fields', () => {
    const one = fillTypes(newKeyspace(1), TYPES);
    const other = fillTypes(newKeyspace(2), TYPES.toReversed());
    expect(digest(other).sums).toEqual(digest(one).sums);
  });

  it('is another one after any change', () => {
    const keyspace = fillTypes(newKeyspace(1), TYPES);
    const db = keyspace.db(3);
    const refOf = (name: string): number => db.findString(name);
    const changes: (() => void)[] = [
      () => db.setExpire(refOf('string'), NOW),
      () => db.setExpire(refOf('string'), NOW + 1),
      () => set(db, 'string', 'valuf'),
      () => set(db, 'none', ''),
      () => (db.object(refOf('list')) as ListValue).pushBack(''),
      () => (db.object(refOf('set')) as SetValue).add('4'),
      () => (db.object(refOf('zset')) as ZSetValue).set('a', 0.2),
      () => (db.object(refOf('hash')) as HashValue).set('f', 'vg'),
      () => (db.object(refOf('stream')) as StreamValue).append({ ms: 2, seq: 0 }, ['f']),
      () => (db.object(refOf('stream')) as StreamValue).addGroup('h', { ms: 0, seq: 0 }, 0),
      () => keyspace.swap(3, 4),
    ];
    const seen = new Set([String(digest(keyspace).sums)]);
    for (const change of changes) {
      change();
      seen.add(String(digest(keyspace).sums));
    }
    expect(seen.size).toBe(changes.length + 1);
  });

  it('leaves out what is past its time, deleted yet or not', () => {
    const keyspace = fillTypes(newKeyspace(1), TYPES);
    const before = digest(keyspace);
    const db = keyspace.db(3);
    set(db, 'dead', 'x');
    db.setExpire(db.findString('dead'), NOW - 1);
    expect(digest(keyspace).sums).toEqual(before.sums);
    expect(digest(keyspace).keys).toBe(before.keys);
  });

  it('lists the keys of the buckets asked for, content and expiry apart', () => {
    const keyspace = fillTypes(newKeyspace(1), TYPES);
    const { rows } = digest(keyspace, ROWS);
    expect(rows.map(({ dbIndex, key, type }) => `${dbIndex} ${key.toString()} ${type}`).toSorted()).toEqual(
      TYPES.map((type) => `3 ${type} ${type}`).toSorted(),
    );
    const halves = [0, 1].map(
      (bucket) => digest(keyspace, { bucketCount: 2, listed: new Set([bucket]) }).keys,
    );
    expect((halves[0] ?? 0) + (halves[1] ?? 0)).toBe(TYPES.length);
    const db = keyspace.db(3);
    db.setExpire(db.findString('list'), NOW + 5);
    const after = digest(keyspace, ROWS).rows;
    expect(after.map(({ content }) => content)).toEqual(rows.map(({ content }) => content));
    expect(new Set(after.map(({ expireAtMs }) => expireAtMs))).toEqual(new Set([-1, NOW + 5]));
  });
});

describe('DEBUG DIGEST-CUT', () => {
  it('refuses what it can not do', () => {
    const peer = new AdminServer().connect();
    expect(peer.call('DEBUG', 'DIGEST-CUT', 'READ')).toMatch(/^-ERR No digest was begun/);
    for (const args of [['BEGIN', 'a'], ['BEGIN', 'x', '1'], ['BEGIN', 'a', '0'], ['OTHER'], []])
      expect(peer.call('DEBUG', 'DIGEST-CUT', ...args)).toMatch(/^-ERR/);
    expect(peer.call('DEBUG', 'DIGEST-CUT', 'BEGIN', 'a', '1')).toMatch(/^-ERR No digest at a cut without/);
  });
});
