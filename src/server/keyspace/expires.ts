import { SEGMENT_SHIFT, UNIT_MASK, type Arena } from './arena.ts';

/** Word of an entry that holds its slot in the table of expiry times (0: the key has none). */
export const EXPIRE_SLOT_WORD = 5;

/**
 * The expiry times of a db, dense: slot → time in ms and entry. A full sweep is a scan of doubles, a random volatile
 * key is a random slot, and a key without a time to live costs nothing but the zero in its header.
 */
export class Expires {
  count = 0;
  private times = new Float64Array(16);
  private entries = new Int32Array(16);
  private readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Unix time in ms at which the key in `slot` dies. */
  timeOf(slot: number): number {
    return this.times[slot]!;
  }

  /** The entry in a slot of 1..count. */
  entryAt(slot: number): number {
    return this.entries[slot]!;
  }

  set(entry: number, timeMs: number): void {
    const slot = this.slotOf(entry);
    if (slot !== 0) {
      this.times[slot] = timeMs;
      return;
    }
    this.count += 1;
    if (this.count >= this.times.length) this.grow();
    this.times[this.count] = timeMs;
    this.entries[this.count] = entry;
    this.store(entry, this.count);
  }

  /** Forgets the entry's time; true when it had one. */
  remove(entry: number): boolean {
    const slot = this.slotOf(entry);
    if (slot === 0) return false;
    const last = this.entries[this.count]!;
    this.times[slot] = this.times[this.count]!;
    this.entries[slot] = last;
    this.store(last, slot);
    this.store(entry, 0);
    this.count -= 1;
    return true;
  }

  /** The entry with `slot` now lives at another address. */
  moved(slot: number, entry: number): void {
    this.entries[slot] = entry;
  }

  get bytes(): number {
    return this.times.byteLength + this.entries.byteLength;
  }

  private slotOf(entry: number): number {
    return this.arena.words[entry >>> SEGMENT_SHIFT]![((entry & UNIT_MASK) << 1) + EXPIRE_SLOT_WORD]!;
  }

  private store(entry: number, slot: number): void {
    this.arena.words[entry >>> SEGMENT_SHIFT]![((entry & UNIT_MASK) << 1) + EXPIRE_SLOT_WORD] = slot;
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2);
    times.set(this.times);
    this.times = times;
    const entries = new Int32Array(times.length);
    entries.set(this.entries);
    this.entries = entries;
  }
}
