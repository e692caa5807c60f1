import { Db } from './db.ts';

/**
 * The numbered databases. A db is made when first used, and flushing or swapping replaces the Db object: ask for
 * `db(index)` again instead of keeping it. Walks of a replaced Db go on undisturbed.
 */
export class Keyspace {
  readonly count: number;
  private readonly dbs: (Db | undefined)[];
  private readonly random: (below: number) => number;
  private accessClock = 0;
  private isFrequencyCounted = false;

  /** `random(n)` gives an integer of 0..n-1; it seeds the hash of each db. */
  constructor(count: number, random: (below: number) => number) {
    this.count = count;
    this.random = random;
    this.dbs = Array.from({ length: count }, () => undefined);
  }

  db(index: number): Db {
    return this.dbs[index] ?? this.flush(index);
  }

  /** The db if it was ever used; without making it. */
  dbIfUsed(index: number): Db | undefined {
    return this.dbs[index];
  }

  /** The dbs that exist and hold keys, with their numbers. */
  *filled(): Generator<[index: number, db: Db]> {
    for (const [index, db] of this.dbs.entries()) if (db !== undefined && db.size > 0) yield [index, db];
  }

  /** Empties one db by putting a new one in its place, which is returned. */
  flush(index: number): Db {
    const db = this.newDb();
    this.dbs[index] = db;
    return db;
  }

  flushAll(): void {
    this.dbs.fill(undefined);
  }

  swap(first: number, second: number): void {
    const db = this.db(first);
    this.dbs[first] = this.db(second);
    this.dbs[second] = db;
  }

  /** Puts a Db made by `newDb` in place, after a load into it. */
  replace(index: number, db: Db): void {
    this.dbs[index] = db;
  }

  /** A Db that is not yet one of the numbered ones. */
  newDb(): Db {
    const db = new Db(this.random(0x7fff_ffff));
    db.accessClock = this.accessClock;
    db.isFrequencyCounted = this.isFrequencyCounted;
    return db;
  }

  get size(): number {
    let size = 0;
    for (const db of this.dbs) if (db !== undefined) size += db.size;
    return size;
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const db of this.dbs) if (db !== undefined) bytes += db.usedBytes;
    return bytes;
  }

  /** Whether some hash has a field with a time to live. */
  get hasFieldExpiries(): boolean {
    return this.dbs.some((db) => db !== undefined && db.hasFieldExpiries);
  }

  /** Sets what entries are stamped with on access (24 bits), and whether reads stamp it. */
  setAccessClock(bits: number, isFrequencyCounted: boolean): void {
    this.accessClock = bits;
    this.isFrequencyCounted = isFrequencyCounted;
    for (const db of this.dbs) {
      if (db === undefined) continue;
      db.accessClock = bits;
      db.isFrequencyCounted = isFrequencyCounted;
    }
  }

  /** Moves table growth on for at most about `budgetBuckets` buckets per db. */
  rehashStep(budgetBuckets: number): boolean {
    let more = false;
    for (const db of this.dbs) if (db?.isRehashing === true) more = db.rehashStep(budgetBuckets) || more;
    return more;
  }
}
