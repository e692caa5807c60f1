import type { Db } from '../keyspace/db.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import type { Server } from '../server.ts';
import { FLAG } from './command.ts';
import type { Context } from './context.ts';
import { EVENT } from './event-class.ts';
import { findKeys } from './find-keys.ts';
import { removalVerb } from './removal-verb.ts';

/** Longest one sweep may take, and how many slots it looks at between two looks at the clock. */
const SWEEP_BUDGET_MS = 3;
const SWEEP_STEP = 1024;
/** Most fields that one HDEL made here names. */
const FIELDS_PER_STEP = 64;

/**
 * The end of keys with a time to live. Only a master removes them, when met or swept, and tells replicas and AOF by
 * DEL; a replica hides them until its master says so (source: expireIfNeeded in db.c).
 */
export class Expiry {
  /** DEBUG SET-ACTIVE-EXPIRE. */
  isActive = true;
  private readonly server: Server;
  private dbCursor = 0;
  private slotCursor = 1;
  /** `dbIndex:key` of the keys with a time to live that clients wrote to this replica: no master clears them. */
  private readonly ownKeys = new Set<string>();

  constructor(server: Server) {
    this.server = server;
  }

  /** A command met an entry past its time: true when the command must not see it. */
  meetExpired(context: Context, ref: number): boolean {
    const { server } = this;
    if (server.isLoading) return false;
    if (server.isReplica) {
      if (context.client.kind === 'master') return false;
      // A writable replica clears the place for what is written to it, on its own.
      if ((context.command.flags & FLAG.write) !== 0) this.expire(context.db, context.dbIndex, ref);
      return true;
    }
    if (server.pause.isPaused) return true;
    this.expire(context.db, context.dbIndex, ref);
    return true;
  }

  /** Removes an entry whose time is over, as a master does. */
  expire(db: Db, dbIndex: number, ref: number): void {
    const { server } = this;
    const key = db.keyString(ref);
    db.delete(ref);
    server.stats.expiredKeys += 1;
    server.propagation.addCommand(dbIndex, [removalVerb(server, 'lazyfree-lazy-expire'), key]);
    if (server.hasKeyListeners) server.touchKey(undefined, dbIndex, key);
    server.publishKeyEvent(dbIndex, EVENT.expired, 'expired', key);
  }

  /**
   * Fields whose time is before this are hidden from the present command: from none that a master sends, or a log that
   * is loaded, since those say themselves what is deleted (hashTypeGetValue in t_hash.c of Redis 7.4).
   */
  fieldsHiddenBefore({ client }: Context): number {
    const { server } = this;
    const seesAll = server.isLoading || (server.isReplica && client.kind === 'master');
    return seesAll ? 0 : server.now;
  }

  /** A command is to change a field of a hash: one past its time goes first, with its hash when it was the last. */
  dropFieldOver(context: Context, key: string, field: string): void {
    const { db, dbIndex } = context;
    const ref = db.findString(key);
    const hash = ref === 0 || db.isString(ref) ? undefined : db.object(ref);
    if (!(hash instanceof HashValue) || !hash.isOver(field, this.fieldsHiddenBefore(context))) return;
    db.willChange(ref);
    this.expireFields(db, dbIndex, ref, hash, [field]);
  }

  /** Deletes fields of a hash opened for writing whose time is over, as a master does: replicas and AOF get HDEL. */
  private expireFields(db: Db, dbIndex: number, ref: number, hash: HashValue, fields: string[]): void {
    const { server } = this;
    const key = db.keyString(ref);
    const slot = db.slotOf(ref);
    for (const field of fields) hash.delete(field);
    server.stats.expiredFields += fields.length;
    server.propagation.addCommand(dbIndex, ['HDEL', key, ...fields]);
    if (server.hasKeyListeners) server.touchKey(undefined, dbIndex, key);
    server.publishKeyEvent(dbIndex, EVENT.hash, 'hexpired', key);
    if (hash.size === 0) {
      db.delete(ref);
      server.publishKeyEvent(dbIndex, EVENT.generic, 'del', key);
    } else {
      db.recount(slot, hash);
      db.noteFieldExpiries(ref);
    }
  }

  /**
   * Looks for dead keys, going round all databases in steps; called about every 100 ms. The expiry times lie side by
   * side, so that a sweep looks at each of them instead of at samples.
   */
  sweep(): void {
    const { server } = this;
    if (!server.isReplica) this.ownKeys.clear();
    if (!this.isActive || server.isLoading || server.pause.isPaused) return;
    if (server.isReplica) {
      this.sweepOwnKeys();
      return;
    }
    const deadline = server.clock.monotonic() + SWEEP_BUDGET_MS;
    const { keyspace } = server;
    for (let dbs = 0; dbs < keyspace.count; dbs += 1) {
      const db = keyspace.dbIfUsed(this.dbCursor);
      if (db !== undefined && !this.sweepDb(db, deadline)) break;
      this.dbCursor = (this.dbCursor + 1) % keyspace.count;
      this.slotCursor = 1;
    }
    this.sweepFields();
    server.propagation.settle();
  }

  /** Deletes fields past their time; the hashes of each database lie in the order in which that comes. */
  private sweepFields(): void {
    const { server } = this;
    const deadline = server.clock.monotonic() + SWEEP_BUDGET_MS;
    for (const [dbIndex, db] of server.keyspace.filled()) {
      const { fieldExpiries } = db;
      while (fieldExpiries.first < server.now) {
        const ref = db.findString(fieldExpiries.firstName!);
        const hash = db.object(ref);
        if (hash instanceof HashValue && hash.hasFieldsOver(server.now)) {
          db.willChange(ref);
          this.expireFields(db, dbIndex, ref, hash, hash.fieldsOver(server.now, FIELDS_PER_STEP));
          server.propagation.settle();
          if (server.clock.monotonic() > deadline) return;
        } else {
          db.noteFieldExpiries(ref);
        }
      }
    }
  }

  get ownKeyCount(): number {
    return this.ownKeys.size;
  }

  /** A client of a writable replica changed these keys. */
  noteOwnWrite({ command, args, db, dbIndex }: Context): void {
    for (const { index } of findKeys(command, args) ?? []) {
      const key = args.string(index);
      const ref = db.findString(key);
      if (ref !== 0 && db.expireAt(ref) >= 0) this.ownKeys.add(`${dbIndex}:${key}`);
    }
  }

  /** Clears what clients of a writable replica left (source: expireSlaveKeys in expire.c). */
  private sweepOwnKeys(): void {
    const { server } = this;
    const deadline = server.clock.monotonic() + SWEEP_BUDGET_MS;
    for (const name of this.ownKeys) {
      const colon = name.indexOf(':');
      const dbIndex = Number(name.slice(0, colon));
      const db = server.keyspace.db(dbIndex);
      const ref = db.findString(name.slice(colon + 1));
      const expireAt = ref === 0 ? -1 : db.expireAt(ref);
      if (expireAt >= server.now) continue;
      this.ownKeys.delete(name);
      if (expireAt >= 0) this.expire(db, dbIndex, ref);
      if (server.clock.monotonic() > deadline) break;
    }
    server.propagation.settle();
  }

  /** False when the time ran out before the end of the db. */
  private sweepDb(db: Db, deadline: number): boolean {
    const { expires } = db;
    const { now } = this.server;
    let steps = SWEEP_STEP;
    while (this.slotCursor <= expires.count) {
      if (expires.timeOf(this.slotCursor) < now) {
        // Another entry takes the slot over, so the cursor stays.
        this.expire(db, this.dbCursor, expires.entryAt(this.slotCursor));
        this.server.propagation.settle();
        steps -= 16;
      } else {
        this.slotCursor += 1;
      }
      steps -= 1;
      if (steps > 0) continue;
      if (this.server.clock.monotonic() > deadline) return false;
      steps = SWEEP_STEP;
    }
    return true;
  }
}
