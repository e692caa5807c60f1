import type { Db } from './db.ts';
import type { Value } from './value.ts';

/** Collections with more elements than this are put off, to be taken in steps of their own. */
const LARGE_SIZE = 512;
/** Elements of one that are taken in a step. */
export const ELEMENTS_PER_STEP = 128;
/** Buckets of a walk that are visited in a step. */
export const BUCKETS_PER_STEP = 16;

/** A large collection as a walk met it. */
export interface PutOff {
  readonly dbIndex: number;
  readonly key: Buffer;
  readonly expireAtMs: number;
  /** Its content at that moment: the value itself, or a copy from the moment on when that changes. */
  value: Value;
}

/** Whether a walk that must not take long had better put the entry off. */
export function isLarge(db: Db, ref: number): boolean {
  return !db.isString(ref) && db.object(ref).size > LARGE_SIZE;
}

/**
 * The large collections that a point-in-time walk met and put off, in order. One whose inside is about to change
 * (`Walk.onChange`) goes on as a copy of its old form.
 */
export class PutOffs<Entry extends PutOff> {
  readonly #queue: Entry[] = [];
  readonly #byValue = new Map<Value, Entry>();
  readonly #copied: (entry: Entry) => void;

  /** `copied` hears of an entry whose `value` is another object now. */
  constructor(copied: (entry: Entry) => void) {
    this.#copied = copied;
  }

  get first(): Entry | undefined {
    return this.#queue[0];
  }

  add(entry: Entry): void {
    this.#queue.push(entry);
    this.#byValue.set(entry.value, entry);
  }

  /** The first is done. */
  shift(): void {
    const entry = this.#queue.shift();
    if (entry !== undefined) this.#byValue.delete(entry.value);
  }

  keepOldForm(db: Db, ref: number): void {
    if (db.isString(ref)) return;
    const value = db.object(ref);
    const entry = this.#byValue.get(value);
    if (entry === undefined) return;
    this.#byValue.delete(value);
    entry.value = value.clone();
    this.#copied(entry);
  }

  clear(): void {
    this.#queue.length = 0;
    this.#byValue.clear();
  }
}
