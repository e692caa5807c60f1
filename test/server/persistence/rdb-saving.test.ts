import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findDueSavePoint, parseSavePoints } from '../../../src/server/persistence/save-points.ts';
import { RdbError } from '../../../src/server/rdb/rdb-error.ts';
import { poll } from '../../support/poll.ts';
import { TestServer, withFolder } from './test-server.ts';

function fill(server: TestServer): void {
  for (let i = 0; i < 2000; i++) server.run('SET', `key:${i}`, `value:${i}`);
  server.run('SELECT', '3');
  server.run('RPUSH', 'list', 'a', 'b', 'c');
  server.run('HSET', 'hash', 'f', 'v');
  const db = server.server.keyspace.db(3);
  server.run('SET', 'volatile', 'x');
  db.setExpire(db.findString('volatile'), 4_000_000_000_000);
  server.run('SET', 'dead', 'x');
  db.setExpire(db.findString('dead'), 1);
  server.run('SELECT', '0');
}

function expiryOf({ server }: TestServer, index: number, key: string): number {
  const db = server.keyspace.db(index);
  return db.expireAt(db.findString(key));
}

describe('the dump file', () => {
  it('brings the data back at the next start, what has expired left out', async () => {
    await withFolder(async (folder) => {
      const first = new TestServer(folder);
      fill(first);
      expect(first.run('SAVE')).toBe('+OK\r\n');
      expect(first.server.dirty).toBe(0);
      expect(statSync(path.join(folder, 'dump.rdb')).mode & 0o777).toBe(0o600);

      const second = new TestServer(folder);
      await second.persistence.loadAtStart();
      expect(second.run('GET', 'key:1999')).toBe('$10\r\nvalue:1999\r\n');
      expect(second.run('SELECT', '3')).toBe('+OK\r\n');
      expect(second.run('LRANGE', 'list', '0', '-1')).toBe('*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n');
      expect(expiryOf(second, 3, 'volatile')).toBe(4_000_000_000_000);
      expect(second.run('EXISTS', 'dead')).toBe(':0\r\n');
      expect(second.persistence.lastLoad.keysLoaded).toBeGreaterThanOrEqual(2003);
      expect(second.lines.join('\n')).toMatch(/DB loaded from disk: \d+\.\d{3} seconds/);
    });
  });

  it('tells where the stream stood, then which keys died meanwhile', async () => {
    await withFolder(async (folder) => {
      const first = new TestServer(folder);
      const replid = 'ab'.repeat(20);
      first.persistence.sources.streamPosition = () => ({ replid, offset: 70, streamDb: 3 });
      first.run('SET', 'alive', '1');
      first.run('SELECT', '3');
      first.run('SET', 'soon dead', '1', 'PX', '1');
      first.run('SADD', 'soon dead set', '1');
      first.run('PEXPIRE', 'soon dead set', '1');
      first.run('SAVE');
      await poll('the end of two keys', async () => Date.now() > first.server.now + 1);

      const events: string[] = [];
      const second = new TestServer(folder);
      second.persistence.sources.positionLoaded = (position) => void events.push(JSON.stringify(position));
      second.persistence.sources.expiredAtLoad = (db, key) =>
        void events.push(`${db} ${Buffer.from(key).toString()}`);
      await second.persistence.loadAtStart();
      expect(events[0]).toBe(JSON.stringify({ replid, offset: 70, streamDb: 3 }));
      expect(events.slice(1).toSorted()).toEqual(['3 soon dead', '3 soon dead set']);
    });
  });

  it('is written in the background as it was at the command, while writes go on', async () => {
    await withFolder(async (folder) => {
      const first = new TestServer(folder);
      fill(first);
      expect(first.run('BGSAVE')).toBe('+Background saving started\r\n');
      expect(first.run('BGSAVE')).toBe('-ERR Background save already in progress\r\n');
      expect(first.run('SAVE')).toBe('-ERR Background save already in progress\r\n');
      first.run('SET', 'key:5', 'changed');
      first.run('SET', 'later', 'x');
      await poll('the save to end', async () => !first.persistence.rdb.isRunning);
      expect(first.server.dirty).toBe(2);
      expect(readdirSync(folder)).toEqual(['dump.rdb']);

      const second = new TestServer(folder);
      await second.persistence.loadAtStart();
      expect(second.run('GET', 'key:5')).toBe('$7\r\nvalue:5\r\n');
      expect(second.run('EXISTS', 'later')).toBe(':0\r\n');
    });
  });

  it('stays as it was when a save fails, and writes are refused until one succeeds', async () => {
    await withFolder(async (folder) => {
      const server = new TestServer(folder, { save: '3600 1' });
      server.run('SET', 'a', '1');
      server.run('SAVE');
      const before = readFileSync(path.join(folder, 'dump.rdb'));
      server.run('SET', 'a', '2');
      // A folder in the file's place can't be replaced by a file, for root neither.
      rmSync(path.join(folder, 'dump.rdb'));
      mkdirSync(path.join(folder, 'dump.rdb', 'in the way'), { recursive: true });
      expect(server.run('BGSAVE')).toBe('+Background saving started\r\n');
      await poll('the save to fail', async () => server.persistence.rdb.hasFailed);
      expect(server.run('SET', 'a', '3')).toMatch(/^-MISCONF Redis is configured to save RDB snapshots/);
      expect(server.run('GET', 'a')).toBe('$1\r\n2\r\n');
      expect(server.run('SAVE')).toBe('-ERR\r\n');
      expect(readdirSync(folder)).toEqual(['dump.rdb']);

      rmSync(path.join(folder, 'dump.rdb'), { recursive: true });
      writeFileSync(path.join(folder, 'dump.rdb'), before);
      expect(server.run('SAVE')).toBe('+OK\r\n');
      expect(server.run('SET', 'a', '3')).toBe('+OK\r\n');
    });
  });

  it('stops the start when it is damaged', async () => {
    await withFolder(async (folder) => {
      const first = new TestServer(folder);
      fill(first);
      first.run('SAVE');
      const file = readFileSync(path.join(folder, 'dump.rdb'));
      file[file.length >> 1] = (file[file.length >> 1] as number) ^ 4;
      writeFileSync(path.join(folder, 'dump.rdb'), file);
      await expect(new TestServer(folder).persistence.loadAtStart()).rejects.toBeInstanceOf(RdbError);
    });
  });

  it('refuses clients while it is loaded', async () => {
    await withFolder(async (folder) => {
      const first = new TestServer(folder);
      fill(first);
      first.run('SAVE');
      const second = new TestServer(folder);
      const loading = second.persistence.loadAtStart();
      expect(second.run('GET', 'key:1')).toBe('-LOADING Redis is loading the dataset in memory\r\n');
      expect(second.persistence.loading?.totalBytes).toBe(statSync(path.join(folder, 'dump.rdb')).size);
      await loading;
      expect(second.run('GET', 'key:1')).toBe('$7\r\nvalue:1\r\n');
    });
  });

  it('is emptied by FLUSHALL when save points are set, a save under way given up', async () => {
    await withFolder(async (folder) => {
      const server = new TestServer(folder, { save: '3600 1' });
      fill(server);
      server.run('BGSAVE');
      expect(server.run('FLUSHALL')).toBe('+OK\r\n');
      expect(server.persistence.rdb.isRunning).toBe(false);
      const again = new TestServer(folder);
      await again.persistence.loadAtStart();
      expect(again.server.keyspace.size).toBe(0);
      await poll('the folder to be clean', async () => readdirSync(folder).length === 1);
    });
  });

  it('is saved on leaving when asked, a save under way given up', async () => {
    await withFolder(async (folder) => {
      const server = new TestServer(folder);
      fill(server);
      server.run('BGSAVE');
      server.persistence.shutDown(false, false);
      await poll('the folder to be clean', async () => readdirSync(folder).length === 0);
      server.persistence.shutDown(true, false);
      expect(existsSync(path.join(folder, 'dump.rdb'))).toBe(true);
    });
  });
});

describe('save points', () => {
  const points = parseSavePoints(['3600', '1', '60', '10000']);

  it.each([
    [{ changes: 0, secondsSinceSave: 9999, secondsSinceTry: 9999, hasFailed: false }, undefined],
    [{ changes: 1, secondsSinceSave: 3601, secondsSinceTry: 3601, hasFailed: false }, 3600],
    [{ changes: 9999, secondsSinceSave: 61, secondsSinceTry: 61, hasFailed: false }, undefined],
    [{ changes: 10_000, secondsSinceSave: 61, secondsSinceTry: 61, hasFailed: false }, 60],
    [{ changes: 10_000, secondsSinceSave: 61, secondsSinceTry: 3, hasFailed: true }, undefined],
    [{ changes: 10_000, secondsSinceSave: 61, secondsSinceTry: 6, hasFailed: true }, 60],
  ])('%j', (moment, seconds) => {
    expect(findDueSavePoint(points, moment)?.seconds).toBe(seconds);
  });
});

describe('DUMP and RESTORE', () => {
  it('carry values from one server to another', async () => {
    await withFolder(async (folder) => {
      const from = new TestServer(folder);
      const to = new TestServer(folder);
      fill(from);
      from.run('SELECT', '3');
      for (const key of ['list', 'hash', 'volatile']) {
        expect(to.run('RESTORE', key, '0', from.bulk('DUMP', key))).toBe('+OK\r\n');
      }
      expect(to.run('LRANGE', 'list', '0', '-1')).toBe(from.run('LRANGE', 'list', '0', '-1'));
      expect(to.run('HGETALL', 'hash')).toBe(from.run('HGETALL', 'hash'));
      expect(to.run('GET', 'volatile')).toBe('$1\r\nx\r\n');
      expect(from.run('DUMP', 'missing')).toBe('$-1\r\n');
      const payload = from.bulk('DUMP', 'list');
      expect(to.run('RESTORE', 'list', '0', payload)).toBe('-BUSYKEY Target key name already exists.\r\n');
      expect(to.run('RESTORE', 'list', '4000000000000', payload, 'REPLACE', 'ABSTTL')).toBe('+OK\r\n');
      expect(expiryOf(to, 0, 'list')).toBe(4_000_000_000_000);
      expect(to.run('RESTORE', 'list', '1', payload, 'REPLACE', 'ABSTTL')).toBe('+OK\r\n');
      expect(to.run('EXISTS', 'list')).toBe(':0\r\n');
      expect(to.run('RESTORE', 'x', '-1', payload)).toBe('-ERR Invalid TTL value, must be >= 0\r\n');
      expect(to.run('RESTORE', 'x', '0', payload, 'FREQ', '256')).toMatch(/^-ERR Invalid FREQ value/);
      expect(to.run('RESTORE', 'x', '0', payload, 'NONSENSE')).toBe('-ERR syntax error\r\n');
      expect(to.run('RESTORE', 'x', '0', payload.subarray(1))).toBe(
        '-ERR DUMP payload version or checksum are wrong\r\n',
      );
      const empty = Buffer.from([1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      expect(to.run('RESTORE', 'x', '0', empty)).toBe('-ERR Bad data format\r\n');
    });
  });
});
