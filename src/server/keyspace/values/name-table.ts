/** Up to here names are found by looking at each; a hash costs more. */
const UNINDEXED_MAX = 8;
/** Up to here a removal keeps the order of insertion, as Redis' listpacks do; beyond it the last name fills the gap. */
export const ORDERED_MAX = 128;
/** Keeps a peer from choosing names that collide; no visible order depends on it. */
const SEED = Math.floor(Math.random() * 0x7fffffff);

/**
 * The names of a hash, set or sorted set: dense positions 0…size-1, found by name through an open-addressing index of
 * typed arrays, which makes no garbage and no work for the collector.
 *
 * What belongs to a name (value, score) is kept by the owner in an array by position, changed in step through
 * `removeFromColumn`.
 *
 * **Scanning.** Names only ever move to lower positions. A scan that walks positions downwards therefore meets every
 * name that stays from its start to its end, may meet one twice, and ends however many are added (see `scan`).
 */
export class NameTable {
  names: string[] = [];
  /** Hashes by position; empty while there is no index. */
  private hashes = new Int32Array(0);
  /** Position + 1 by slot, 0 where free; linear probing. Empty while there is no index. */
  private slots = new Int32Array(0);
  private nameChars = 0;

  get size(): number {
    return this.names.length;
  }

  /** Bytes of the index and of the names' characters, without the strings' own overhead. */
  get bytes(): number {
    return this.nameChars + (this.slots.length + this.hashes.length) * 4;
  }

  /** Position of `name`, or -1. */
  find(name: string): number {
    const { slots, names } = this;
    if (slots.length === 0) {
      for (let i = 0; i < names.length; i++) if (names[i] === name) return i;
      return -1;
    }
    return this.findHashed(name, hashName(name));
  }

  /** Position of `name` when it was there, or ~position when it was appended. */
  findOrAdd(name: string): number {
    if (this.slots.length === 0) {
      const position = this.find(name);
      if (position >= 0) return position;
      this.names.push(name);
      this.nameChars += name.length;
      if (this.names.length > UNINDEXED_MAX) this.rebuild(32);
      return ~(this.names.length - 1);
    }
    const hash = hashName(name);
    const found = this.findHashed(name, hash);
    if (found >= 0) return found;
    const position = this.names.length;
    this.names.push(name);
    this.nameChars += name.length;
    if (position >= this.hashes.length) this.rebuild(this.slots.length * 2);
    else {
      this.hashes[position] = hash;
      this.occupy(hash, position);
    }
    return ~position;
  }

  /** Removes the name at `position`. The owner calls `removeFromColumn` for each of its arrays *before* this. */
  removeAt(position: number): void {
    const { names, slots, hashes } = this;
    const last = names.length - 1;
    this.nameChars -= names[position]!.length;
    if (slots.length === 0) {
      removeFromColumn(names, position);
      return;
    }
    this.vacate(this.slotOf(position));
    if (position !== last) {
      if (names.length <= ORDERED_MAX) {
        for (let i = 0; i < slots.length; i++) if (slots[i]! > position + 1) slots[i]!--;
        hashes.copyWithin(position, position + 1, names.length);
      } else {
        slots[this.slotOf(last)] = position + 1;
        hashes[position] = hashes[last]!;
      }
    }
    removeFromColumn(names, position);
    if (last <= UNINDEXED_MAX >> 1) {
      this.hashes = new Int32Array(0);
      this.slots = new Int32Array(0);
    } else if (last * 8 < slots.length && slots.length > 32) this.rebuild(slots.length >> 2);
  }

  /** One step of a scan; see `scanDown`. */
  scan(cursor: number, count: number, visit: (position: number) => void): number {
    return scanDown(this.names.length, cursor, count, visit);
  }

  clone(): NameTable {
    const copy = new NameTable();
    copy.names = this.names.slice();
    copy.hashes = this.hashes.slice();
    copy.slots = this.slots.slice();
    copy.nameChars = this.nameChars;
    return copy;
  }

  private findHashed(name: string, hash: number): number {
    const { slots, hashes, names } = this;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const position = slots[slot]! - 1;
      if (position < 0) return -1;
      if (hashes[position] === hash && names[position] === name) return position;
    }
  }

  private slotOf(position: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = this.hashes[position]! & mask;
    while (slots[slot] !== position + 1) slot = (slot + 1) & mask;
    return slot;
  }

  private occupy(hash: number, position: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = position + 1;
  }

  /** Frees a slot and moves those after it that probing would no longer reach (no tombstones). */
  private vacate(free: number): void {
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let hole = free;
    for (let slot = (hole + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = hashes[slots[slot]! - 1]! & mask;
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole] = slots[slot]!;
        hole = slot;
      }
    }
    slots[hole] = 0;
  }

  private rebuild(slotCount: number): void {
    const { names } = this;
    const hashes = new Int32Array((slotCount * 5) >> 3);
    const known = this.hashes.length === 0 ? 0 : Math.min(this.hashes.length, names.length);
    hashes.set(this.hashes.subarray(0, known));
    for (let i = known; i < names.length; i++) hashes[i] = hashName(names[i]!);
    this.hashes = hashes;
    this.slots = new Int32Array(slotCount);
    for (let i = 0; i < names.length; i++) this.occupy(hashes[i]!, i);
  }
}

/**
 * One step of a scan of `size` positions: visits them downwards from `cursor` (0 starts), at most `count`, and returns
 * the next cursor, 0 at the end.
 */
export function scanDown(
  size: number,
  cursor: number,
  count: number,
  visit: (position: number) => void,
): number {
  let position = cursor === 0 ? size : Math.min(cursor, size);
  const stop = Math.max(0, position - count);
  while (position > stop) visit(--position);
  return position;
}

/** Takes `position` out of an array that runs in step with a table's names, in the same way the table does. */
export function removeFromColumn(column: unknown[], position: number): void {
  const last = column.length - 1;
  if (position !== last) {
    if (column.length <= ORDERED_MAX) column.copyWithin(position, position + 1);
    else column[position] = column[last];
  }
  column.pop();
}

function hashName(name: string): number {
  let hash = SEED ^ name.length;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return hash ^ (hash >>> 15);
}
