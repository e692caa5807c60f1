/** A piece of the stream. Bytes once written never change, so a socket may hold a slice without a copy. */
interface Block {
  readonly bytes: Buffer;
  /** Replication offset of the first byte. */
  readonly startOffset: number;
  usedBytes: number;
  /** Cursors standing in this block: they keep it, and all after it, from being trimmed. */
  cursorCount: number;
  next: Block | null;
}

const MIN_SIZE_BYTES = 16 * 1024;
const MIN_BLOCK_BYTES = 16 * 1024;
const MAX_BLOCK_BYTES = 1024 * 1024;

/** One reader's place in the stream: each attached replica holds one and drains at its own pace. */
export interface BacklogCursor {
  /** Offset of the next byte to read. */
  readonly nextOffset: number;
  /** The next run of contiguous bytes, at most `maxBytes`, or null when nothing is left for now. */
  read(maxBytes: number): Buffer | null;
  /** Lets go of the bytes held back for this reader. Must be called when the replica leaves. */
  close(): void;
}

/**
 * The tail of the replication stream: what partial resync is served from, and the one buffer that all attached
 * replicas read from (as redis ≥ 7.0, replication.c `replBacklog`): a slow replica holds blocks back beyond the
 * configured size instead of having a copy of its own. Offsets are 1-based: `firstByteOffset` is the offset of the
 * first byte held, `firstByteOffset + histlen` that of the next byte to come.
 */
export class Backlog {
  #sizeBytes: number;
  #head: Block;
  #tail: Block;
  #firstByteOffset: number;
  #histlen = 0;
  #heldBytes = 0;

  /** `lastOffset` is the replication offset reached so far: the first byte appended gets the one after it. */
  constructor(sizeBytes: number, lastOffset: number) {
    this.#sizeBytes = Math.max(sizeBytes, MIN_SIZE_BYTES);
    this.#firstByteOffset = lastOffset + 1;
    // Never without a block: a cursor opened before the first byte must hold back what comes.
    this.#tail = this.#newBlock(0);
    this.#head = this.#tail;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get firstByteOffset(): number {
    return this.#firstByteOffset;
  }

  /** Bytes held; may exceed the size by less than a block, and by what a slow replica still has to read. */
  get histlen(): number {
    return this.#histlen;
  }

  /** Memory of all blocks. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Offset of the next byte to be appended. */
  get nextOffset(): number {
    return this.#firstByteOffset + this.#histlen;
  }

  /** Appends `bytes[start, end)` and trims what is neither within the size nor wanted by a cursor. */
  append(bytes: Uint8Array, start = 0, end = bytes.length): void {
    let from = start;
    while (from < end) {
      const block = this.#roomFor(end - from);
      const count = Math.min(end - from, block.bytes.length - block.usedBytes);
      copyBytes(bytes, from, from + count, block);
      block.usedBytes += count;
      this.#histlen += count;
      from += count;
    }
    this.#trim();
  }

  /** Changes the size; what is held stays, as far as the new size reaches (≤ 6.2 would empty it). */
  resize(sizeBytes: number): void {
    this.#sizeBytes = Math.max(sizeBytes, MIN_SIZE_BYTES);
    this.#trim();
  }

  /** Whether a stream that resumes at `offset` can be served from here. */
  holds(offset: number): boolean {
    return offset >= this.#firstByteOffset && offset <= this.nextOffset;
  }

  /** A cursor at `offset`, which must be held; throws a RangeError otherwise. */
  openCursor(offset: number): BacklogCursor {
    if (!this.holds(offset)) {
      throw new RangeError(`offset ${offset} is outside ${this.#firstByteOffset}..${this.nextOffset}`);
    }
    let block = this.#head;
    while (block.startOffset + block.usedBytes <= offset && block.next !== null) block = block.next;
    return new Cursor(block, offset, () => this.#trim());
  }

  #roomFor(wantedBytes: number): Block {
    if (this.#tail.usedBytes < this.#tail.bytes.length) return this.#tail;
    const block = this.#newBlock(wantedBytes);
    this.#tail.next = block;
    this.#tail = block;
    return block;
  }

  #newBlock(wantedBytes: number): Block {
    const usual = Math.max(MIN_BLOCK_BYTES, Math.min(64 * 1024, this.#sizeBytes >> 4));
    const bytes = Buffer.allocUnsafeSlow(Math.max(usual, Math.min(wantedBytes, MAX_BLOCK_BYTES)));
    this.#heldBytes += bytes.length;
    return {
      bytes,
      startOffset: this.nextOffset,
      usedBytes: 0,
      cursorCount: 0,
      next: null,
    };
  }

  #trim(): void {
    let head = this.#head;
    while (
      head.next !== null &&
      head.cursorCount === 0 &&
      this.#histlen - head.usedBytes >= this.#sizeBytes
    ) {
      this.#histlen -= head.usedBytes;
      this.#heldBytes -= head.bytes.length;
      this.#firstByteOffset += head.usedBytes;
      head = head.next;
    }
    this.#head = head;
  }
}

/** Copies to the end of a block. Most commands are short: a loop costs less than the view a bulk copy needs. */
function copyBytes(source: Uint8Array, start: number, end: number, block: Block): void {
  const { bytes, usedBytes } = block;
  if (end - start > 64) {
    bytes.set(source.subarray(start, end), usedBytes);
    return;
  }
  for (let from = start, to = usedBytes; from < end; from += 1, to += 1) bytes[to] = source[from] ?? 0;
}

class Cursor implements BacklogCursor {
  readonly #trim: () => void;
  #block: Block;
  #nextOffset: number;
  #isOpen = true;

  constructor(block: Block, offset: number, trim: () => void) {
    this.#trim = trim;
    this.#block = block;
    this.#nextOffset = offset;
    block.cursorCount += 1;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  read(maxBytes: number): Buffer | null {
    if (!this.#isOpen) return null;
    const block = this.#stand();
    const from = this.#nextOffset - block.startOffset;
    const count = Math.min(maxBytes, block.usedBytes - from);
    if (count <= 0) return null;
    this.#nextOffset += count;
    return block.bytes.subarray(from, from + count);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#block.cursorCount -= 1;
    this.#trim();
  }

  /** The block that holds the next byte, moved on to when the current one is read to its end. */
  #stand(): Block {
    const former = this.#block;
    let block = former;
    while (block.next !== null && this.#nextOffset >= block.startOffset + block.usedBytes) block = block.next;
    if (block !== former) {
      former.cursorCount -= 1;
      block.cursorCount += 1;
      this.#block = block;
      this.#trim();
    }
    return block;
  }
}
