import type { Db } from '../keyspace/db.ts';
import type { Server } from '../server.ts';

/** The account of memory, and what goes when it runs out. */
export class Eviction {
  private readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  /** Bytes of data and of what clients hold, as used_memory counts them. */
  usedBytes(): number {
    return this.server.keyspace.usedBytes;
  }

  /** Whether memory is within its limit, after evicting what may go. */
  makeRoom(): boolean {
    return true;
  }

  /** Notes an access for a policy by frequency. */
  countAccess(db: Db, ref: number): void {
    db.setAccess(ref, db.accessClock);
  }

  /** Called about every 100 ms: moves the access clock on. */
  tick(): void {
    this.server.keyspace.setAccessClock(Math.floor(this.server.now / 1000) & 0xff_ffff, false);
  }
}
