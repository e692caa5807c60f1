import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Persistence } from '../../../src/server/persistence/persistence.ts';
import { AdminServer } from './admin-server.ts';

/** What commands beside the data's own put into the stream and into the log. */
describe('what is handed on', () => {
  it('of dead keys that SCAN met: each alone', () => {
    const own = new AdminServer();
    const fed: string[] = [];
    const peer = own.connect();
    peer.call('MSET', 'a', '1', 'b', '1');
    peer.call('PEXPIRE', 'a', '10');
    peer.call('PEXPIRE', 'b', '10');
    own.server.propagation.replication = {
      feed: (_db, buf, start, end) => void fed.push(Buffer.from(buf).latin1Slice(start, end)),
    };
    // Past their time, and no sweep has come by.
    own.clock.nowMs += 50;
    peer.call('SCAN', '0');
    expect(fed.map((text) => text.split('\r\n')[2])).toEqual(['DEL', 'DEL']);
  });

  describe('to the log', () => {
    let folder = '';
    beforeEach(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'replctl-effects-'));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('is nothing by DEBUG LOADAOF: a log with the command in it would load itself without end', async () => {
      const own = new AdminServer({ dir: folder, appendonly: 'yes', 'enable-debug-command': 'yes' });
      const persistence = new Persistence(own.server);
      await persistence.loadAtStart();
      const peer = own.connect();
      peer.call('SET', 'a', '1');
      expect(peer.call('DEBUG', 'LOADAOF')).toBe('+OK\r\n');
      expect(peer.call('DEBUG', 'LOADAOF')).toBe('+OK\r\n');
      expect(peer.call('GET', 'a')).toBe('$1\r\n1\r\n');
      persistence.stopLog();
      const log = path.join(folder, 'appendonlydir');
      expect(existsSync(log)).toBe(true);
      const texts = readdirSync(log).map((name) => readFileSync(path.join(log, name), 'latin1'));
      expect(texts.join()).toContain('\r\nSET\r\n');
      expect(texts.join()).not.toMatch(/loadaof/i);
    });
  });
});
