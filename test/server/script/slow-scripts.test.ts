import { describe, expect, it } from 'vitest';
import { AdminServer, type Peer } from '../admin/admin-server.ts';
import { Args } from '../../../src/server/resp/args.ts';

const BUSY = '-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n';
const KILLED = /^-ERR Script killed by user with SCRIPT KILL\.\.\. script: \w+, on @user_script:1\.\r\n/;
const FOREVER = 'while true do end';
/** Some dozens of slices at one tick per look at the clock. */
const LONG = "redis.call('SET', 'a', 1) for i = 1, 4e5 do end redis.call('SET', 'b', 2) return 'done'";

/** A server where each look at the clock takes a millisecond, and turns of the event loop are taken by hand. */
class SlowServer {
  readonly own = new AdminServer({ 'busy-reply-threshold': '5' });
  readonly fed: string[] = [];
  private soon: (() => void)[] = [];

  constructor() {
    let ms = 0;
    Object.assign(this.own.clock, {
      monotonic: () => (ms += 1),
      soon: (run: () => void) => void this.soon.push(run),
    });
    this.own.server.propagation.replication = {
      feed: (_db, buf, start, end) => {
        const text = Buffer.from(buf.subarray(start, end)).toString('latin1');
        this.fed.push(
          text
            .split('\r\n')
            .filter((_, index) => index % 2 === 0 && index > 0)
            .join(' '),
        );
      },
    };
  }

  /** Sends a command and takes a turn. */
  call(peer: Peer, ...argv: string[]): string {
    return this.send(peer, [argv]);
  }

  send(peer: Peer, commands: readonly (readonly string[])[]): string {
    const bytes = Buffer.concat(commands.map((argv) => Args.of(argv).buf));
    this.own.server.receive(peer.client, bytes, 0, bytes.length);
    this.turn();
    return peer.take();
  }

  turn(): void {
    // Input first, then what was put off: so a slice of the script does not come before the reply to others.
    for (const run of this.soon.splice(0)) run();
  }

  /** Takes turns until the peer hears something; gives it with the number of turns. */
  until(peer: Peer): { readonly reply: string; readonly turns: number } {
    for (let turns = 1; turns < 10_000; turns += 1) {
      this.turn();
      const reply = peer.take();
      if (reply !== '') return { reply, turns };
    }
    throw new Error('nothing was heard');
  }
}

describe('a slow script', () => {
  it('lets others hear BUSY, goes on, and gives its reply', () => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    expect(server.call(caller, 'EVAL', LONG, '0')).toBe('');
    expect(server.call(other, 'PING')).toBe(BUSY);
    expect(server.call(other, 'GET', 'a')).toBe(BUSY);
    expect(server.call(other, 'SHUTDOWN')).toBe(BUSY);
    expect(server.call(other, 'FUNCTION', 'STATS')).toBe(BUSY);
    expect(server.call(other, 'MULTI')).toBe('+OK\r\n');
    expect(server.call(other, 'SET', 'a', 'x')).toBe(BUSY);
    expect(server.call(other, 'EXEC')).toMatch(/^-EXECABORT .*BUSY/);
    const { reply, turns } = server.until(caller);
    expect(reply).toBe('$4\r\ndone\r\n');
    expect(turns).toBeGreaterThan(10);
    expect(server.call(other, 'PING')).toBe('+PONG\r\n');
    expect(server.call(other, 'SCRIPT', 'KILL')).toBe('-NOTBUSY No scripts in execution right now.\r\n');
    expect(server.own.log.join('\n')).toMatch(/Slow script detected: still in execution after \d+ millis/);
  });

  it('is one unit for the stream, and nobody is served within', () => {
    const server = new SlowServer();
    const [caller, other, waiter] = [server.own.connect(), server.own.connect(), server.own.connect()];
    server.call(waiter, 'BLPOP', 'list', '0');
    const script = "redis.call('RPUSH', 'list', 'x') for i = 1, 1e5 do end redis.call('RPUSH', 'list', 'y')";
    server.call(caller, 'EVAL', script, '0');
    server.call(other, 'MULTI');
    server.call(other, 'DISCARD');
    expect(waiter.take()).toBe('');
    expect(server.fed).toEqual([]);
    server.until(caller);
    expect(server.until(waiter).reply).toBe('*2\r\n$4\r\nlist\r\n$1\r\nx\r\n');
    expect(server.fed).toEqual(['MULTI', 'RPUSH list x', 'RPUSH list y', 'EXEC', 'LPOP list']);
  });

  it('can be killed until it has written', () => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    server.call(caller, 'EVAL', FOREVER, '0');
    expect(server.call(other, 'FUNCTION', 'KILL')).toBe(BUSY);
    expect(server.call(other, 'SCRIPT', 'KILL')).toBe('+OK\r\n');
    expect(server.until(caller).reply).toMatch(KILLED);
    server.call(caller, 'EVAL', LONG, '0');
    expect(server.call(other, 'SCRIPT', 'KILL')).toMatch(
      /^-UNKILLABLE Sorry the script already executed write/,
    );
    expect(server.until(caller).reply).toBe('$4\r\ndone\r\n');
  });

  it.each([
    ['catches every error', 'while true do pcall(error, 1) end'],
    ['catches errors of commands', "while true do redis.pcall('nope') end"],
    ['is in a coroutine', 'return coroutine.wrap(function() while true do end end)()'],
    [
      'is in a coroutine in a coroutine',
      'local w = coroutine.wrap return w(function() return w(function() while true do end end)() end)()',
    ],
    [
      'is in a metamethod',
      'local t = setmetatable({}, {__add = function() while true do end end}) return t + 1',
    ],
    ['is in an iterator', 'for _ in function() while true do end end do end'],
    ['is in a protected call', 'return pcall(pcall, function() while true do end end)'],
  ])('is heard to be killed when it %s', (_, script) => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    server.call(caller, 'EVAL', script, '0');
    expect(server.call(other, 'PING')).toBe(BUSY);
    for (let turn = 0; turn < 6; turn += 1) server.turn();
    expect(server.call(other, 'SCRIPT', 'KILL')).toBe('+OK\r\n');
    expect(server.until(caller).reply).toMatch(/Script killed by user with SCRIPT KILL/);
    expect(server.call(other, 'EVAL', 'return 1', '0')).toBe(':1\r\n');
  });

  it('keeps what coroutines, protected calls and locals were about', () => {
    const server = new SlowServer();
    const caller = server.own.connect();
    const script = `
      local log = {}
      local co = coroutine.create(function(a)
        for i = 1, 3 do
          for _ = 1, 20000 do end
          a = a + coroutine.yield(a * i)
        end
        error({err = 'MINE at the end'})
      end)
      local ok, value = coroutine.resume(co, 1)
      while ok do
        log[#log + 1] = value
        ok, value = pcall(function()
          for _ = 1, 20000 do end
          return select(2, assert(coroutine.resume(co, 10)))
        end)
      end
      log[#log + 1] = coroutine.status(co)
      for _ = 1, 20000 do end
      return log`;
    server.call(caller, 'EVAL', script, '0');
    expect(server.until(caller).reply).toBe('*4\r\n:1\r\n:22\r\n:63\r\n$4\r\ndead\r\n');
  });

  it.each([
    [
      'sorts',
      'local t = {3, 1, 2} table.sort(t, function(a, b) for _ = 1, 20000 do end return a < b end) return t',
      '*3\r\n:1\r\n:2\r\n:3\r\n',
    ],
    [
      'replaces',
      "local f = function(a, b) for _ = 1, 20000 do end return b .. a end return {string.gsub('abcd', '(.)(.)', f)}",
      '*2\r\n$4\r\nbadc\r\n:2\r\n',
    ],
    [
      'replaces by what a table has not',
      "local t = setmetatable({b = 'B'}, {__index = function(_, k) for _ = 1, 20000 do end return k .. k end}) return {string.gsub('abc', '.', t)}",
      '*2\r\n$5\r\naaBcc\r\n:3\r\n',
    ],
    [
      'sorts, and fails, in a protected call in a coroutine',
      "return {coroutine.wrap(function() return pcall(table.sort, {2, 1}, function() for _ = 1, 1e5 do end error('no') end) end)()}",
      '*2\r\n$-1\r\n$17\r\nuser_script:1: no\r\n',
    ],
    [
      'replaces by nonsense, in a protected call',
      "return {pcall(string.gsub, 'abc', '.', function() for _ = 1, 1e5 do end return {} end)}",
      '*2\r\n$-1\r\n$35\r\ninvalid replacement value (a table)\r\n',
    ],
    [
      'looks at each entry, and each item',
      'local n = 0 local f = function(k, v) for _ = 1, 20000 do end n = n + v end table.foreach({1, 2}, f) table.foreachi({4, 8}, f) return n',
      ':15\r\n',
    ],
    [
      'reads code',
      "local n = 0 return load(function() for _ = 1, 20000 do end n = n + 1 return ({'return ', '4', '2'})[n] end)()",
      ':42\r\n',
    ],
  ])('is left and gone on with while it %s', (_, script, reply) => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    expect(server.call(caller, 'EVAL', script, '0')).toBe('');
    expect(server.call(other, 'PING')).toBe(BUSY);
    const { reply: given, turns } = server.until(caller);
    expect(given).toBe(reply);
    expect(turns).toBeGreaterThan(1);
  });

  it('runs through where it cannot be left, and pauses after', () => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    const script =
      'local r = {xpcall(error, function() for _ = 1, 20000 do end return 7 end)} for _ = 1, 1e5 do end return r[2]';
    server.call(caller, 'EVAL', script, '0');
    expect(server.call(other, 'PING')).toBe(BUSY);
    expect(server.until(caller).reply).toBe(':7\r\n');
  });

  it('may be part of a transaction, twice', () => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    const count = "for i = 1, 1e5 do end return redis.call('INCR', 'n')";
    const commands = [
      ['PING'],
      ['MULTI'],
      ['SET', 'n', '5'],
      ['EVAL', count, '0'],
      ['INCR', 'n'],
      ['EVAL', count, '0'],
      ['GET', 'n'],
      ['EXEC'],
      ['PING', 'after'],
    ];
    expect(server.send(caller, commands)).toBe('');
    expect(server.call(other, 'GET', 'n')).toBe(BUSY);
    expect(server.fed).toEqual([]);
    expect(server.until(caller).reply).toBe(
      `+PONG\r\n+OK\r\n${'+QUEUED\r\n'.repeat(5)}*5\r\n+OK\r\n:6\r\n:7\r\n:8\r\n$1\r\n8\r\n$5\r\nafter\r\n`,
    );
    expect(server.fed).toEqual(['MULTI', 'SET n 5', 'INCR n', 'INCR n', 'INCR n', 'EXEC']);
    expect(server.call(other, 'INFO', 'commandstats')).toContain('cmdstat_exec:calls=1,');
  });

  it('ends though its caller has gone', () => {
    const server = new SlowServer();
    const [caller, other] = [server.own.connect(), server.own.connect()];
    server.call(caller, 'EVAL', LONG, '0');
    caller.client.close(true);
    for (let turn = 0; turn < 500; turn += 1) server.turn();
    expect(server.call(other, 'MGET', 'a', 'b')).toBe('*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
    expect(server.fed).toEqual(['MULTI', 'SET a 1', 'SET b 2', 'EXEC']);
  });

  it('sees no key expire', () => {
    const server = new SlowServer();
    const caller = server.own.connect();
    server.call(caller, 'SET', 'short', 'x', 'PX', '50');
    const script = "for i = 1, 1e5 do end return {redis.call('GET', 'short'), redis.call('TTL', 'short')}";
    server.call(caller, 'EVAL', script, '0');
    server.own.clock.advance(1000);
    expect(server.until(caller).reply).toBe('*2\r\n$1\r\nx\r\n:0\r\n');
    expect(server.call(caller, 'EXISTS', 'short')).toBe(':0\r\n');
  });

  it('holds messages for its caller back until the reply is complete', () => {
    const server = new SlowServer();
    const caller = server.own.connect();
    server.call(caller, 'HELLO', '3');
    server.call(caller, 'SUBSCRIBE', 'news');
    const script = "redis.call('PUBLISH', 'news', 'x') for i = 1, 1e5 do end return 1";
    server.call(caller, 'EVAL', script, '0');
    expect(server.until(caller).reply).toBe(':1\r\n>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  });
});
