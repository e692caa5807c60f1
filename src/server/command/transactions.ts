import type { Server } from '../server.ts';
import type { Client } from './client.ts';
import { CLIENT_GATE } from './gates.ts';

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
    client.multi = { queue: [], flags: 0, isBroken: false };
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
      const watchers = this.watchers.get(name);
      watchers?.delete(client);
      if (watchers?.size === 0) this.watchers.delete(name);
    }
    client.watched = undefined;
    client.expiredWatches = undefined;
    this.server.refreshKeyListeners();
  }

  /** A key changed: EXEC of those who watch it will give nil. */
  touch(dbIndex: number, key: string): void {
    const watchers = this.watchers.get(`${dbIndex}:${key}`);
    if (watchers === undefined) return;
    for (const client of watchers) client.isWatchBroken = true;
  }

  /** A whole database changes (FLUSHDB, SWAPDB, a load): `isThere` tells of a key before and after. */
  touchDb(dbIndex: number, isThere: (key: string) => boolean): void {
    const prefix = `${dbIndex}:`;
    for (const [name, watchers] of this.watchers) {
      if (!name.startsWith(prefix) || !isThere(name.slice(prefix.length))) continue;
      for (const client of watchers) client.isWatchBroken = true;
    }
  }
}
