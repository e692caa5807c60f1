import { beforeEach, describe, expect, it } from 'vitest';
import type { Server } from '../../../src/server/server.ts';
import { TestServer } from '../persistence/test-server.ts';

const FAR = '4000000000000';
const ends = (...fields: string[]): string[] => ['FIELDS', String(fields.length), ...fields];

let node: TestServer;
let server: Server;
/** What replicas are told. */
let told: string[][];

beforeEach(() => {
  node = new TestServer('/nowhere');
  ({ server } = node);
  // Only the tests sweep.
  server.expiry.isActive = false;
  told = [];
  server.propagation.replication = {
    feed: (_, buf, start, end) => {
      const words = Buffer.from(buf.subarray(start, end)).toString('latin1').split('\r\n');
      told.push(words.filter((word, i) => i > 0 && i % 2 === 0 && word !== ''));
    },
  };
});

/** A reply without its lengths. */
function ask(...argv: string[]): (string | number | null)[] {
  const lines = node.run(...argv).split('\r\n');
  const found: (string | number | null)[] = [];
  for (let i = 0; i < lines.length - 1; i += 1) {
    const line = lines[i]!;
    if (line === '$-1') found.push(null);
    else if (line.startsWith('$')) found.push(lines[(i += 1)]!);
    else if (line.startsWith(':')) found.push(Number(line.slice(1)));
    else if (!line.startsWith('*')) found.push(line);
  }
  return found;
}

/** A hash of three fields of which `a` and `b` are past their time, and there all the same. */
function makeOver(): void {
  ask('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
  makePast('h', 'a', 'b');
  told = [];
}

/** As from a master, of which a time in the past is taken for what it is. */
function makePast(key: string, ...fields: string[]): void {
  server.isReplica = true;
  ask('HPEXPIREAT', key, '1000', ...ends(...fields));
  server.isReplica = false;
}

function sweep(): void {
  server.expiry.isActive = true;
  server.refreshTime();
  server.expiry.sweep();
  server.expiry.isActive = false;
}

describe('a time to live of a field', () => {
  it('is set on conditions and told in one form', () => {
    ask('HSET', 'h', 'a', '1', 'b', '2');
    told = [];
    expect(ask('HPEXPIREAT', 'h', FAR, ...ends('a', 'nope'))).toEqual([1, -2]);
    expect(ask('HEXPIREAT', 'h', '4000000001', 'NX', ...ends('a', 'b'))).toEqual([0, 1]);
    expect(ask('HPEXPIREAT', 'h', '4000000000500', 'GT', ...ends('a', 'b'))).toEqual([1, 0]);
    expect(ask('HPEXPIREAT', 'h', '4000000000600', 'LT', ...ends('a', 'b'))).toEqual([0, 1]);
    expect(ask('HPERSIST', 'h', ...ends('b', 'nope'))).toEqual([1, -2]);
    expect(ask('HPERSIST', 'h', ...ends('b'))).toEqual([-1]);
    expect(ask('HPEXPIREAT', 'h', FAR, 'XX', ...ends('b'))).toEqual([0]);
    expect(ask('HPEXPIREAT', 'h', FAR, 'GT', ...ends('b'))).toEqual([0]);
    expect(ask('HPEXPIRETIME', 'h', ...ends('a', 'b', 'nope'))).toEqual([4000000000500, -1, -2]);
    expect(ask('HEXPIRETIME', 'h', ...ends('a'))).toEqual([4000000001]);
    expect(ask('HTTL', 'nope', ...ends('a'))).toEqual([-2]);
    const [left] = ask('HPTTL', 'h', ...ends('a'));
    expect(left).toBeGreaterThan(1_000_000_000_000);
    expect(told).toEqual([
      ['HPEXPIREAT', 'h', FAR, ...ends('a')],
      ['HPEXPIREAT', 'h', '4000000001000', ...ends('b')],
      ['HPEXPIREAT', 'h', '4000000000500', ...ends('a')],
      ['HPEXPIREAT', 'h', '4000000000600', ...ends('b')],
      ['HPERSIST', 'h', ...ends('b', 'nope')],
    ]);
  });

  it('goes with HSET, stays with HINCRBY, and moves with the key', () => {
    ask('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    ask('HPEXPIREAT', 'h', FAR, ...ends('a', 'b', 'c'));
    ask('HINCRBY', 'h', 'a', '1');
    ask('HSET', 'h', 'b', '3');
    told = [];
    expect(ask('HINCRBYFLOAT', 'h', 'c', '0.5')).toEqual(['3.5']);
    expect(told).toEqual([
      ['MULTI'],
      ['HSET', 'h', 'c', '3.5'],
      ['HPEXPIREAT', 'h', FAR, ...ends('c')],
      ['EXEC'],
    ]);
    ask('COPY', 'h', 'copy');
    ask('RENAME', 'h', 'new');
    for (const key of ['new', 'copy'])
      expect(ask('HPEXPIRETIME', key, ...ends('a', 'b', 'c'))).toEqual([Number(FAR), -1, Number(FAR)]);
    expect(ask('OBJECT', 'ENCODING', 'new')).toEqual(['listpackex']);
    ask('MOVE', 'new', '1');
    const dbs = [0, 1].map((index) => [...server.keyspace.db(index).fieldExpiries.names()]);
    expect(dbs).toEqual([['copy'], ['new']]);
    ask('DEL', 'copy');
    expect(server.keyspace.db(0).fieldExpiries.size).toBe(0);
  });

  it('in the past deletes the field, and the hash with its last one', () => {
    ask('HSET', 'h', 'a', '1', 'b', '2');
    told = [];
    expect(ask('HEXPIRE', 'h', '0', ...ends('a', 'a'))).toEqual([2, -2]);
    expect(ask('HPEXPIREAT', 'h', '1', ...ends('b'))).toEqual([2]);
    expect(ask('EXISTS', 'h')).toEqual([0]);
    expect(told).toEqual([
      ['HDEL', 'h', 'a'],
      ['HDEL', 'h', 'b'],
    ]);
  });

  it('comes with HSETEX and HGETEX', () => {
    expect(ask('HSETEX', 'h', 'FXX', 'FIELDS', '1', 'a', '1')).toEqual([0]);
    expect(ask('EXISTS', 'h')).toEqual([0]);
    expect(ask('HSETEX', 'h', 'FNX', 'PXAT', FAR, 'FIELDS', '2', 'a', '1', 'b', '2')).toEqual([1]);
    expect(ask('HSETEX', 'h', 'KEEPTTL', 'FIELDS', '1', 'a', '5')).toEqual([1]);
    expect(ask('HSETEX', 'h', 'FIELDS', '1', 'b', '6')).toEqual([1]);
    expect(ask('HSETEX', 'h', 'FNX', 'FIELDS', '2', 'new', '1', 'a', '7')).toEqual([0]);
    expect(ask('HPEXPIRETIME', 'h', ...ends('a', 'b', 'new'))).toEqual([Number(FAR), -1, -2]);
    expect(told).toEqual([
      ['MULTI'],
      ['HSET', 'h', 'a', '1', 'b', '2'],
      ['HPEXPIREAT', 'h', FAR, ...ends('a', 'b')],
      ['EXEC'],
      ['MULTI'],
      ['HSET', 'h', 'a', '5'],
      ['HPEXPIREAT', 'h', FAR, ...ends('a')],
      ['EXEC'],
      ['HSET', 'h', 'b', '6'],
    ]);
    told = [];
    expect(ask('HGETEX', 'h', 'PXAT', FAR, ...ends('b', 'nope'))).toEqual(['6', null]);
    expect(ask('HGETEX', 'h', 'PERSIST', ...ends('a', 'b'))).toEqual(['5', '6']);
    expect(ask('HGETEX', 'h', ...ends('a'))).toEqual(['5']);
    expect(ask('HGETDEL', 'h', ...ends('a', 'nope'))).toEqual(['5', null]);
    expect(ask('HGETEX', 'h', 'PXAT', '1', ...ends('b'))).toEqual(['6']);
    expect(ask('EXISTS', 'h')).toEqual([0]);
    expect(told).toEqual([
      ['HPEXPIREAT', 'h', FAR, ...ends('b')],
      ['HPERSIST', 'h', ...ends('a', 'b')],
      ['HDEL', 'h', 'a'],
      ['HDEL', 'h', 'b'],
    ]);
  });

  it.each([
    [['HEXPIRE', 'h', '-1', ...ends('a')], 'ERR invalid expire time, must be >= 0'],
    [['HEXPIRE', 'h', '99999999999999', ...ends('a')], "ERR invalid expire time in 'hexpire' command"],
    [
      ['HEXPIRE', 'h', '1', 'FIELDS', '2', 'a'],
      'ERR The `numfields` parameter must match the number of arguments',
    ],
    [['HEXPIRE', 'h', '1', 'FIELDS', '0', 'a'], 'ERR Parameter `numFields` should be greater than 0'],
    [
      ['HTTL', 'h', 'FIELD', '1', 'a'],
      'ERR Mandatory argument FIELDS is missing or not at the right position',
    ],
    [['HTTL', 'h', 'FIELDS', 'x', 'a'], 'ERR Number of fields must be a positive integer'],
    [
      ['HSETEX', 'h', 'EX', '1', 'KEEPTTL', 'FIELDS', '1', 'a', '1'],
      'ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
    ],
    [
      ['HSETEX', 'h', 'FNX', 'FXX', 'FIELDS', '1', 'a', '1'],
      'ERR Only one of FXX or FNX arguments can be specified',
    ],
    [['HSETEX', 'h', 'FIELDS', '2', 'a', '1'], "ERR wrong number of arguments for 'hsetex' command"],
    [['HSETEX', 'h', 'NX', 'FIELDS', '1', 'a', '1'], 'ERR unknown argument: NX'],
    [['HTTL', 'text', ...ends('a')], 'WRONGTYPE Operation against a key holding the wrong kind of value'],
  ])('refuses %j as Redis does', (argv, error) => {
    ask('SET', 'text', '1');
    ask('HSET', 'h', 'a', '1');
    expect(ask(...argv)).toEqual([`-${error}`]);
  });
});

describe('a field past its time', () => {
  it('is not there for clients', () => {
    makeOver();
    expect(ask('HMGET', 'h', 'a', 'c')).toEqual([null, '3']);
    expect(ask('HGETALL', 'h')).toEqual(['c', '3']);
    expect(ask('HKEYS', 'h')).toEqual(['c']);
    expect(ask('HVALS', 'h')).toEqual(['3']);
    expect(ask('HEXISTS', 'h', 'a')).toEqual([0]);
    expect(ask('HSTRLEN', 'h', 'a')).toEqual([0]);
    expect(ask('HSCAN', 'h', '0')).toEqual(['0', 'c', '3']);
    expect(ask('HRANDFIELD', 'h')).toEqual(['c']);
    expect(ask('HRANDFIELD', 'h', '3', 'WITHVALUES')).toEqual(['c', '3']);
    expect(ask('HRANDFIELD', 'h', '-2')).toEqual(['c', 'c']);
    expect(ask('HPTTL', 'h', ...ends('a', 'c'))).toEqual([-2, -1]);
    ask('RPUSH', 'list', 'a');
    expect(ask('SORT', 'list', 'BY', 'nosort', 'GET', 'h->*')).toEqual([null]);
    // As in Redis, which counts what is held.
    expect(ask('HLEN', 'h')).toEqual([3]);
    expect(told).toEqual([['RPUSH', 'list', 'a']]);
  });

  it('gives way to what is written', () => {
    makeOver();
    expect(ask('HINCRBY', 'h', 'a', '5')).toEqual([5]);
    expect(ask('HSETNX', 'h', 'b', '7')).toEqual([1]);
    expect(ask('HPEXPIRETIME', 'h', ...ends('a', 'b'))).toEqual([-1, -1]);
    expect(told).toEqual([
      ['MULTI'],
      ['HDEL', 'h', 'a'],
      ['HINCRBY', 'h', 'a', '5'],
      ['EXEC'],
      ['MULTI'],
      ['HDEL', 'h', 'b'],
      ['HSETNX', 'h', 'b', '7'],
      ['EXEC'],
    ]);
  });

  it('is deleted by and by, and its hash with the last one', () => {
    makeOver();
    sweep();
    expect(told).toEqual([['HDEL', 'h', 'a', 'b']]);
    expect(ask('HLEN', 'h')).toEqual([1]);
    expect(server.keyspace.db(0).fieldExpiries.size).toBe(0);
    makePast('h', 'c');
    sweep();
    expect(ask('EXISTS', 'h')).toEqual([0]);
    expect(told.at(-1)).toEqual(['HDEL', 'h', 'c']);
    expect(server.stats.expiredFields).toBe(3);
  });

  it('stays on a replica until its master deletes it', () => {
    makeOver();
    server.isReplica = true;
    sweep();
    expect(ask('HGETALL', 'h')).toEqual(['c', '3']);
    expect(ask('HLEN', 'h')).toEqual([3]);
    expect(told).toEqual([]);
    server.isReplica = false;
    sweep();
    expect(ask('HLEN', 'h')).toEqual([1]);
  });

  it('is found in a large hash among many', () => {
    const pairs = Array.from({ length: 1000 }, (_, i) => [`f${i}`, String(i)]).flat();
    ask('HSET', 'h', ...pairs);
    expect(ask('OBJECT', 'ENCODING', 'h')).toEqual(['hashtable']);
    const some = Array.from({ length: 300 }, (_, i) => `f${i * 3}`);
    makePast('h', ...some);
    ask('HPEXPIREAT', 'h', FAR, ...ends('f1', 'f2'));
    expect(ask('HKEYS', 'h')).toHaveLength(700);
    told = [];
    // A sweep may take 3 ms.
    for (let sweeps = 0; sweeps < 1000 && told.flat().length < 300 + 2 * told.length; sweeps += 1) sweep();
    expect(told.flatMap(([, , ...fields]) => fields).toSorted()).toEqual(some.toSorted());
    expect(ask('HLEN', 'h')).toEqual([700]);
    expect(ask('HGET', 'h', 'f3')).toEqual([null]);
    expect(ask('HGET', 'h', 'f4')).toEqual(['4']);
    expect(ask('HPEXPIRETIME', 'h', ...ends('f1', 'f4'))).toEqual([Number(FAR), -1]);
  });
});
