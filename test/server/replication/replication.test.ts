import { beforeEach, describe, expect, it } from 'vitest';
import { encodeCommand } from '../../../src/server/replication/master-link.ts';
import type { SnapshotSink } from '../../../src/server/replication/ports.ts';
import type { ReplicaSession } from '../../../src/server/replication/replica-session.ts';
import { Replication } from '../../../src/server/replication/replication.ts';
import { DEFAULT_REPLICATION_SETTINGS } from '../../../src/server/replication/replication-settings.ts';
import { printReplicationInfo } from '../../../src/server/replication/status.ts';

const ID = 'a'.repeat(40);

/** A master whose snapshots and clock are in the test's hands, and what it sends to each replica. */
class Master {
  nowMs = 1_000_000;
  settings = { ...DEFAULT_REPLICATION_SETTINGS, disklessDelayMs: 0 };
  /** What the disk says to whoever wants to write. */
  spoolError: Error | null = null;
  isCommon = true;
  readonly formats: string[] = [];
  readonly snapshots: SnapshotSink[] = [];
  readonly replication: Replication = new Replication({
    now: () => this.nowMs,
    drawId: () => ID,
    log: () => undefined,
    settings: () => this.settings,
    connect: () => {
      throw new Error('a master connects to nobody');
    },
    snapshots: {
      isCommon: () => this.isCommon,
      start: (_position, _filter, sink, format) => {
        this.snapshots.push(sink);
        this.formats.push(format);
        return { pause: () => undefined, resume: () => undefined, abort: () => undefined };
      },
    },
    createSpool: () => {
      let bytes = Buffer.alloc(0);
      if (this.spoolError !== null) throw this.spoolError;
      return {
        write: (chunk) => {
          if (this.spoolError !== null) throw this.spoolError;
          bytes = Buffer.concat([bytes, chunk]);
        },
        get lengthBytes() {
          return bytes.length;
        },
        read: (offset, maxBytes) => bytes.subarray(offset, offset + maxBytes),
        discard: () => undefined,
      };
    },
    receiver: {
      begin: () => {
        throw new Error('a master receives nothing');
      },
    },
    applier: { restart: () => undefined, feed: () => 0, appliedOffset: 0, selectedDb: 0 },
    received: () => undefined,
    requestFlush: () => undefined,
    pauseWrites: () => undefined,
    fsyncedOffset: () => null,
    masterChanged: () => undefined,
    stateChanged: () => undefined,
  });

  /** A replica that has said what it can; `sent` is everything it was sent, `take` what came since. */
  join(capabilities: readonly ('eof' | 'psync2')[] = ['eof', 'psync2']): {
    session: ReplicaSession;
    take: () => string;
    isClosed: () => boolean;
    transport: { pendingBytes: number };
  } {
    let sent = '';
    let isClosed = false;
    const transport = {
      pendingBytes: 0,
      write: (bytes: Uint8Array) => void (sent += Buffer.from(bytes).toString('latin1')),
      end: () => void (isClosed = true),
      close: () => void (isClosed = true),
    };
    const session = this.replication.openSession(1, transport, '10.0.0.1');
    session.listeningPort = 6380;
    session.canEof = capabilities.includes('eof');
    session.canPsync2 = capabilities.includes('psync2');
    const take = (): string => {
      const taken = sent;
      sent = '';
      return taken.replaceAll('\r\n', '|');
    };
    return { session, take, isClosed: () => isClosed, transport };
  }

  write(db: number, ...args: string[]): void {
    this.replication.propagate(db, encodeCommand(args));
    this.replication.flush();
  }

  /** Completes the snapshot that is being taken. */
  snapshot(text: string): void {
    const sink = this.snapshots.shift();
    sink?.write(Buffer.from(text), () => undefined);
    sink?.end();
    this.replication.flush();
  }

  info(): string[] {
    return printReplicationInfo(this.replication, this.settings, this.nowMs);
  }
}

const set = (key: string): string => `*3|$3|SET|$1|${key}|$1|v|`;
const select = (db: number): string => `*2|$6|SELECT|$1|${db}|`;

describe('a master and its replicas', () => {
  let master: Master;

  beforeEach(() => {
    master = new Master();
  });

  it('feeds nobody, and keeps nothing, before the first replica', () => {
    master.write(0, 'SET', 'a', 'v');
    expect(master.replication.backlog).toBeNull();
    expect(master.replication.isFeeding).toBe(false);
  });

  it('gives Redis and Valkey images of their own when the data are not common to them', () => {
    master.isCommon = false;
    const sessions = [false, true, false].map((takesValkeyRdb) => {
      const { session } = master.join();
      session.takesValkeyRdb = takesValkeyRdb;
      return session;
    });
    master.settings = { ...master.settings, disklessDelayMs: 5000 };
    for (const session of sessions) master.replication.psync(session, '?', -1, false);
    master.nowMs += 5000;
    master.replication.tick();
    expect(sessions.map(({ state }) => state)).toEqual(['sending-rdb', 'wait-snapshot', 'sending-rdb']);
    expect(master.formats).toEqual(['redis']);
    master.snapshot('RDB');
    expect(master.formats).toEqual(['redis', 'valkey']);
    expect(sessions[1]?.state).toBe('sending-rdb');
  });

  it('withholds the stream after $EOF until the first ACK, and begins it with SELECT', () => {
    const { session, take } = master.join();
    expect(master.replication.psync(session, '?', -1, false)).toBeNull();
    expect(take()).toMatch(new RegExp(`^\\+FULLRESYNC ${ID} 0\\|\\$EOF:[0-9a-f]{40}\\|$`));
    master.write(0, 'SET', 'a', 'v');
    master.snapshot('RDB');
    expect(take()).toMatch(/^RDB[0-9a-f]{40}$/);
    master.write(0, 'SET', 'b', 'v');
    expect(take()).toBe('');
    master.replication.acknowledge(session, 0, null);
    expect(take()).toBe(`${select(0)}${set('a')}${set('b')}`);
    master.write(3, 'SET', 'c', 'v');
    expect(take()).toBe(`${select(3)}${set('c')}`);
  });

  it('sends newlines while a length must be found out, then streams at once', () => {
    const { session, take } = master.join(['psync2']);
    master.replication.psync(session, '?', -1, false);
    expect(take()).toBe(`+FULLRESYNC ${ID} 0|`);
    expect(master.replication.isSnapshotting).toBe(true);
    master.write(0, 'SET', 'a', 'v');
    master.replication.tick();
    expect(take()).toBe('\n');
    master.snapshot('RDB');
    expect(take()).toBe(`$3|RDB${select(0)}${set('a')}`);
  });

  it('answers SYNC without a reply line, and expects no ACK from it', () => {
    const { session, take, isClosed } = master.join([]);
    master.replication.sync(session);
    master.snapshot('RDB');
    expect(take()).toBe('$3|RDB');
    master.nowMs += 120_000;
    master.replication.tick();
    expect(isClosed()).toBe(false);
  });

  it('lets a second replica share a spool that is being made, with its own bytes of the stream', () => {
    const first = master.join(['psync2']);
    master.replication.psync(first.session, '?', -1, false);
    master.write(0, 'SET', 'a', 'v');
    const second = master.join(['psync2']);
    master.replication.psync(second.session, '?', -1, false);
    expect(second.take()).toBe(`+FULLRESYNC ${ID} 0|`);
    master.snapshot('RDB');
    expect(second.take()).toBe(`$3|RDB${select(0)}${set('a')}`);
    expect(master.replication.stats.syncFull).toBe(2);
  });

  it('continues from the offset asked for, and injects no SELECT', () => {
    const first = master.join(['psync2']);
    master.replication.psync(first.session, '?', -1, false);
    master.snapshot('RDB');
    master.write(0, 'SET', 'a', 'v');
    const offset = master.replication.offset;
    master.replication.closeSession(first.session);
    master.write(0, 'SET', 'b', 'v');
    const again = master.join();
    expect(master.replication.psync(again.session, ID, offset + 1, false)).toBeNull();
    expect(again.take()).toBe(`+CONTINUE ${ID}|${set('b')}`);
    const old = master.join([]);
    master.replication.psync(old.session, ID, offset + 1, false);
    expect(old.take()).toBe(`+CONTINUE|${set('b')}`);
    expect(master.replication.stats).toEqual({ syncFull: 1, syncPartialOk: 2, syncPartialErr: 0 });
  });

  it('counts a refused partial resync, but not a full one that was asked for', () => {
    master.replication.psync(master.join().session, 'b'.repeat(40), 5, false);
    master.replication.psync(master.join().session, '?', -1, false);
    expect(master.replication.stats).toEqual({ syncFull: 2, syncPartialOk: 0, syncPartialErr: 1 });
  });

  it('tells replicas to come again when the snapshot fails', () => {
    const { session, isClosed } = master.join();
    master.replication.psync(session, '?', -1, false);
    master.snapshots.shift()?.fail('disk full');
    expect(isClosed()).toBe(true);
    expect(master.replication.replicas.size).toBe(0);
  });

  it('sends away who would need a file when the disk refuses one', () => {
    master.spoolError = new Error('ENOSPC');
    const { session, isClosed } = master.join(['psync2']);
    expect(master.replication.psync(session, '?', -1, false)).toBeNull();
    expect(isClosed()).toBe(true);
    expect(master.snapshots).toEqual([]);
    master.spoolError = null;
    const again = master.join(['psync2']);
    master.replication.psync(again.session, '?', -1, false);
    master.spoolError = new Error('ENOSPC');
    master.snapshot('RDB');
    expect(again.isClosed()).toBe(true);
    expect(master.replication.replicas.size).toBe(0);
  });

  it('refuses PSYNC FAILOVER, being a master', () => {
    expect(master.replication.psync(master.join().session, ID, 1, true)).toMatch(/^ERR PSYNC FAILOVER/);
  });

  describe('with a replica online', () => {
    let replica: ReturnType<Master['join']>;

    beforeEach(() => {
      replica = master.join();
      master.replication.psync(replica.session, '?', -1, false);
      master.snapshot('RDB');
      master.replication.acknowledge(replica.session, 0, null);
      replica.take();
    });

    it('pings it at the period, and drops it when it has been silent for the timeout', () => {
      for (let second = 1; second < 10; second += 1) master.replication.tick();
      expect(replica.take()).toBe('');
      master.replication.tick();
      expect(replica.take()).toBe('*1|$4|PING|');
      master.nowMs += 60_000;
      master.replication.tick();
      expect(replica.isClosed()).toBe(false);
      master.nowMs += 1;
      master.replication.tick();
      expect(replica.isClosed()).toBe(true);
    });

    it('asks for one ACK for all who wait, and settles them when it comes', () => {
      master.write(0, 'SET', 'a', 'v');
      replica.take();
      const settled: number[] = [];
      const { offset } = master.replication;
      for (const replicaCount of [1, 1, 2]) {
        master.replication.waiters.add({
          kind: 'applied',
          offset,
          replicaCount,
          needsLocalFsync: false,
          settle: ({ replicas }) => void settled.push(replicas),
          refuse: () => undefined,
        });
        master.replication.requestAcks();
      }
      master.replication.flush();
      expect(replica.take()).toBe('*3|$8|REPLCONF|$6|GETACK|$1|*|');
      master.replication.acknowledge(replica.session, offset - 1, null);
      expect(settled).toEqual([]);
      master.replication.acknowledge(replica.session, offset, null);
      expect(settled).toEqual([1, 1]);
      expect(master.replication.waiters.size).toBe(1);
    });

    it('cuts it when it lets too much gather, at once or over time', () => {
      master.settings = {
        ...master.settings,
        backlogSizeBytes: 16_384,
        outputHardLimitBytes: 3_000_000,
        outputSoftLimitBytes: 2_000_000,
        outputSoftLimitMs: 5000,
      };
      master.replication.tick();
      replica.transport.pendingBytes = 2_500_000;
      master.write(0, 'SET', 'a', 'v');
      master.nowMs += 5001;
      expect(replica.isClosed()).toBe(false);
      master.write(0, 'SET', 'a', 'v');
      expect(replica.isClosed()).toBe(true);
      const next = master.join();
      master.replication.psync(next.session, ID, master.replication.offset + 1, false);
      next.transport.pendingBytes = 3_000_001;
      master.write(0, 'SET', 'a', 'v');
      expect(next.isClosed()).toBe(true);
    });

    it('continues from no more of the stream than a backlog size that was just set', () => {
      const { offset } = master.replication;
      for (let n = 0; n < 12; n += 1) master.write(0, 'SET', 'a', 'v'.repeat(16_384));
      master.replication.closeSession(replica.session);
      master.settings = { ...master.settings, backlogSizeBytes: 16_384 };
      const next = master.join();
      master.replication.psync(next.session, ID, offset + 1, false);
      expect(next.take()).not.toContain('CONTINUE');
      expect(master.replication.backlog?.histlen).toBeLessThan(100_000);
    });

    it('counts it as good while its ACKs are young', () => {
      master.settings = { ...master.settings, minReplicasToWrite: 1 };
      expect(master.replication.hasEnoughReplicas).toBe(true);
      master.nowMs += 11_000;
      expect(master.replication.hasEnoughReplicas).toBe(false);
    });

    it('frees the backlog, and its history with it, when nobody came back for the ttl', () => {
      master.replication.closeSession(replica.session);
      master.nowMs += 3_600_000;
      master.replication.tick();
      expect(master.replication.backlog).not.toBeNull();
      master.nowMs += 1;
      master.replication.tick();
      expect(master.replication.backlog).toBeNull();
    });

    it('prints INFO as redis 7.0 does', () => {
      master.write(0, 'SET', 'a', 'v');
      expect(master.info()).toEqual([
        'role:master',
        'connected_slaves:1',
        'slave0:ip=10.0.0.1,port=6380,state=online,offset=0,lag=0',
        'master_failover_state:no-failover',
        `master_replid:${ID}`,
        `master_replid2:${'0'.repeat(40)}`,
        'master_repl_offset:50',
        'second_repl_offset:-1',
        'repl_backlog_active:1',
        'repl_backlog_size:1048576',
        'repl_backlog_first_byte_offset:1',
        'repl_backlog_histlen:50',
      ]);
    });
  });

  it('vouches, after a restart, for the history in its RDB up to where it ended', () => {
    const old = 'b'.repeat(40);
    master.replication.restore({ replid: old, offset: 130, streamDb: 2 }, false);
    const { session, take } = master.join();
    expect(master.replication.psync(session, old, 131, false)).toBeNull();
    expect(take()).toBe(`+CONTINUE ${ID}|`);
    expect(master.info()).toContain('second_repl_offset:131');
    master.write(0, 'SET', 'a', 'v');
    expect(take()).toBe(`${select(0)}${set('a')}`);
  });
});
