import type { Db } from './db.ts';

/**
 * One point-in-time walk over a db, bucket by bucket. What is about to change in a bucket not yet reached makes the
 * db call `save` for it first: the bucket is visited early, in its old form, and skipped later. The tables keep their
 * shape while a walk is open, so a bucket number means the same from begin to end. It stays open, and is told of
 * changes, until it is closed: what was put off may be needed after the last bucket.
 */
export class Walk {
  /** Told, after `save`, whose inside is about to change: an entry that was visited may have been put off. */
  onChange: ((ref: number) => void) | undefined;
  private readonly db: Db;
  private readonly visit: (ref: number) => void;
  private readonly bucketCount: number;
  private readonly saved: Uint8Array;
  private cursor = 0;

  constructor(db: Db, visit: (ref: number) => void) {
    this.db = db;
    this.visit = visit;
    this.bucketCount = db.bucketCount;
    this.saved = new Uint8Array((this.bucketCount + 7) >>> 3);
  }

  /** Buckets done, of `total`. */
  get done(): number {
    return this.cursor;
  }

  get total(): number {
    return this.bucketCount;
  }

  /** Visits the next `buckets` buckets; true when all have been. */
  step(buckets: number): boolean {
    const end = Math.min(this.bucketCount, this.cursor + buckets);
    this.db.fetchBuckets(this.cursor, end);
    while (this.cursor < end) {
      const bucket = this.cursor;
      this.cursor += 1;
      if (!this.isSaved(bucket)) this.db.visitBucket(bucket, this.visit);
    }
    return this.cursor >= this.bucketCount;
  }

  /** Ends the walk, finished or not. */
  close(): void {
    this.db.walks.delete(this);
  }

  /** For the db: visits a bucket that is about to change, unless it has been. */
  save(bucket: number): void {
    if (bucket < this.cursor || this.isSaved(bucket)) return;
    this.saved[bucket >>> 3] = this.saved[bucket >>> 3]! | (1 << (bucket & 7));
    this.db.visitBucket(bucket, this.visit);
  }

  private isSaved(bucket: number): boolean {
    return (this.saved[bucket >>> 3]! & (1 << (bucket & 7))) !== 0;
  }
}
