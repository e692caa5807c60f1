import { describe, expect, it } from 'vitest';
import { AdminServer } from '../admin/admin-server.ts';

/** What scripts answer where redis-server 7.0, which the conformance suite has, differs or can't be asked. */
describe('a script', () => {
  const run = (code: string, ...keys: string[]): string =>
    new AdminServer().connect().call('EVAL', code, String(keys.length), ...keys);

  it('is not kept waiting by a blocking command (7.2)', () => {
    expect(run("return redis.call('BLPOP', KEYS[1], 0)", 'l')).toBe('$-1\r\n');
    expect(run("return redis.call('BZPOPMIN', KEYS[1], 0)", 'z')).toBe('$-1\r\n');
    expect(run("redis.call('LPUSH', KEYS[1], 'x') return redis.call('BRPOP', KEYS[1], 0)", 'l')).toBe(
      '*2\r\n$1\r\nl\r\n$1\r\nx\r\n',
    );
  });

  it('that answers a table which holds itself is told where the end is, as by redis-server 7.0.15', () => {
    const reply = run('local a = {}; a[1] = a; return a');
    expect(reply).toBe(`${'*1\r\n'.repeat(7995)}-ERR reached lua stack limit\r\n`);
  });

  it('that answers a map in itself gets an error, and the server goes on', () => {
    const own = new AdminServer();
    const peer = own.connect();
    const reply = peer.call('EVAL', 'local m = {}; m.map = {}; m.map.x = m; return m', '0');
    expect(reply).toContain('-ERR reached lua stack limit\r\n');
    expect(peer.call('PING')).toBe('+PONG\r\n');
  });

  it('can dump a function, and not load what it dumped', () => {
    expect(run('return loadstring(string.dump(function() return 1 end))()')).toMatch(
      /^-ERR .*attempt to call a nil value/,
    );
  });
});
