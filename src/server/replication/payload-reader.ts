/** How the RDB of a full resync is delimited. */
export type PayloadFraming =
  | { readonly kind: 'length'; readonly lengthBytes: number }
  /** Until these 40 bytes: the master streams the RDB while it makes it. */
  | { readonly kind: 'eof'; readonly mark: string };

export interface PayloadEvents {
  framing(framing: PayloadFraming): void;
  /** Bytes of the RDB. */
  data(chunk: Uint8Array): void;
  /** The RDB is complete; `rest` is what followed it: the stream. */
  end(rest: Uint8Array): void;
  /** The header is not one: an error reply, or nonsense. */
  refused(line: string): void;
}

const MARK_BYTES = 40;
const MAX_HEADER_BYTES = 4096;
const LF = 0x0a;

/**
 * Cuts the payload of a full resync out of the bytes a master sends: newlines while it prepares, a header, the RDB.
 * The mark may be split over any number of chunks.
 */
export class PayloadReader {
  readonly #events: PayloadEvents;
  #header = '';
  #remainingBytes = 0;
  #mark: Buffer | null = null;
  /** Last bytes received, which may be the beginning of the mark. */
  #tail: Buffer = Buffer.alloc(0);
  #phase: 'header' | 'length' | 'eof' | 'done' = 'header';

  constructor(events: PayloadEvents) {
    this.#events = events;
  }

  /** Takes the next bytes from the wire. After `end` or `refused` nothing more is looked at. */
  feed(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#phase === 'header') rest = this.#readHeader(rest);
    if (this.#phase === 'length') this.#readLength(rest);
    else if (this.#phase === 'eof') this.#readUntilMark(rest);
  }

  #readHeader(chunk: Uint8Array): Uint8Array {
    for (let from = 0; from < chunk.length;) {
      const at = chunk.indexOf(LF, from);
      const end = at === -1 ? chunk.length : at;
      this.#header += Buffer.from(chunk.buffer, chunk.byteOffset + from, end - from).toString('latin1');
      if (this.#header.length > MAX_HEADER_BYTES) {
        this.#refuse(this.#header.slice(0, 64));
        return chunk.subarray(chunk.length);
      }
      if (at === -1) return chunk.subarray(chunk.length);
      from = at + 1;
      const line = this.#header.replace(/\r$/, '');
      this.#header = '';
      if (line === '') continue;
      this.#begin(line);
      return chunk.subarray(from);
    }
    return chunk.subarray(chunk.length);
  }

  #begin(line: string): void {
    if (line.startsWith('$EOF:') && line.length === 5 + MARK_BYTES) {
      const mark = line.slice(5);
      this.#mark = Buffer.from(mark, 'latin1');
      this.#phase = 'eof';
      this.#events.framing({ kind: 'eof', mark });
    } else if (/^\$\d{1,15}$/.test(line)) {
      this.#remainingBytes = Number(line.slice(1));
      this.#phase = 'length';
      this.#events.framing({ kind: 'length', lengthBytes: this.#remainingBytes });
    } else {
      this.#refuse(line);
    }
  }

  #refuse(line: string): void {
    this.#phase = 'done';
    this.#events.refused(line);
  }

  #readLength(chunk: Uint8Array): void {
    const count = Math.min(this.#remainingBytes, chunk.length);
    if (count > 0) this.#events.data(chunk.subarray(0, count));
    this.#remainingBytes -= count;
    if (this.#remainingBytes > 0) return;
    this.#phase = 'done';
    this.#events.end(chunk.subarray(count));
  }

  #readUntilMark(chunk: Uint8Array): void {
    const mark = this.#mark;
    if (mark === null || chunk.length === 0) return;
    // The mark, if it began earlier, ends in the first bytes of this chunk; the seam is looked at first.
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, MARK_BYTES)]);
    const atSeam = seam.indexOf(mark);
    if (atSeam !== -1) {
      this.#emit(seam.subarray(0, atSeam));
      this.#finish(chunk.subarray(atSeam + MARK_BYTES - this.#tail.length));
      return;
    }
    const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).indexOf(mark);
    if (at !== -1) {
      this.#emit(this.#tail);
      this.#emit(chunk.subarray(0, at));
      this.#finish(chunk.subarray(at + MARK_BYTES));
      return;
    }
    if (this.#tail.length + chunk.length < MARK_BYTES) {
      this.#tail = Buffer.concat([this.#tail, chunk]);
      return;
    }
    const keepBytes = MARK_BYTES - 1;
    if (chunk.length >= keepBytes) {
      this.#emit(this.#tail);
      this.#emit(chunk.subarray(0, chunk.length - keepBytes));
      this.#tail = Buffer.from(chunk.subarray(chunk.length - keepBytes));
    } else {
      const both = Buffer.concat([this.#tail, chunk]);
      this.#emit(both.subarray(0, both.length - keepBytes));
      this.#tail = Buffer.from(both.subarray(both.length - keepBytes));
    }
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#events.data(bytes);
  }

  #finish(rest: Uint8Array): void {
    this.#phase = 'done';
    this.#events.end(rest);
  }
}
