import { describe, expect, it } from 'vitest';
import { AdminServer, type Peer } from './admin-server.ts';

describe('messages pushed to a client', () => {
  it('never stand inside a reply', () => {
    const own = new AdminServer({ 'notify-keyspace-events': 'AKE' });
    const peer = own.connect();
    peer.call('HELLO', '3');
    peer.call('SUBSCRIBE', '__keyevent@0__:set');
    peer.call('MULTI');
    peer.call('SET', 'k', 'v');
    peer.call('PING');
    expect(peer.call('EXEC')).toBe(
      '*2\r\n+OK\r\n+PONG\r\n>3\r\n$7\r\nmessage\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n',
    );
  });

  it('reach a RESP2 client that others redirect their invalidations to', () => {
    const own = new AdminServer();
    const [reader, listener, writer] = [own.connect(), own.connect(), own.connect()];
    listener.call('SUBSCRIBE', '__redis__:invalidate');
    reader.call('CLIENT', 'TRACKING', 'on', 'REDIRECT', String(listener.client.id));
    reader.call('GET', 'k');
    writer.call('SET', 'k', '1');
    expect(listener.take()).toBe('*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n');
    writer.call('FLUSHALL');
    expect(listener.take()).toBe('*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n');
  });

  it('tell when the client redirected to is gone', () => {
    const own = new AdminServer();
    const [reader, listener, writer] = [own.connect(), own.connect(), own.connect()];
    reader.call('HELLO', '3');
    reader.call('CLIENT', 'TRACKING', 'on', 'REDIRECT', String(listener.client.id));
    reader.call('GET', 'k');
    listener.client.close();
    writer.call('SET', 'k', '1');
    expect(reader.take()).toBe(`>2\r\n$21\r\ntracking-redir-broken\r\n:${String(listener.client.id)}\r\n`);
    expect(reader.call('CLIENT', 'TRACKINGINFO')).toContain('broken_redirect');
  });
});

describe('access', () => {
  it('lets nobody in without the password, and in protected mode nobody from afar', () => {
    const own = new AdminServer({ requirepass: 'secret' });
    const peer = own.connect();
    expect(peer.call('GET', 'k')).toBe('-NOAUTH Authentication required.\r\n');
    expect(peer.call('AUTH', 'wrong')).toMatch(/^-WRONGPASS /);
    expect(peer.call('AUTH', 'secret')).toBe('+OK\r\n');
    expect(peer.call('GET', 'k')).toBe('$-1\r\n');
    const open = new AdminServer();
    const far = open.connect('10.0.0.9:4000');
    expect(far.take()).toMatch(/^-DENIED Redis is running in protected mode/);
    expect(far.isOpen).toBe(false);
    expect(open.connect('[::1]:4000').call('PING')).toBe('+PONG\r\n');
  });

  it('refuses what a user may not do, and logs it once a minute', () => {
    const own = new AdminServer();
    const peer = own.connect();
    peer.call('ACL', 'SETUSER', 'u', 'on', '>p', '~a*', '+get', '+set', '+@connection');
    const user = own.connect();
    expect(user.call('AUTH', 'u', 'p')).toBe('+OK\r\n');
    expect(user.call('GET', 'a1')).toBe('$-1\r\n');
    expect(user.call('GET', 'b')).toBe('-NOPERM No permissions to access a key\r\n');
    expect(user.call('GET', 'b')).toBe('-NOPERM No permissions to access a key\r\n');
    expect(user.call('DEL', 'a')).toBe("-NOPERM User u has no permissions to run the 'del' command\r\n");
    expect(
      own.admin.access.log.entries.map(({ reason, object, count, username }) => [
        reason,
        object,
        count,
        username,
      ]),
    ).toEqual([
      ['command', 'del', 1, 'u'],
      ['key', 'b', 2, 'u'],
    ]);
    expect(peer.call('ACL', 'DELUSER', 'u')).toBe(':1\r\n');
    expect(user.isOpen).toBe(false);
  });

  it('ends subscribers whose channels are taken away', () => {
    const own = new AdminServer();
    const peer = own.connect();
    peer.call('ACL', 'SETUSER', 'u', 'on', 'nopass', '+@all', '&news', '&sport');
    const user = own.connect();
    user.call('AUTH', 'u', 'x');
    user.call('SUBSCRIBE', 'news');
    peer.call('ACL', 'SETUSER', 'u', 'resetchannels', '&news');
    expect(user.isOpen).toBe(true);
    peer.call('ACL', 'SETUSER', 'u', 'resetchannels', '&sport');
    expect(user.isOpen).toBe(false);
  });
});

describe('limits', () => {
  it('close idle clients, but no subscribers', () => {
    const own = new AdminServer({ timeout: '10' });
    const [idle, busy, subscriber] = [own.connect(), own.connect(), own.connect()];
    subscriber.call('SUBSCRIBE', 'c');
    own.clock.advance(8000);
    busy.call('PING');
    own.clock.advance(5000);
    expect([idle.isOpen, busy.isOpen, subscriber.isOpen]).toEqual([false, true, true]);
  });

  it('cut who stays over the soft limit too long', () => {
    const own = new AdminServer({ 'client-output-buffer-limit': 'normal 0 100 5 slave 0 0 0 pubsub 0 0 0' });
    const [slow, quick] = [own.connect(), own.connect()];
    slow.pendingBytes = 200;
    slow.call('PING');
    quick.pendingBytes = 200;
    quick.call('PING');
    own.clock.advance(3000);
    quick.pendingBytes = 0;
    own.clock.advance(3000);
    expect([slow.isOpen, quick.isOpen]).toEqual([false, true]);
  });

  it('evict the clients that hold most', () => {
    const own = new AdminServer({ 'maxmemory-clients': '1000000' });
    const peers = [300_000, 900_000, 600_000, 100_000].map((bytes) => {
      const peer = own.connect();
      peer.pendingBytes = bytes;
      return peer;
    });
    own.clock.advance(200);
    // The second is not enough: 300,000 and 600,000 make the limit with what connections cost.
    expect(peers.map(({ isOpen }) => isOpen)).toEqual([true, false, false, true]);
    expect(own.server.stats.evictedClients).toBe(2);
  });

  it('are told of keys evicted because maxmemory was set, before anybody sends a command', () => {
    const own = new AdminServer({ 'notify-keyspace-events': 'Ee', 'maxmemory-policy': 'allkeys-lru' });
    const [listener, other] = [own.connect(), own.connect()];
    listener.call('SUBSCRIBE', '__keyevent@0__:evicted');
    other.call('SET', 'foo', 'bar');
    expect(other.call('CONFIG', 'SET', 'maxmemory', '1')).toBe('+OK\r\n');
    expect(listener.take()).toMatch(/evicted\r\n\$3\r\nfoo\r\n$/);
  });

  it('evict by the memory of requests, transactions and names, not who asked for no eviction', () => {
    const own = new AdminServer({ 'maxmemory-clients': '150000' });
    const [safe, queueing, watching, listening, tracking] = Array.from({ length: 5 }, () => own.connect());
    expect(safe?.call('CLIENT', 'NO-EVICT', 'ON')).toBe('+OK\r\n');
    queueing?.call('MULTI');
    const name = (n: number): string => String(n).padStart(500, '-');
    const until = (peer: Peer | undefined, send: (n: number) => void): number => {
      let n = 0;
      while (peer?.isOpen === true && n < 300) {
        n += 1;
        send(n);
      }
      return n;
    };
    expect(until(queueing, () => queueing?.call('SET', 'k', 'v'.repeat(40_000)))).toBe(4);
    expect(until(watching, (n) => watching?.call('WATCH', name(n)))).toBeLessThan(300);
    expect(until(listening, (n) => listening?.call('SUBSCRIBE', name(n)))).toBeLessThan(300);
    expect(
      until(tracking, (n) => tracking?.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', name(n))),
    ).toBeLessThan(300);
    expect(until(safe, (n) => safe?.call('SUBSCRIBE', name(n)))).toBe(300);
    expect(own.server.stats.evictedClients).toBe(4);
  });

  it('count as qbuf what is no part of an argument already read, and give up room for what does not come', () => {
    const own = new AdminServer();
    const [slow, other] = [own.connect(), own.connect()];
    slow.call('CLIENT', 'SETNAME', 'slow');
    const head = Buffer.from(`*3\r\n$3\r\nSET\r\n$4\r\nname\r\n$1000000\r\n${'v'.repeat(100)}`);
    own.server.receive(slow.client, head, 0, head.length);
    const fields = (): Record<string, string> => {
      const line =
        other
          .call('CLIENT', 'LIST')
          .split('\n')
          .find((text) => text.includes('name=slow')) ?? '';
      return Object.fromEntries(line.split(' ').map((field) => field.split('=')));
    };
    expect(fields()).toMatchObject({ qbuf: '100', 'argv-mem': '7' });
    expect(Number(fields()['tot-mem'])).toBeGreaterThan(1_000_000);
    own.clock.advance(3000);
    expect(Number(fields()['tot-mem'])).toBeLessThan(100_000);
    const rest = Buffer.from(`${'v'.repeat(999_900)}\r\n`);
    own.server.receive(slow.client, rest, 0, rest.length);
    expect(slow.take()).toBe('+OK\r\n');
    expect(other.call('STRLEN', 'name')).toBe(':1000000\r\n');
  });
});

describe('SHUTDOWN', () => {
  function arrange(lagging: { count: number }): { own: AdminServer; events: string[] } {
    const own = new AdminServer({ 'shutdown-timeout': '10' });
    const events: string[] = [];
    own.shutdown.ports = {
      persist: (isSaving) => void events.push(isSaving ? 'save' : 'close'),
      replicas: () => ({ count: 1, lagging: Array.from({ length: lagging.count }, () => 'lagging') }),
      requestAcks: () => undefined,
      exit: (code) => void events.push(`exit ${String(code)}`),
    };
    return { own, events };
  }

  it('waits for replicas, with writes paused, then leaves', () => {
    const lagging = { count: 1 };
    const { own, events } = arrange(lagging);
    const [peer, other] = [own.connect(), own.connect()];
    expect(peer.call('SHUTDOWN', 'SAVE')).toBe('');
    own.clock.advance(1000);
    expect([events, other.call('SET', 'k', 'v'), other.client.isClosed]).toEqual([[], '', false]);
    lagging.count = 0;
    own.clock.advance(100);
    expect(events).toEqual(['save', 'exit 0']);
  });

  it('waits no longer than shutdown-timeout', () => {
    const { own, events } = arrange({ count: 1 });
    own.connect().call('SHUTDOWN', 'NOSAVE');
    own.clock.advance(9000);
    expect(events).toEqual([]);
    own.clock.advance(2000);
    expect(events).toEqual(['close', 'exit 0']);
  });

  it('is given up by ABORT', () => {
    const { own, events } = arrange({ count: 1 });
    const [peer, other] = [own.connect(), own.connect()];
    peer.call('SHUTDOWN');
    expect(other.call('SHUTDOWN', 'ABORT')).toBe('+OK\r\n');
    own.clock.advance(20_000);
    expect([events, peer.take(), other.call('SET', 'k', 'v')]).toEqual([
      [],
      '-ERR Errors trying to SHUTDOWN. Check logs.\r\n',
      '+OK\r\n',
    ]);
    expect(other.call('SHUTDOWN', 'ABORT')).toBe('-ERR No shutdown in progress.\r\n');
  });

  it('stays when saving fails, unless forced', () => {
    const { own, events } = arrange({ count: 0 });
    own.shutdown.ports = {
      ...own.shutdown.ports,
      persist: () => {
        throw new Error('disk full');
      },
    };
    const peer = own.connect();
    expect(peer.call('SHUTDOWN', 'SAVE')).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n');
    expect(peer.call('PING')).toBe('+PONG\r\n');
    peer.call('SHUTDOWN', 'SAVE', 'FORCE');
    expect(events).toEqual(['exit 0']);
  });
});

describe('what others may see', () => {
  it('holds no passwords: slow log and MONITOR', () => {
    const own = new AdminServer({ 'slowlog-log-slower-than': '0' });
    const [peer, monitor] = [own.connect(), own.connect()];
    monitor.call('MONITOR');
    peer.call('AUTH', 'default', 'secret1');
    peer.call('CONFIG', 'SET', 'masterauth', 'secret2', 'hz', '20');
    peer.call('ACL', 'SETUSER', 'u', '>secret3');
    peer.call('HELLO', '2', 'AUTH', 'default', 'secret4', 'SETNAME', 'x');
    peer.call('SET', 'shown', 'v');
    const seen = monitor.take() + JSON.stringify(own.admin.slowLog.entries);
    expect(seen).toContain('shown');
    expect(seen).toContain('(redacted)');
    expect(seen).not.toMatch(/secret\d/);
  });

  it('is each command of a pipeline, in the slow log and in the counters', () => {
    const own = new AdminServer({ 'slowlog-log-slower-than': '0' });
    const peer = own.connect();
    const commands = Array.from({ length: 50 }, (_, i) => [i % 7 === 0 ? 'GET' : 'INCR', `k${String(i)}`]);
    peer.pipeline(commands);
    expect(own.admin.slowLog.entries.map(({ argv }) => argv)).toEqual(commands.toReversed());
    // When nobody asks for each of them they are timed together.
    peer.call('CONFIG', 'SET', 'slowlog-log-slower-than', '10000');
    peer.pipeline(commands);
    const info = peer.pipeline([...commands, ['INFO', 'commandstats']]);
    expect(info).toMatch(/cmdstat_get:calls=24,/);
    expect(info).toMatch(/cmdstat_incr:calls=126,/);
  });

  it('is shortened in the slow log', () => {
    const own = new AdminServer({ 'slowlog-log-slower-than': '0', 'slowlog-max-len': '2' });
    const peer = own.connect();
    peer.call('DEL', ...Array.from({ length: 40 }, (_, n) => `k${String(n)}`));
    peer.call('SET', 'k', 'x'.repeat(200));
    const [set, del] = own.admin.slowLog.entries;
    expect(set?.argv[2]).toBe(`${'x'.repeat(128)}... (72 more bytes)`);
    expect([del?.argv.length, del?.argv.at(-1)]).toEqual([32, '... (10 more arguments)']);
    peer.call('PING');
    expect(own.admin.slowLog.entries.map(({ id }) => id)).toEqual([2, 1]);
  });
});

describe('INFO memory', () => {
  it('counts data and connections, and tells what maxmemory does not limit', () => {
    const own = new AdminServer();
    const peer = own.connect();
    peer.call('SET', 'k', 'x'.repeat(1000));
    const fields = new Map(
      peer
        .call('INFO', 'memory')
        .split('\r\n')
        .map((line) => line.split(':') as [string, string]),
    );
    const read = (name: string): number => Number(fields.get(name));
    expect(read('used_memory_dataset')).toBeGreaterThan(1000);
    expect(read('mem_not_counted_for_evict')).toBe(0);
    expect(read('used_memory')).toBe(read('used_memory_dataset') + read('used_memory_overhead'));
    expect(read('used_memory_peak')).toBeGreaterThanOrEqual(read('used_memory'));
  });
});
