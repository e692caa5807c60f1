import { hashBytes } from '../hash-bytes.ts';
import { EntryLog, type EntryOwner } from './entry-log.ts';

const MIN_SLOTS = 512;
/** Keeps a peer from choosing names that collide; no visible order depends on it. */
const SEED = Math.floor(Math.random() * 0x7fffffff);

/**
 * What `NameTable` is to a small collection, for a large one: names with their values at dense positions 0…size-1, all
 * in bytes outside of the collector's heap. Names and values go in as byte ranges.
 *
 * Found by name through open addressing; a slot is a ref and its hash, side by side. A removal fills the gap with the
 * last name, and scans go downwards as those of `NameTable` do, with its guarantees.
 */
export class PackedTable implements EntryOwner {
  private log = new EntryLog(this);
  private refs = new Int32Array(MIN_SLOTS / 2);
  private count = 0;
  private slots = new Int32Array(MIN_SLOTS * 2);
  private mask = MIN_SLOTS - 1;
  private lastHash = 0;

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.log.bytes + this.refs.byteLength + this.slots.byteLength;
  }

  /** The last bytes asked for are `[from, to)` of `at`, good until the table changes. */
  get at(): Buffer {
    return this.log.at;
  }

  get from(): number {
    return this.log.from;
  }

  get to(): number {
    return this.log.to;
  }

  /** Position of a name, or -1. */
  find(buf: Uint8Array, start: number, end: number): number {
    const slot = this.findSlot(buf, start, end);
    return slot < 0 ? -1 : this.log.position(this.slots[slot * 2]!);
  }

  /** `find` of a binary string. */
  findText(name: string): number {
    const buf = scratchFor(name.length);
    buf.latin1Write(name, 0);
    return this.find(buf, 0, name.length);
  }

  /** Sets a name's value and says whether the name is new; then its position is the last. */
  set(
    buf: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    const { log } = this;
    const slot = this.findSlot(buf, start, end);
    if (slot >= 0) {
      const ref = this.slots[slot * 2]!;
      if (log.writeValue(ref, value, valueStart, valueEnd)) return false;
      const position = log.position(ref);
      const moved = log.allocate(position, end - start, valueEnd - valueStart);
      log.writeName(moved, buf, start, end);
      log.writeValue(moved, value, valueStart, valueEnd);
      // Where the old entry is now: the new one's allocation may have moved it.
      const old = this.slots[slot * 2]!;
      this.slots[slot * 2] = moved;
      this.refs[position] = moved;
      log.free(old);
      return false;
    }
    this.add(~slot, buf, start, end, value, valueStart, valueEnd);
    return true;
  }

  /** Position of a name when it was there, or ~position when it was appended, without a value. */
  findOrAdd(buf: Uint8Array, start: number, end: number): number {
    const slot = this.findSlot(buf, start, end);
    if (slot >= 0) return this.log.position(this.slots[slot * 2]!);
    this.add(~slot, buf, start, end, buf, end, end);
    return ~(this.count - 1);
  }

  /** `set` of binary strings. */
  setText(name: string, value: string): boolean {
    const middle = name.length;
    const end = middle + value.length;
    const buf = scratchFor(end);
    buf.latin1Write(name, 0);
    buf.latin1Write(value, middle);
    return this.set(buf, 0, middle, buf, middle, end);
  }

  removeAt(position: number): void {
    const { refs, log } = this;
    const ref = refs[position]!;
    const last = --this.count;
    this.vacate(this.slotOf(ref));
    if (position !== last) {
      const moved = refs[last]!;
      refs[position] = moved;
      log.setPosition(moved, position);
    }
    log.free(ref);
    const slotCount = this.mask + 1;
    if (last * 8 >= slotCount || slotCount <= MIN_SLOTS) return;
    this.rebuild(slotCount >> 2);
    this.refs = this.refs.slice(0, Math.max(MIN_SLOTS / 2, last * 2));
  }

  /** Points `at`, `from` and `to` to the bytes of a name. */
  locateName(position: number): void {
    this.log.locateName(this.refs[position]!);
  }

  /** Points `at`, `from` and `to` to the bytes of a value. */
  locateValue(position: number): void {
    this.log.locateValue(this.refs[position]!);
  }

  nameAt(position: number): string {
    this.locateName(position);
    return this.log.at.latin1Slice(this.log.from, this.log.to);
  }

  valueAt(position: number): string {
    this.locateValue(position);
    return this.log.at.latin1Slice(this.log.from, this.log.to);
  }

  clone(): PackedTable {
    const copy = new PackedTable();
    copy.log = this.log.clone(copy);
    copy.refs = this.refs.slice();
    copy.count = this.count;
    copy.slots = this.slots.slice();
    copy.mask = this.mask;
    return copy;
  }

  moved(position: number, from: number, to: number): void {
    const slot = this.slotOf(from, to);
    this.slots[slot * 2] = to;
    this.refs[position] = to;
  }

  /** Appends a name that `findSlot` just did not find, and would have in `slot`. */
  private add(
    slot: number,
    buf: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const { log, lastHash } = this;
    const position = this.count;
    const ref = log.allocate(position, end - start, valueEnd - valueStart);
    log.writeName(ref, buf, start, end);
    log.writeValue(ref, value, valueStart, valueEnd);
    this.slots[slot * 2] = ref;
    this.slots[slot * 2 + 1] = lastHash;
    if (position === this.refs.length) this.refs = enlarged(this.refs, position * 2);
    this.refs[position] = ref;
    this.count++;
    if (this.count * 8 > (this.mask + 1) * 5) this.rebuild((this.mask + 1) * 2);
  }

  /** The slot of a name, or ~slot where it would go. */
  private findSlot(buf: Uint8Array, start: number, end: number): number {
    const { slots, mask, log } = this;
    const hash = hashBytes(buf, start, end, SEED);
    this.lastHash = hash;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const ref = slots[slot * 2]!;
      if (ref === 0) return ~slot;
      if (slots[slot * 2 + 1] === hash && log.hasName(ref, buf, start, end)) return slot;
    }
  }

  /** The slot that holds `ref`, whose name is (also) at `nameRef`. */
  private slotOf(ref: number, nameRef = ref): number {
    const { slots, mask, log } = this;
    log.locateName(nameRef);
    let slot = hashBytes(log.at, log.from, log.to, SEED) & mask;
    while (slots[slot * 2] !== ref) slot = (slot + 1) & mask;
    return slot;
  }

  /** Frees a slot and moves those after it that probing would no longer reach (no tombstones). */
  private vacate(free: number): void {
    const { slots, mask } = this;
    let hole = free;
    for (let slot = (hole + 1) & mask; slots[slot * 2] !== 0; slot = (slot + 1) & mask) {
      const home = slots[slot * 2 + 1]! & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      slots[hole * 2] = slots[slot * 2]!;
      slots[hole * 2 + 1] = slots[slot * 2 + 1]!;
      hole = slot;
    }
    slots[hole * 2] = 0;
  }

  private rebuild(slotCount: number): void {
    const old = this.slots;
    const slots = new Int32Array(slotCount * 2);
    const mask = slotCount - 1;
    for (let from = 0; from < old.length; from += 2) {
      if (old[from] === 0) continue;
      let slot = old[from + 1]! & mask;
      while (slots[slot * 2] !== 0) slot = (slot + 1) & mask;
      slots[slot * 2] = old[from]!;
      slots[slot * 2 + 1] = old[from + 1]!;
    }
    this.slots = slots;
    this.mask = mask;
  }
}

const scratch = Buffer.allocUnsafeSlow(1024);

/** A buffer to put strings into on their way to the table; a long one is not kept. */
function scratchFor(length: number): Buffer {
  return length <= scratch.length ? scratch : Buffer.allocUnsafeSlow(length);
}

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
