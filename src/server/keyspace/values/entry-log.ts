import { copyBytes } from './bulk-entry.ts';

/**
 * Memory of a large collection: entries of a name and a value side by side in segments, which are all the garbage
 * collector sees of them.
 *
 * An entry is `position · length of name · length of value` as int32 words, followed by the bytes of both. A `ref` is
 * its address, 0 for none: the segment's number above, the word within it below. It is good until the next `allocate`
 * or `free`, which move what is left of a segment that is mostly free, and tell the owner.
 *
 * A clone shares the segments; whoever writes to a shared one copies it first.
 */
export interface EntryOwner {
  /** The entry of a position is at `to` now. */
  moved(position: number, from: number, to: number): void;
}

const POSITION = 0;
const NAME = 1;
const VALUE = 2;
const HEADER_WORDS = 3;
const FREED = -1;
/** Words of a segment: what the lower half of a ref can tell apart. A larger entry has a segment of its own. */
const SEGMENT_WORDS = 1 << 16;
const FIRST_WORDS = 1 << 11;
const OWN_SEGMENT_WORDS = SEGMENT_WORDS / 4;
const SEGMENT_SHIFT = 16;
const WORD_MASK = SEGMENT_WORDS - 1;
const LOOP_BYTES = 64;

/** Words are counted from 1, so that no ref is 0. */
class Segment {
  readonly words: Int32Array;
  readonly bytes: Buffer;
  /** First word that is free. */
  top = 1;
  /** Words of entries that were not freed. */
  live = 0;
  isShared = false;

  constructor(length: number) {
    const memory = new ArrayBuffer(length * 4);
    this.words = new Int32Array(memory);
    this.bytes = Buffer.from(memory);
  }

  /** With the same entries, and room for `length` words. */
  copy(length: number): Segment {
    const copy = new Segment(length);
    copy.words.set(this.words.subarray(0, this.top));
    copy.top = this.top;
    copy.live = this.live;
    return copy;
  }
}

const NO_BYTES = Buffer.alloc(0);

export class EntryLog {
  /** Where `locateName` and `locateValue` found what was asked: bytes `[from, to)` of `at`. */
  at: Buffer = NO_BYTES;
  from = 0;
  to = 0;
  private readonly owner: EntryOwner;
  private segments: (Segment | undefined)[] = [];
  private unused: number[] = [];
  private current = 0;
  private heldWords = 0;

  constructor(owner: EntryOwner) {
    this.owner = owner;
  }

  /** Bytes held, free ones included. */
  get bytes(): number {
    return this.heldWords * 4;
  }

  /** A new entry with room for a name and a value; the caller writes them. */
  allocate(position: number, nameLength: number, valueLength: number): number {
    const ref = this.take(wordsOf(nameLength, valueLength));
    const { words } = this.segments[ref >>> SEGMENT_SHIFT]!;
    const at = ref & WORD_MASK;
    words[at + POSITION] = position;
    words[at + NAME] = nameLength;
    words[at + VALUE] = valueLength;
    return ref;
  }

  free(ref: number): void {
    const index = ref >>> SEGMENT_SHIFT;
    const size = this.size(ref);
    // The last of a segment goes with it: what is shared need not be copied for that.
    if (index !== this.current && this.segments[index]!.live === size) return this.drop(index);
    const segment = this.owned(index);
    segment.live -= size;
    segment.words[(ref & WORD_MASK) + POSITION] = FREED;
    if (index === this.current) {
      if (segment.live === 0) segment.top = 1;
    } else if (segment.live * 3 < segment.top) this.vacate(index);
  }

  position(ref: number): number {
    return this.segments[ref >>> SEGMENT_SHIFT]!.words[(ref & WORD_MASK) + POSITION]!;
  }

  setPosition(ref: number, position: number): void {
    this.owned(ref >>> SEGMENT_SHIFT).words[(ref & WORD_MASK) + POSITION] = position;
  }

  hasName(ref: number, buf: Uint8Array, start: number, end: number): boolean {
    const { words, bytes } = this.segments[ref >>> SEGMENT_SHIFT]!;
    const at = ref & WORD_MASK;
    const length = end - start;
    if (words[at + NAME] !== length) return false;
    const from = (at + HEADER_WORDS) << 2;
    if (length > 4 * LOOP_BYTES) return bytes.compare(buf, start, end, from, from + length) === 0;
    for (let i = 0; i < length; i++) if (bytes[from + i] !== buf[start + i]) return false;
    return true;
  }

  locateName(ref: number): void {
    const { words, bytes } = this.segments[ref >>> SEGMENT_SHIFT]!;
    const at = ref & WORD_MASK;
    this.at = bytes;
    this.from = (at + HEADER_WORDS) << 2;
    this.to = this.from + words[at + NAME]!;
  }

  locateValue(ref: number): void {
    const { words, bytes } = this.segments[ref >>> SEGMENT_SHIFT]!;
    const at = ref & WORD_MASK;
    this.at = bytes;
    this.from = ((at + HEADER_WORDS) << 2) + words[at + NAME]!;
    this.to = this.from + words[at + VALUE]!;
  }

  writeName(ref: number, buf: Uint8Array, start: number, end: number): void {
    const { bytes } = this.owned(ref >>> SEGMENT_SHIFT);
    copyBytes(buf, start, end, bytes, ((ref & WORD_MASK) + HEADER_WORDS) << 2);
  }

  /** Writes a value where the entry has room for it, and says whether it has. */
  writeValue(ref: number, buf: Uint8Array, start: number, end: number): boolean {
    const { words, bytes } = this.owned(ref >>> SEGMENT_SHIFT);
    const at = ref & WORD_MASK;
    const nameLength = words[at + NAME]!;
    const known = words[at + VALUE]!;
    // The size must go on following from the lengths.
    if (known !== end - start && wordsOf(nameLength, known) !== wordsOf(nameLength, end - start))
      return false;
    words[at + VALUE] = end - start;
    copyBytes(buf, start, end, bytes, ((at + HEADER_WORDS) << 2) + nameLength);
    return true;
  }

  /** The same entries for another owner. */
  clone(owner: EntryOwner): EntryLog {
    const copy = new EntryLog(owner);
    for (const segment of this.segments) if (segment !== undefined) segment.isShared = true;
    copy.segments = this.segments.slice();
    copy.unused = this.unused.slice();
    copy.current = this.current;
    copy.heldWords = this.heldWords;
    return copy;
  }

  private size(ref: number): number {
    const { words } = this.segments[ref >>> SEGMENT_SHIFT]!;
    const at = ref & WORD_MASK;
    return wordsOf(words[at + NAME]!, words[at + VALUE]!);
  }

  private owned(index: number): Segment {
    const segment = this.segments[index]!;
    if (!segment.isShared) return segment;
    const copy = segment.copy(segment.words.length);
    this.segments[index] = copy;
    return copy;
  }

  private take(size: number): number {
    const known = this.segments[this.current];
    if (known === undefined || known.top + size > known.words.length) return this.takeElsewhere(size);
    const segment = this.owned(this.current);
    const ref = (this.current << SEGMENT_SHIFT) | segment.top;
    segment.top += size;
    segment.live += size;
    return ref;
  }

  private takeElsewhere(size: number): number {
    const full = this.segments[this.current];
    if (size > OWN_SEGMENT_WORDS) {
      // The first segment is never one of those: its number is the current one's from the start.
      if (full === undefined) this.add(FIRST_WORDS);
      const index = this.add(size + 1);
      const segment = this.segments[index]!;
      segment.top = size + 1;
      segment.live = size;
      return (index << SEGMENT_SHIFT) | 1;
    }
    const isDense = full !== undefined && full.live * 2 >= full.top;
    if (isDense && full.words.length < SEGMENT_WORDS) {
      const length = Math.min(SEGMENT_WORDS, Math.max(full.words.length * 2, roundUp(full.top + size)));
      this.heldWords += length - full.words.length;
      this.segments[this.current] = full.copy(length);
    } else {
      const left = this.current;
      this.current = this.add(Math.max(full?.words.length ?? FIRST_WORDS, roundUp(size + 1)));
      if (full !== undefined && !isDense) this.vacate(left);
    }
    return this.take(size);
  }

  private add(length: number): number {
    const index = this.unused.pop() ?? this.segments.length;
    if (index >= SEGMENT_WORDS) throw new RangeError('a collection has more segments than refs can name');
    this.segments[index] = new Segment(length);
    this.heldWords += length;
    return index;
  }

  /** Moves what is left in a segment that is not the current one, and lets go of it. */
  private vacate(index: number): void {
    const { words, top } = this.segments[index]!;
    for (let at = 1; at < top;) {
      const size = wordsOf(words[at + NAME]!, words[at + VALUE]!);
      const position = words[at + POSITION]!;
      if (position !== FREED) {
        const to = this.take(size);
        const target = this.segments[to >>> SEGMENT_SHIFT]!.words;
        for (let i = 0; i < size; i++) target[(to & WORD_MASK) + i] = words[at + i]!;
        this.owner.moved(position, (index << SEGMENT_SHIFT) | at, to);
      }
      at += size;
    }
    this.drop(index);
  }

  private drop(index: number): void {
    this.heldWords -= this.segments[index]!.words.length;
    this.segments[index] = undefined;
    this.unused.push(index);
  }
}

function wordsOf(nameLength: number, valueLength: number): number {
  return HEADER_WORDS + ((nameLength + valueLength + 3) >>> 2);
}

function roundUp(words: number): number {
  return 2 ** Math.ceil(Math.log2(words));
}
