import type { Db } from '../keyspace/db.ts';
import type { Server } from '../server.ts';
import type { Client } from './client.ts';
import { CLIENT_GATE } from './gates.ts';
import { nameCost } from './name-cost.ts';

/** MULTI's queues and WATCH's keys. */
export class Transactions {
  /** `dbIndex:key` → who watches it. */
  private readonly watchers = new Map<string, Set<Client>>();
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  get hasWatchers(): boolean {
    return this.watchers.size > 0;
  }

  begin(client: Client): void {
    client.multi = { queue: [], flags: 0, commonFlags: ~0, bytes: 0, isBroken: false };
    client.gates |= CLIENT_GATE.multi;
  }

  /** Ends a transaction, carried out or not, and the watching. */
  discard(client: Client): void {
    client.multi = undefined;
    client.gates &= ~CLIENT_GATE.multi;
    this.unwatch(client);
  }

  watch(client: Client, key: string): void {
    const name = `${client.dbIndex}:${key}`;
    client.watched ??= new Set();
    if (!client.watched.has(name)) client.nameBytes += nameCost(name);
    client.watched.add(name);
    const watchers = this.watchers.get(name);
    if (watchers === undefined) this.watchers.set(name, new Set([client]));
    else watchers.add(client);
    this.server.refreshKeyListeners();
  }

  unwatch(client: Client): void {
    client.isWatchBroken = false;
    if (client.watched === undefined) return;
    for (const name of client.watched) {
      client.nameBytes -= nameCost(name);
      const watchers = this.watchers.get(name);
      watchers?.delete(client);
      if (watchers?.size === 0) this.watchers.delete(name);
    }
    client.watched = undefined;
    client.expiredWatches = undefined;
    this.server.refreshKeyListeners();
  }

  /**
   * A key changed: EXEC of those who watch it will give nil, unless it was past its time when watched and has only
   * been cleared now (source: touchWatchedKey in multi.c).
   */
  touch(dbIndex: number, key: string): void {
    const name = `${dbIndex}:${key}`;
    const watchers = this.watchers.get(name);
    if (watchers === undefined) return;
    const isGone = this.server.keyspace.db(dbIndex).findString(key) === 0;
    for (const client of watchers) {
      if (client.expiredWatches?.has(name) !== true) client.isWatchBroken = true;
      else if (isGone) client.expiredWatches.delete(name);
    }
  }

  /**
   * A whole database is about to be emptied, or replaced by another one (source: touchAllWatchedKeysInDb in multi.c).
   * A key past its time counts as none, before and after.
   */
  touchDb(dbIndex: number, replacement?: Db): void {
    const prefix = `${dbIndex}:`;
    const db = this.server.keyspace.db(dbIndex);
    for (const [name, watchers] of this.watchers) {
      if (!name.startsWith(prefix)) continue;
      const key = name.slice(prefix.length);
      const wasThere = db.findString(key) !== 0;
      const ref = replacement?.findString(key) ?? 0;
      if (!wasThere && ref === 0) continue;
      const willBeExpired = ref !== 0 && this.isExpired(replacement!, ref);
      for (const client of watchers) {
        if (client.expiredWatches?.has(name) === true) {
          if (ref === 0) client.expiredWatches.delete(name);
          else if (!willBeExpired) client.isWatchBroken = true;
        } else if (!wasThere && willBeExpired) {
          (client.expiredWatches ??= new Set()).add(name);
        } else {
          client.isWatchBroken = true;
        }
      }
    }
  }

  private isExpired(db: Db, ref: number): boolean {
    const expireAt = db.expireAt(ref);
    return expireAt >= 0 && this.server.now > expireAt;
  }
}
