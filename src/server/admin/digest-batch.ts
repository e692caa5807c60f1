import type { Db } from '../keyspace/db.ts';
import type { Value } from '../keyspace/value.ts';
import { HashValue } from '../keyspace/values/hash-value.ts';
import { StreamValue } from '../keyspace/values/stream-value.ts';
import { ZSetValue } from '../keyspace/values/zset-value.ts';
import { crypto } from '../lazy-crypto.ts';

const FOLD_BYTES = 65_536;

/**
 * One digest of many keys, type, content and expiry, in the form that `replctl verify` computes by a script on other
 * servers: lengths before contents, sets and hashes sorted, folded before it grows. Strings are binary strings.
 */
export class BatchDigest {
  private parts: (string | number)[] = [];
  private bytes = 0;
  private left: number;
  private readonly nowMs: number;

  /** `most` elements, and bytes / 100 of strings, may be read. Fields past their time at `nowMs` are not there. */
  constructor(most: number, nowMs: number) {
    this.left = most;
    this.nowMs = nowMs;
  }

  /** False when it would be past `most` (or is a stream): its content is left out then. */
  add(db: Db, ref: number): boolean {
    this.put(db.typeOf(ref));
    this.put(String(db.expireAt(ref)));
    if (db.isString(ref)) {
      const length = db.valueLength(ref);
      if (!this.spend(Math.floor(length / 100))) return false;
      this.put(String(length));
      this.put(db.valueBytes(ref).latin1Slice());
      return true;
    }
    const value = db.object(ref);
    if (value instanceof StreamValue || !this.spend(value.size)) return false;
    this.put(String(value.size));
    this.putValue(value);
    return true;
  }

  addNone(): void {
    this.put('none');
  }

  get hex(): string {
    return sha1(this.parts.join(':'));
  }

  private spend(cost: number): boolean {
    if (cost > this.left) return false;
    this.left -= cost;
    return true;
  }

  private putValue(value: Value): void {
    if (value instanceof ZSetValue) {
      for (const [member, score] of value) {
        this.put(member);
        this.put(formatScore(score));
      }
    } else if (value instanceof HashValue) {
      for (const [field, content] of [...value].sort(byFirst)) {
        if (value.isOver(field, this.nowMs)) continue;
        this.put(field);
        this.put(content);
      }
    } else {
      const elements = [...(value as Iterable<string> & Value)];
      if (value.type === 'set') elements.sort();
      this.put(`*${elements.length}`);
      for (const element of elements) this.put(element);
    }
  }

  private put(text: string): void {
    this.parts.push(text.length, text);
    this.bytes += text.length;
    if (this.bytes <= FOLD_BYTES) return;
    this.parts = [sha1(this.parts.join(':'))];
    this.bytes = 0;
  }
}

/** C's `%.16e`, the exponent without a leading zero. */
function formatScore(score: number): string {
  if (!Number.isFinite(score)) return score > 0 ? 'inf' : '-inf';
  return `${Object.is(score, -0) ? '-' : ''}${score.toExponential(16)}`;
}

function byFirst([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sha1(text: string): string {
  return crypto().createHash('sha1').update(text, 'latin1').digest('hex');
}
