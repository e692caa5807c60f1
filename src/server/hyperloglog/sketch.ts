import { countDense, DENSE_BYTES, denseRegister, raiseDense, setDenseRegister } from './dense.ts';
import { estimate } from './estimate.ts';
import { INDEX_BITS, placeOf, REGISTERS } from './hash-element.ts';
import {
  DENSE,
  dropCount,
  encodingOf,
  hasMagic,
  HEADER_BYTES,
  readCount,
  SPARSE,
  writeCount,
  writeHeader,
} from './header.ts';
import {
  describeSparse,
  eachRun,
  MAX_SPARSE_VALUE,
  raiseSparse,
  SLACK_BYTES,
  writeEmptySparse,
} from './sparse.ts';

/** Values a register of six bits can hold, whatever the hash can give. */
const VALUES = 64;

/** The runs of a sparse sketch do not cover its registers: someone wrote into the string. */
export class CorruptSketchError extends Error {}

/**
 * A HyperLogLog: a string of Redis' own sparse or dense form, byte for byte, since it travels as one (source:
 * hyperloglog.c of Redis 7.2). It begins sparse and becomes dense, for good, when a value or its size asks for it.
 */
export class Sketch {
  /** Holds the sketch in its first `length` bytes. */
  bytes: Buffer;
  length: number;

  private constructor(bytes: Buffer, length: number) {
    this.bytes = bytes;
    this.length = length;
  }

  /** One that has seen nothing. */
  static empty(): Sketch {
    const bytes = Buffer.alloc(HEADER_BYTES + 2 + SLACK_BYTES);
    writeHeader(bytes, SPARSE);
    return new Sketch(bytes, writeEmptySparse(bytes));
  }

  /**
   * The sketch in a string, undefined when it is none. A dense one works on these very bytes; a sparse one, which may
   * grow, on a copy.
   */
  static of(bytes: Buffer): Sketch | undefined {
    if (!hasMagic(bytes)) return undefined;
    const encoding = encodingOf(bytes);
    if (encoding === DENSE) return bytes.length === DENSE_BYTES ? new Sketch(bytes, DENSE_BYTES) : undefined;
    if (encoding !== SPARSE) return undefined;
    const copy = Buffer.allocUnsafe(bytes.length + SLACK_BYTES);
    copy.set(bytes);
    return new Sketch(copy, bytes.length);
  }

  get isDense(): boolean {
    return encodingOf(this.bytes) === DENSE;
  }

  /** Adds an element; whether that changed anything. Throws CorruptSketchError. */
  add(buf: Uint8Array, start: number, end: number, sparseMaxBytes: number): boolean {
    const place = placeOf(buf, start, end);
    return this.raise(place & (REGISTERS - 1), place >> INDEX_BITS, sparseMaxBytes);
  }

  /** Raises every register to that of `registers`, and forgets the count even when none was higher. */
  raiseAll(registers: Uint8Array, sparseMaxBytes: number): void {
    for (let index = 0; index < REGISTERS; index += 1) {
      const rank = registers[index]!;
      if (rank > 0) this.raise(index, rank, sparseMaxBytes);
    }
    this.dropCount();
  }

  /** Raises each of `registers` to what this sketch holds. Throws CorruptSketchError. */
  mergeInto(registers: Uint8Array): void {
    if (this.isDense) {
      for (let index = 0; index < REGISTERS; index += 1)
        raiseTo(registers, index, denseRegister(this.bytes, index));
      return;
    }
    const covered = eachRun(this.bytes, this.length, (first, run, value) => {
      if (value === 0) return;
      const end = Math.min(first + run, REGISTERS);
      for (let index = first; index < end; index += 1) raiseTo(registers, index, value);
    });
    if (covered !== REGISTERS) throw new CorruptSketchError();
  }

  /** The count known from before; undefined when it has to be worked out. */
  get knownCount(): bigint | undefined {
    return readCount(this.bytes);
  }

  /** Works the count out and keeps it in the header. Throws CorruptSketchError. */
  count(): bigint {
    const histogram = new Uint32Array(VALUES);
    if (this.isDense) {
      countDense(this.bytes, histogram);
    } else {
      const covered = eachRun(this.bytes, this.length, (_first, run, value) => {
        histogram[value]! += run;
      });
      if (covered !== REGISTERS) throw new CorruptSketchError();
    }
    const count = estimate(histogram);
    writeCount(this.bytes, count);
    return count;
  }

  /** Registers in order. */
  registers(): Uint8Array {
    const registers = new Uint8Array(REGISTERS);
    this.mergeInto(registers);
    return registers;
  }

  /** Says that the count is out of date. */
  dropCount(): void {
    dropCount(this.bytes);
  }

  /** A sparse sketch's opcodes in words. */
  describe(): string {
    return describeSparse(this.bytes, this.length);
  }

  /** Changes the form; the count stays. Throws CorruptSketchError. */
  makeDense(): void {
    if (this.isDense) return;
    const dense = Buffer.alloc(DENSE_BYTES);
    dense.set(this.bytes.subarray(0, HEADER_BYTES));
    writeHeader(dense, DENSE);
    const registers = this.registers();
    for (let index = 0; index < REGISTERS; index += 1) setDenseRegister(dense, index, registers[index]!);
    this.bytes = dense;
    this.length = DENSE_BYTES;
  }

  private raise(index: number, rank: number, sparseMaxBytes: number): boolean {
    if (!this.isDense) {
      this.reserve(sparseMaxBytes);
      const raised = rank > MAX_SPARSE_VALUE ? 'too large' : raiseSparse(this, index, rank, sparseMaxBytes);
      if (raised === 'corrupt') throw new CorruptSketchError();
      if (raised === 'unchanged') return false;
      if (raised === 'raised') {
        dropCount(this.bytes);
        return true;
      }
      this.makeDense();
    }
    if (!raiseDense(this.bytes, index, rank)) return false;
    dropCount(this.bytes);
    return true;
  }

  private reserve(sparseMaxBytes: number): void {
    if (this.length + SLACK_BYTES <= this.bytes.length) return;
    const wanted = this.length + Math.max(this.length, SLACK_BYTES);
    const larger = Buffer.alloc(Math.max(Math.min(wanted, sparseMaxBytes), this.length) + SLACK_BYTES);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

function raiseTo(registers: Uint8Array, index: number, value: number): void {
  if (value > registers[index]!) registers[index] = value;
}

/** How many elements the union of sketches has seen, from its registers. */
export function countRegisters(registers: Uint8Array): bigint {
  const histogram = new Uint32Array(VALUES);
  for (const value of registers) histogram[value]! += 1;
  return estimate(histogram);
}
