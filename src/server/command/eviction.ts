import type { Db } from '../keyspace/db.ts';
import type { Server } from '../server.ts';
import { EVENT } from './event-class.ts';
import { SERVER_GATE } from './gates.ts';
import { removalVerb } from './removal-verb.ts';

/** Counter of a key not yet known, so that it is not the first to go (source: LFU_INIT_VAL). */
const NEW_KEY_COUNTER = 5;

type Policy = 'noeviction' | `${'allkeys' | 'volatile'}-${'lru' | 'lfu' | 'random'}` | 'volatile-ttl';

/** The account of memory, and what goes when it runs out (source: evict.c). */
export class Eviction {
  /** 0 for no limit. */
  maxBytes = 0;
  private policy: Policy = 'noeviction';
  private samples = 5;
  private logFactor = 10;
  private decayMinutes = 1;
  private budgetMs = 0;
  private dbCursor = 0;
  private isGoingOn = false;
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
    const { config } = server;
    config.onChange('maxmemory', (value) => {
      this.maxBytes = Number(value);
      server.setGate(SERVER_GATE.maxMemory, this.maxBytes > 0);
      if (this.maxBytes > 0) this.goOnSoon();
    });
    config.onChange('maxmemory-policy', (value) => {
      this.policy = value as Policy;
      this.tick();
    });
    config.onChange('maxmemory-samples', (value) => {
      this.samples = Number(value);
    });
    config.onChange('maxmemory-eviction-tenacity', (value) => {
      this.budgetMs = evictionBudgetMs(Number(value));
    });
    config.onChange('lfu-log-factor', (value) => {
      this.logFactor = Number(value);
    });
    config.onChange('lfu-decay-time', (value) => {
      this.decayMinutes = Number(value);
    });
  }

  /** Bytes of data and of what clients hold, as used_memory counts them. */
  usedBytes(): number {
    return this.server.keyspace.usedBytes + this.server.clientBytes;
  }

  /** Whether a policy goes by how each key was accessed. */
  get isByAccess(): boolean {
    return this.maxBytes > 0 && /l[rf]u$/.test(this.policy);
  }

  /** Whether memory is within its limit, after evicting what may go. */
  makeRoom(): boolean {
    const { server } = this;
    if (this.maxBytes === 0 || this.usedBytes() <= this.maxBytes) return true;
    if (server.isReplica || server.isLoading)
      return server.config.flag('replica-ignore-maxmemory') || !server.isReplica;
    if (this.policy === 'noeviction' || server.pause.isPaused) return false;
    const deadline = server.clock.monotonic() + this.budgetMs;
    while (this.usedBytes() > this.maxBytes) {
      if (!this.evictOne()) return false;
      // One client must not wait for all of it.
      if (server.clock.monotonic() > deadline) {
        this.goOnSoon();
        break;
      }
    }
    return true;
  }

  /** Makes room in turns of the event loop to come, also when no command does (source: startEvictionTimeProc). */
  private goOnSoon(): void {
    if (this.isGoingOn) return;
    this.isGoingOn = true;
    const { server } = this;
    server.clock.soon(() => {
      this.isGoingOn = false;
      if (server.isBusy) return;
      server.refreshTime();
      this.makeRoom();
      server.requestSettle();
    });
  }

  /** Notes an access for a policy by frequency: a counter that grows ever more slowly, and decays by the minute. */
  countAccess(db: Db, ref: number): void {
    const counter = this.frequencyOf(db.access(ref));
    const base = Math.max(0, counter - NEW_KEY_COUNTER);
    const isCounted = counter < 255 && this.server.random(1 << 30) < 2 ** 30 / (base * this.logFactor + 1);
    db.setAccess(ref, (this.minutes() << 8) | (counter + (isCounted ? 1 : 0)));
  }

  /** The counter in an entry's access bits, as decayed by now. */
  frequencyOf(access: number): number {
    const counter = access & 0xff;
    if (this.decayMinutes === 0) return counter;
    const elapsed = (this.minutes() - (access >>> 8)) & 0xffff;
    return Math.max(0, counter - Math.floor(elapsed / this.decayMinutes));
  }

  /** Sets an entry's access as RESTORE was told: idle seconds or a counter, -1 for neither. */
  setAccess(db: Db, ref: number, idleSeconds: number, frequency: number): void {
    if (frequency >= 0 && db.isFrequencyCounted) db.setAccess(ref, (this.minutes() << 8) | frequency);
    else if (idleSeconds >= 0 && !db.isFrequencyCounted) {
      db.setAccess(ref, (db.accessClock - idleSeconds) & 0xff_ffff);
    }
  }

  /** Called about every 100 ms: moves the access clock on. */
  tick(): void {
    const isByFrequency = this.policy.endsWith('lfu');
    const clock = isByFrequency
      ? (this.minutes() << 8) | NEW_KEY_COUNTER
      : Math.floor(this.server.now / 1000);
    this.server.keyspace.setAccessClock(clock & 0xff_ffff, isByFrequency);
  }

  private minutes(): number {
    return Math.floor(this.server.now / 60_000) & 0xffff;
  }

  /** Evicts the best of some samples from every db; false when nothing may go. */
  private evictOne(): boolean {
    const { keyspace } = this.server;
    let best:
      { readonly db: Db; readonly index: number; readonly ref: number; readonly score: number } | undefined;
    for (let step = 0; step < keyspace.count; step += 1) {
      const index = (this.dbCursor + step) % keyspace.count;
      const db = keyspace.dbIfUsed(index);
      if (db === undefined) continue;
      for (let sample = 0; sample < this.samples; sample += 1) {
        const ref = this.candidate(db);
        if (ref === 0) break;
        const score = this.scoreOf(db, ref);
        if (best === undefined || score > best.score) best = { db, index, ref, score };
      }
      if (best !== undefined && this.policy.endsWith('random')) break;
    }
    this.dbCursor = (this.dbCursor + 1) % keyspace.count;
    if (best === undefined) return false;
    this.evict(best.db, best.index, best.ref);
    return true;
  }

  private candidate(db: Db): number {
    const { random } = this.server;
    if (this.policy.startsWith('allkeys')) return db.randomEntry(random);
    return db.expires.count === 0 ? 0 : db.expires.entryAt(1 + random(db.expires.count));
  }

  /** The higher, the sooner it goes. */
  private scoreOf(db: Db, ref: number): number {
    if (this.policy === 'volatile-ttl') return -db.expireAt(ref);
    if (this.policy.endsWith('lfu')) return 255 - this.frequencyOf(db.access(ref));
    return this.policy.endsWith('lru') ? (db.accessClock - db.access(ref)) & 0xff_ffff : 0;
  }

  private evict(db: Db, index: number, ref: number): void {
    const { server } = this;
    const key = db.keyString(ref);
    db.delete(ref);
    server.stats.evictedKeys += 1;
    server.propagation.addCommand(index, [removalVerb(this.server, 'lazyfree-lazy-eviction'), key]);
    server.propagation.settle();
    if (server.hasKeyListeners) server.touchKey(undefined, index, key);
    server.publishKeyEvent(index, EVENT.evicted, 'evicted', key);
  }
}

/** How long one round of eviction may take: 2 ms by default, four times the original's (evictionTimeLimitUs). */
function evictionBudgetMs(tenacity: number): number {
  if (tenacity === 100) return Infinity;
  return tenacity <= 10 ? tenacity / 5 : 2 * 1.15 ** (tenacity - 10);
}
