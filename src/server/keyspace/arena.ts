/**
 * Memory for entries: 1 MB segments carved into blocks of 8-byte units, addressed by one int32 (0 is null), so that a
 * million entries are a hundred objects to the garbage collector. Freed blocks go to a list per size class.
 * Everything too large for a block is a *blob*: a Buffer of its own, named by an index.
 */
const SEGMENT_BITS = 17;
export const SEGMENT_UNITS = 1 << SEGMENT_BITS;
/** `segments[address >>> SEGMENT_SHIFT]` holds a block, from byte `(address & UNIT_MASK) << 3` on. */
export const SEGMENT_SHIFT = SEGMENT_BITS;
export const UNIT_MASK = SEGMENT_UNITS - 1;

/** Classes 1..64 are that many units; above, eight steps per doubling up to MAX_UNITS. */
const LINEAR_CLASSES = 64;
const MAX_UNITS = 2048;
export const MAX_BLOCK_BYTES = MAX_UNITS * 8;

const CLASS_UNITS = buildClasses();
const CLASS_COUNT = CLASS_UNITS.length;

function buildClasses(): Int32Array {
  const units: number[] = [];
  for (let size = 0; size <= LINEAR_CLASSES; size += 1) units.push(size);
  for (let base = LINEAR_CLASSES; base < MAX_UNITS; base *= 2) {
    for (let step = 1; step <= 8; step += 1) units.push(base + (base / 8) * step);
  }
  return Int32Array.from(units);
}

/** The smallest class that holds `bytes`; `bytes` must not exceed MAX_BLOCK_BYTES. */
export function classFor(bytes: number): number {
  const units = (bytes + 7) >>> 3;
  if (units <= LINEAR_CLASSES) return units;
  let base = LINEAR_CLASSES;
  let first = LINEAR_CLASSES;
  while (units > base * 2) {
    base *= 2;
    first += 8;
  }
  return first + Math.ceil((units - base) / (base / 8));
}

/** Bytes a block of `sizeClass` holds. */
export function classBytes(sizeClass: number): number {
  return CLASS_UNITS[sizeClass]! * 8;
}

export class Arena {
  readonly words: Int32Array[] = [];
  readonly bytes: Buffer[] = [];
  readonly blobs: (Buffer | undefined)[] = [];
  /** Bytes handed out, blobs included. */
  usedBytes = 0;
  private top = 0;
  private limit = 0;
  private readonly free = new Int32Array(CLASS_COUNT);
  private readonly freeBlobs: number[] = [];

  /** Address of a block of `sizeClass`; its content is undefined. */
  allocate(sizeClass: number): number {
    const units = CLASS_UNITS[sizeClass]!;
    this.usedBytes += units * 8;
    const head = this.free[sizeClass]!;
    if (head !== 0) {
      this.free[sizeClass] = this.words[head >>> SEGMENT_SHIFT]![(head & UNIT_MASK) << 1]!;
      return head;
    }
    if (this.top + units > this.limit) {
      const split = this.splitLarger(sizeClass);
      if (split !== 0) return split;
      this.addSegment();
    }
    const address = this.top;
    this.top += units;
    return address;
  }

  release(address: number, sizeClass: number): void {
    this.usedBytes -= CLASS_UNITS[sizeClass]! * 8;
    this.pushFree(address, sizeClass);
  }

  addBlob(blob: Buffer): number {
    this.usedBytes += blob.length;
    const index = this.freeBlobs.pop() ?? this.blobs.length;
    this.blobs[index] = blob;
    return index;
  }

  replaceBlob(index: number, blob: Buffer): void {
    this.usedBytes += blob.length - this.blobs[index]!.length;
    this.blobs[index] = blob;
  }

  removeBlob(index: number): void {
    this.usedBytes -= this.blobs[index]!.length;
    this.blobs[index] = undefined;
    this.freeBlobs.push(index);
  }

  private pushFree(address: number, sizeClass: number): void {
    this.words[address >>> SEGMENT_SHIFT]![(address & UNIT_MASK) << 1] = this.free[sizeClass]!;
    this.free[sizeClass] = address;
  }

  /** Before a new segment is taken, a freed block at least twice as large is cut in two. */
  private splitLarger(sizeClass: number): number {
    const units = CLASS_UNITS[sizeClass]!;
    for (let larger = classFor(Math.min(units * 16, MAX_BLOCK_BYTES)); larger < CLASS_COUNT; larger += 1) {
      const head = this.free[larger]!;
      if (head === 0 || CLASS_UNITS[larger]! < units * 2) continue;
      this.free[larger] = this.words[head >>> SEGMENT_SHIFT]![(head & UNIT_MASK) << 1]!;
      this.freeRange(head + units, CLASS_UNITS[larger]! - units);
      return head;
    }
    return 0;
  }

  private freeRange(from: number, units: number): void {
    let address = from;
    let rest = units;
    while (rest > 0) {
      let sizeClass = rest <= MAX_UNITS ? classFor(rest * 8) : CLASS_COUNT - 1;
      if (CLASS_UNITS[sizeClass]! > rest) sizeClass -= 1;
      this.pushFree(address, sizeClass);
      address += CLASS_UNITS[sizeClass]!;
      rest -= CLASS_UNITS[sizeClass]!;
    }
  }

  private addSegment(): void {
    if (this.limit > this.top) this.freeRange(this.top, this.limit - this.top);
    const memory = new ArrayBuffer(SEGMENT_UNITS * 8);
    const index = this.words.length;
    this.words.push(new Int32Array(memory));
    this.bytes.push(Buffer.from(memory));
    // Address 0 means "none", so the first unit of the first segment stays unused.
    this.top = index * SEGMENT_UNITS + (index === 0 ? 1 : 0);
    this.limit = (index + 1) * SEGMENT_UNITS;
  }
}
