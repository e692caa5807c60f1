import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ManifestError } from '../../../src/server/aof/manifest.ts';
import { LogLoadError } from '../../../src/server/persistence/load-log.ts';
import { poll } from '../../support/poll.ts';
import { TestServer, withFolder } from './test-server.ts';

const SETTINGS = { appendonly: 'yes', appendfsync: 'always' };
const LOG = 'appendonlydir';

async function start(folder: string, settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const server = new TestServer(folder, { ...SETTINGS, ...settings });
  await server.persistence.loadAtStart();
  return server;
}

const valuesOf = (server: TestServer, ...keys: string[]): string[] =>
  keys.map((key) => server.bulk('GET', key).toString());
const namesIn = (folder: string): string[] => readdirSync(path.join(folder, LOG)).toSorted();
const logFile = (folder: string, name: string): string => path.join(folder, LOG, `appendonly.aof${name}`);

describe('the append-only log', () => {
  it('holds every change at once, and starts as redis-server lays it out', async () => {
    await withFolder(async (folder) => {
      const first = await start(folder);
      expect(namesIn(folder)).toEqual([
        'appendonly.aof.1.base.rdb',
        'appendonly.aof.1.incr.aof',
        'appendonly.aof.manifest',
      ]);
      first.run('SET', 'a', '1');
      first.run('SELECT', '2');
      first.run('RPUSH', 'l', 'x', 'y');
      first.run('RPUSH', 'l', 'z');
      first.run('SET', 'b', '1');
      const text = readFileSync(logFile(folder, '.1.incr.aof'), 'latin1');
      expect(text.match(/SELECT|SET|RPUSH|MULTI|EXEC/g)).toEqual([
        'SELECT',
        'SET',
        'SELECT',
        'RPUSH',
        'RPUSH',
        'SET',
      ]);

      const second = await start(folder);
      second.run('SELECT', '2');
      expect(second.run('LRANGE', 'l', '0', '-1')).toBe('*3\r\n$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n');
      expect(valuesOf(second, 'b')).toEqual(['1']);
      expect(second.server.dirty).toBe(0);
      second.run('SET', 'd', '1');
      const third = await start(folder);
      third.run('SELECT', '2');
      expect(third.run('GET', 'd')).toBe('$1\r\n1\r\n');
    });
  });

  it('is annotated with the time of its commands on demand, and loads with that', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder, { 'aof-timestamp-enabled': 'yes' });
      server.run('SET', 'a', '1');
      server.run('MULTI');
      server.run('SET', 'b', '2');
      server.run('SET', 'c', '3');
      server.run('EXEC');
      const text = readFileSync(logFile(folder, '.1.incr.aof'), 'latin1');
      expect(text).toMatch(/^#TS:[0-9]{10,}\r\n\*2\r\n\$6\r\nSELECT\r\n/);
      // Within one second none is repeated, and none stands in a transaction.
      expect(text).not.toMatch(/MULTI\r\n(?:(?!EXEC)[^])*#TS/);
      const seconds = [...text.matchAll(/#TS:([0-9]+)/g)].map(([, digits]) => digits);
      expect(new Set(seconds).size).toBe(seconds.length);
      const second = await start(folder);
      expect(valuesOf(second, 'a', 'b', 'c')).toEqual(['1', '2', '3']);
    });
  });

  it.each(['everysec', 'no'])('is written within a turn with appendfsync %s', async (appendfsync) => {
    await withFolder(async (folder) => {
      const server = await start(folder, { appendfsync });
      server.run('SET', 'a', '1');
      await poll('the write', async () =>
        readFileSync(logFile(folder, '.1.incr.aof'), 'latin1').includes('SET'),
      );
      server.persistence.stopLog();
      expect((await start(folder)).run('GET', 'a')).toBe('$1\r\n1\r\n');
    });
  });

  it('is rewritten while it grows, and nothing is lost', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      for (let i = 0; i < 600; i++) server.run('SET', `key:${i % 200}`, `value:${i}`);
      expect(server.run('BGREWRITEAOF')).toBe('+Background append only file rewriting started\r\n');
      expect(server.run('BGREWRITEAOF')).toMatch(/^-ERR Background append only file rewriting already/);
      expect(server.run('BGSAVE')).toMatch(/^-ERR Another child process is active/);
      expect(server.run('BGSAVE', 'SCHEDULE')).toBe('+Background saving scheduled\r\n');
      server.run('SET', 'key:1', 'changed meanwhile');
      server.run('RPUSH', 'new', 'x');
      await poll('the rewrite to end', async () => !server.persistence.isRewriting);
      expect(namesIn(folder)).toEqual([
        'appendonly.aof.2.base.rdb',
        'appendonly.aof.2.incr.aof',
        'appendonly.aof.manifest',
      ]);
      expect(readFileSync(logFile(folder, '.manifest'), 'utf8')).toBe(
        'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
      );
      expect(server.persistence.rewrites).toBe(1);
      const again = await start(folder);
      expect(again.run('GET', 'key:1')).toBe('$17\r\nchanged meanwhile\r\n');
      expect(again.run('GET', 'key:2')).toBe('$9\r\nvalue:402\r\n');
      expect(again.run('LLEN', 'new')).toBe(':1\r\n');
      await poll('the scheduled save', async () => existsSync(path.join(folder, 'dump.rdb')));
    });
  });

  it('goes on as it was when a rewrite can not begin or end', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      server.run('SET', 'a', '1');
      // Folders in the way stop both root and others.
      mkdirSync(logFile(folder, '.2.incr.aof'));
      expect(server.run('BGREWRITEAOF')).toMatch(/^-ERR Can't execute an AOF background rewriting/);
      expect(server.persistence.rewriteFailuresInARow).toBe(1);
      server.run('SET', 'b', '2');
      rmSync(logFile(folder, '.2.incr.aof'), { recursive: true });
      mkdirSync(path.join(logFile(folder, '.2.base.rdb'), 'in the way'), { recursive: true });
      expect(server.run('BGREWRITEAOF')).toMatch(/started/);
      server.run('SET', 'c', '3');
      await poll('the rewrite to fail', async () => !server.persistence.isRewriting);
      expect(server.persistence.rewriteFailuresInARow).toBe(2);
      server.run('SET', 'd', '4');
      expect(valuesOf(await start(folder), 'a', 'b', 'c', 'd')).toEqual(['1', '2', '3', '4']);
    });
  });

  it('survives an end in the middle of a rewrite', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      server.run('SET', 'a', 'before');
      server.persistence.rewriteLog();
      server.run('SET', 'b', 'after');
      // As after a kill: the new base is never completed.
      const copy = path.join(folder, 'copy');
      mkdirSync(path.join(copy, LOG), { recursive: true });
      for (const name of namesIn(folder)) {
        writeFileSync(path.join(copy, LOG, name), readFileSync(path.join(folder, LOG, name)));
      }
      server.persistence.stopLog();
      const again = await start(copy);
      expect(valuesOf(again, 'a', 'b')).toEqual(['before', 'after']);
    });
  });

  it('loads up to the last whole command or transaction wherever it was cut', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      server.run('SET', 'a', '1');
      server.run('MULTI');
      server.run('SET', 'b', '1');
      server.run('SET', 'c', '1');
      server.run('EXEC');
      server.persistence.stopLog();
      const name = logFile(folder, '.1.incr.aof');
      const whole = readFileSync(name);
      const multiAt = whole.indexOf('*1\r\n$5\r\nMULTI');
      const setAt = whole.indexOf('*3');
      for (let length = 0; length <= whole.length; length += 3) {
        writeFileSync(name, whole.subarray(0, length));
        const cut = await start(folder);
        cut.persistence.stopLog();
        const isComplete = length >= whole.length;
        expect(cut.run('EXISTS', 'b', 'c'), `cut at ${length}`).toBe(isComplete ? ':2\r\n' : ':0\r\n');
        expect(cut.run('EXISTS', 'a'), `cut at ${length}`).toBe(length >= multiAt ? ':1\r\n' : ':0\r\n');
        const expected = length >= multiAt ? multiAt : length >= setAt ? setAt : 0;
        expect(readFileSync(name).length, `cut at ${length}`).toBe(isComplete ? whole.length : expected);
      }
    });
  });

  it('is refused when cut and aof-load-truncated is off, or cut in another than the last file', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      server.run('SET', 'a', '1');
      server.persistence.stopLog();
      const name = logFile(folder, '.1.incr.aof');
      const whole = readFileSync(name);
      truncateSync(name, whole.length - 3);
      await expect(start(folder, { 'aof-load-truncated': 'no' })).rejects.toThrow('Unexpected end of file');
      writeFileSync(logFile(folder, '.2.incr.aof'), '');
      appendFileSync(logFile(folder, '.manifest'), 'file appendonly.aof.2.incr.aof seq 2 type i\n');
      await expect(start(folder)).rejects.toThrow('the truncated file is not the last file');
    });
  });

  it.each([
    ['garbage', 'hello\r\n', 'Bad file format'],
    ['an unknown command', '*1\r\n$4\r\nNOPE\r\n', "Unknown command 'NOPE'"],
    ['a bad length', '*1\r\n$x\r\n', 'Bad file format'],
  ])('is refused for %s in it', async (_, bytes, reason) => {
    await withFolder(async (folder) => {
      (await start(folder)).persistence.stopLog();
      appendFileSync(logFile(folder, '.1.incr.aof'), bytes);
      const starting = start(folder);
      await expect(starting).rejects.toBeInstanceOf(LogLoadError);
      await expect(starting).rejects.toThrow(reason);
    });
  });

  it('is refused when a file of it is missing, or its manifest is damaged', async () => {
    await withFolder(async (folder) => {
      (await start(folder)).persistence.stopLog();
      const manifest = readFileSync(logFile(folder, '.manifest'));
      writeFileSync(logFile(folder, '.manifest'), 'nonsense\n');
      await expect(start(folder)).rejects.toBeInstanceOf(ManifestError);
      writeFileSync(logFile(folder, '.manifest'), manifest);
      rmSync(logFile(folder, '.1.base.rdb'));
      await expect(start(folder)).rejects.toThrow('No such file or directory');
    });
  });

  it('passes over annotations and adopts the single file of older servers', async () => {
    await withFolder(async (folder) => {
      const old =
        '#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n#TS:1700000001\r\n';
      writeFileSync(path.join(folder, 'appendonly.aof'), old);
      const server = await start(folder);
      expect(server.run('GET', 'a')).toBe('$1\r\n1\r\n');
      expect(existsSync(path.join(folder, 'appendonly.aof'))).toBe(false);
      expect(namesIn(folder)).toEqual([
        'appendonly.aof',
        'appendonly.aof.1.incr.aof',
        'appendonly.aof.manifest',
      ]);
      server.run('SET', 'b', '2');
      expect(valuesOf(await start(folder), 'a', 'b')).toEqual(['1', '2']);
    });
  });

  it('is executed again by DEBUG LOADAOF, and the dump file read again by DEBUG RELOAD', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder);
      server.run('SET', 'a', '1');
      server.run('RPUSH', 'l', 'x');
      server.persistence.reloadLog();
      expect(valuesOf(server, 'a')).toEqual(['1']);
      expect(server.run('LLEN', 'l')).toBe(':1\r\n');
      const size = readFileSync(logFile(folder, '.1.incr.aof')).length;
      server.persistence.reload({ isSaving: true, isFlushing: true, isMerging: false });
      expect(valuesOf(server, 'a')).toEqual(['1']);
      server.run('SET', 'b', '2');
      server.persistence.reload({ isSaving: false, isFlushing: false, isMerging: true });
      expect(valuesOf(server, 'a', 'b')).toEqual(['1', '2']);
      expect(readFileSync(logFile(folder, '.1.incr.aof')).length).toBeGreaterThan(size);
    });
  });

  it('counts for nothing until its first base is there', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder, { appendonly: 'no', 'rdb-key-save-delay': '20000000' });
      server.run('SET', 'a', '1');
      server.run('BGSAVE');
      server.config.set([['appendonly', 'yes']], { isLoading: false, mayGuarded: true });
      const { persistence } = server;
      expect([persistence.isRewriteScheduled, persistence.isRewriting]).toEqual([true, false]);
      server.run('SET', 'b', '2');
      expect(existsSync(logFile(folder, '.manifest'))).toBe(false);
      expect([persistence.log?.isWaitingForBase, persistence.log?.syncedOffset]).toEqual([true, 0]);

      persistence.rdb.cancel();
      await poll('the rewrite', async () => server.persistence.isRewriting);
      server.run('SET', 'c', '3');
      expect(() => persistence.shutDown(false, false)).toThrow('is being written');
      server.config.set([['rdb-key-save-delay', '0']], { isLoading: false, mayGuarded: true });
      await poll('the base', async () => !server.persistence.isRewriting);
      expect(readFileSync(logFile(folder, '.manifest'), 'utf8')).toBe(
        'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
      );
      expect(persistence.log?.isWaitingForBase).toBe(false);
      persistence.shutDown(false, false);
      expect(valuesOf(await start(folder), 'a', 'b', 'c')).toEqual(['1', '2', '3']);
    });
  });

  it('can be switched on and off', async () => {
    await withFolder(async (folder) => {
      const server = await start(folder, { appendonly: 'no' });
      server.run('SET', 'a', '1');
      server.config.set([['appendonly', 'yes']], { isLoading: false, mayGuarded: true });
      server.run('SET', 'b', '2');
      await poll('the base', async () => !server.persistence.isRewriting);
      server.config.set([['appendonly', 'no']], { isLoading: false, mayGuarded: true });
      server.run('SET', 'c', '3');
      expect(valuesOf(await start(folder), 'a', 'b', 'c')).toEqual(['1', '2', '']);
    });
  });
});
