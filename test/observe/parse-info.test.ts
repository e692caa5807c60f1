import { readFileSync } from 'node:fs';
import path from 'node:path';
import { array, assert, integer, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countKeys, parseInfo } from '../../src/observe/parse-info.ts';

function sample(name: string): string {
  return readFileSync(path.join(import.meta.dirname, 'samples', `${name}.txt`), 'utf8');
}

const REPLID = '1'.repeat(40);
const ZEROS = '0'.repeat(40);

describe('recorded replies', () => {
  it.each([
    ['redis-7.0.15', 'redis', '7.0.15'],
    ['valkey-8.0.1', 'valkey', '8.0.1'],
  ])('reads a master of %s', (name, family, version) => {
    const info = parseInfo(sample(`${name}-master`));
    expect(info.server).toMatchObject({ family, version, mode: 'standalone', configFile: '/srv/redis.conf' });
    expect(info.server.pid).toBeGreaterThan(0);
    expect(info.replication).toMatchObject({
      role: 'master',
      link: null,
      connectedReplicas: 2,
      failoverState: 'no-failover',
      offset: 107,
      secondOffset: -1,
      backlog: { isActive: true, sizeBytes: 1_048_576, firstByteOffset: 1, histlenBytes: 107 },
    });
    expect(info.replication.replicas).toHaveLength(2);
    expect(info.replication.replicas[0]).toMatchObject({
      host: '127.0.0.1',
      state: 'online',
      offset: 107,
      lagSeconds: 1,
    });
    expect(countKeys(info)).toBe(2);
    expect(info.keyspace.get(0)).toEqual({ keys: 2, expires: 1 });
    expect(info.stats.syncFull).toBe(2);
    expect(info.memory).toMatchObject({ maxBytes: 0, policy: 'noeviction' });
    expect(info.persistence).toMatchObject({
      isLoading: false,
      lastSaveOk: true,
      aofEnabled: false,
      aofWriteOk: true,
    });
  });

  it.each(['redis-7.0.15', 'valkey-8.0.1'])('reads a replica of %s that has a replica', (name) => {
    const { replication } = parseInfo(sample(`${name}-middle`));
    expect(replication).toMatchObject({
      role: 'replica',
      connectedReplicas: 1,
      link: {
        isUp: true,
        isSyncing: false,
        readOffset: 107,
        appliedOffset: 107,
        downSeconds: null,
        priority: 100,
        isReadOnly: true,
      },
    });
    expect(replication.replicas).toHaveLength(1);
  });

  it.each(['redis-7.0.15', 'valkey-8.0.1'])('reads a replica of %s without its master', (name) => {
    const { link } = parseInfo(sample(`${name}-link-down`)).replication;
    expect(link).toMatchObject({ isUp: false, lastIoSeconds: -1, downSeconds: 1 });
  });
});

/** Written after the engines' sources (genRedisInfoString, genValkeyInfoString); these versions are not at hand. */
describe('what differs between versions', () => {
  it('6.0: one replica offset, no failover state, unix time for a link that never was', () => {
    const now = 1_600_000_000;
    const info = parseInfo(
      `# Server\r\nredis_version:6.0.20\r\nuptime_in_seconds:12\r\n# Replication\r\nrole:slave\r\nmaster_host:m\r\nmaster_port:6379\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:42\r\nmaster_link_down_since_seconds:${now}\r\nslave_priority:0\r\nslave_read_only:0\r\nconnected_slaves:0\r\nmaster_replid:${REPLID}\r\nmaster_replid2:${ZEROS}\r\nmaster_repl_offset:42\r\nmaster_repl_meaningful_offset:40\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\n`,
    );
    expect(info.replication.failoverState).toBeNull();
    expect(info.stats.replicationOutputKbps).toBeNull();
    expect(info.replication.link).toMatchObject({
      readOffset: 42,
      appliedOffset: 42,
      downSeconds: null,
      priority: 0,
      isReadOnly: false,
    });
  });

  it('6.2: -1 for a link that never was, and the bytes left of a copy', () => {
    const { link } = parseInfo(
      'redis_version:6.2.16\r\nuptime_in_seconds:5\r\nrole:slave\r\nmaster_host:m\r\nmaster_port:1\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1\r\nmaster_sync_total_bytes:100\r\nmaster_sync_read_bytes:30\r\nmaster_sync_left_bytes:70\r\nmaster_link_down_since_seconds:-1\r\n',
    ).replication;
    expect(link).toMatchObject({ isSyncing: true, syncLeftBytes: 70, downSeconds: null });
  });

  it('a diskless copy does not know how much is left', () => {
    const text =
      'role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1\r\nmaster_sync_left_bytes:-1\r\n';
    expect(parseInfo(text).replication.link?.syncLeftBytes).toBeNull();
  });

  it('Redis 8: further fields and states of a replica', () => {
    const { replicas } = parseInfo(
      'redis_version:8.0.6\r\nrole:master\r\nconnected_slaves:2\r\nslave0:ip=10.0.0.2,port=6380,state=send_bulk_and_stream,offset=0,lag=0,io-thread=1\r\nslave1:ip=::1,port=6381,state=online,offset=9,lag=1,io-thread=0\r\nslave_repl_offset:5\r\n',
    ).replication;
    expect(replicas).toEqual([
      { host: '10.0.0.2', port: 6380, state: 'send_bulk_and_stream', offset: 0, lagSeconds: 0 },
      { host: '::1', port: 6381, state: 'online', offset: 9, lagSeconds: 1 },
    ]);
  });

  it.each([
    ['its stream channel first', ['main-channel,state=bg_transfer', 'rdb-channel,state=send_bulk']],
    ['its RDB channel first', ['rdb-channel,state=rdb_transmitted', 'main-channel,state=bg_transfer']],
  ])('Valkey 8: a dual-channel copy lists one replica twice, %s', (_, channels) => {
    const lines = channels.map((channel, index) => {
      const [type, state] = channel.split(',');
      return `slave${index}:ip=10.0.0.2,port=6380,${state},offset=7,lag=0,type=${type}`;
    });
    const { replicas } = parseInfo(
      `redis_version:7.2.4\r\nvalkey_version:8.0.1\r\nrole:master\r\n${lines.join('\r\n')}\r\n`,
    ).replication;
    expect(replicas).toEqual([
      { host: '10.0.0.2', port: 6380, state: 'bg_transfer', offset: 7, lagSeconds: 0 },
    ]);
  });

  it('Valkey 9: a paused server says who paused it', () => {
    const text = 'valkey_version:9.1.2\r\npaused_reason:client_pause\r\npaused_actions:write\r\n';
    const info = parseInfo(text);
    expect([info.server.family, info.server.version, info.clients.pausedReason]).toEqual([
      'valkey',
      '9.1.2',
      'client_pause',
    ]);
    expect(parseInfo('paused_reason:none\r\n').clients.pausedReason).toBeNull();
  });

  it('the bundled server: known by its build id', () => {
    const text = 'redis_version:7.2.6\r\nredis_build_id:replctl\r\n';
    expect(parseInfo(text).server).toMatchObject({ family: 'bundled', version: '7.2.6' });
  });

  it.each([
    ['redis_mode:cluster', 'cluster'],
    ['server_mode:sentinel', 'sentinel'],
    ['redis_mode:standalone', 'standalone'],
  ])('reads %s', (line, mode) => {
    expect(parseInfo(line).server.mode).toBe(mode);
  });
});

describe('any reply', () => {
  it('is read without failing', () => {
    assert(
      property(array(string()), (lines) => {
        expect(parseInfo(lines.join('\r\n')).replication.replicas).toBeInstanceOf(Array);
      }),
    );
  });

  it('gives back every replica that was listed', () => {
    const replica = record({
      port: integer({ min: 1, max: 65_535 }),
      offset: integer({ min: 0 }),
      lag: integer({ min: 0, max: 99 }),
    });
    assert(
      property(array(replica, { maxLength: 40 }), (replicas) => {
        const lines = replicas.map(
          ({ port, offset, lag }, index) =>
            `slave${index}:ip=10.0.${index}.1,port=${port},state=online,offset=${offset},lag=${lag}`,
        );
        const parsed = parseInfo(`role:master\r\n${lines.join('\r\n')}\r\n`).replication.replicas;
        expect(parsed.map(({ port, offset, lagSeconds }) => ({ port, offset, lag: lagSeconds }))).toEqual(
          replicas,
        );
      }),
    );
  });
});
