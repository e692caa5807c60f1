import { REGISTERS } from './hash-element.ts';
import { HEADER_BYTES } from './header.ts';

/**
 * Runs of equal registers, as opcodes: `00llllll` is ZERO, a run of zeros up to 64; `01llllll llllllll` is XZERO, one
 * up to 16384; `1vvvvvll` is VAL, up to four registers of a value up to 32. Lengths and values are stored less one.
 */
const XZERO = 0x40;
const VAL = 0x80;
const KIND = 0xc0;
const MAX_ZERO_RUN = 64;
const MAX_VAL_RUN = 4;
/** The highest value VAL can say. */
export const MAX_SPARSE_VALUE = 32;
/** How many opcodes are looked at, around the one that changed, for runs that can be put together. */
const MERGED_OPCODES = 5;
/** What a change may write beyond the present end. */
export const SLACK_BYTES = 8;

/** The bytes of a sparse sketch, in a buffer with `SLACK_BYTES` to spare. */
export interface SparseBytes {
  bytes: Buffer;
  length: number;
}

export type Raised = 'raised' | 'unchanged' | 'corrupt' | 'too large';

/** Writes the opcodes of an empty sketch at the end of its header; returns the whole length. */
export function writeEmptySparse(bytes: Buffer): number {
  return writeZeros(bytes, HEADER_BYTES, REGISTERS);
}

/** Calls `visit` for each run; returns how many registers they cover, which is all of them in a sound sketch. */
export function eachRun(
  bytes: Buffer,
  length: number,
  visit: (first: number, run: number, value: number) => void,
): number {
  let first = 0;
  for (let at = HEADER_BYTES; at < length; at += opcodeBytes(bytes[at]!)) {
    const run = runAt(bytes, length, at);
    visit(first, run, valueOf(bytes[at]!));
    first += run;
  }
  return first;
}

/**
 * Raises a register to `rank` (at most `MAX_SPARSE_VALUE`) by rewriting the opcode it is in, with the result the
 * original has to the byte (source: hllSparseSet in hyperloglog.c). `too large`: it would become longer than
 * `maxBytes`, and nothing was changed.
 */
export function raiseSparse(sketch: SparseBytes, index: number, rank: number, maxBytes: number): Raised {
  const { bytes, length } = sketch;
  let at = HEADER_BYTES;
  let before = HEADER_BYTES;
  let first = 0;
  let run = 0;
  while (at < length) {
    run = runAt(bytes, length, at);
    if (index < first + run) break;
    before = at;
    at += opcodeBytes(bytes[at]!);
    first += run;
  }
  if (run === 0 || at >= length) return 'corrupt';

  const opcode = bytes[at]!;
  const value = valueOf(opcode);
  if (value >= rank) return 'unchanged';
  if (run === 1 && (opcode & KIND) !== XZERO) {
    bytes[at] = valOpcode(rank, 1);
  } else {
    const added = writeSplit(value, run, index - first, rank) - opcodeBytes(opcode);
    if (added > 0 && length + added > maxBytes) return 'too large';
    const after = at + opcodeBytes(opcode);
    bytes.copyWithin(after + added, after, Math.max(after, length));
    bytes.set(split.subarray(0, added + opcodeBytes(opcode)), at);
    sketch.length += added;
  }
  mergeRuns(sketch, before);
  return 'raised';
}

/** The sketch's runs as PFDEBUG DECODE shows them. */
export function describeSparse(bytes: Buffer, length: number): string {
  const shown: string[] = [];
  for (let at = HEADER_BYTES; at < length; at += opcodeBytes(bytes[at]!)) {
    const opcode = bytes[at]!;
    const run = runAt(bytes, length, at);
    if ((opcode & VAL) !== 0) shown.push(`v:${valueOf(opcode)},${run}`);
    else shown.push((opcode & KIND) === XZERO ? `Z:${run}` : `z:${run}`);
  }
  return shown.join(' ');
}

function opcodeBytes(opcode: number): number {
  return (opcode & KIND) === XZERO ? 2 : 1;
}

/** How many registers the opcode covers; what is cut off at the end of the bytes counts as zero. */
function runAt(bytes: Buffer, length: number, at: number): number {
  const opcode = bytes[at]!;
  if ((opcode & VAL) !== 0) return (opcode & 3) + 1;
  if ((opcode & KIND) === 0) return opcode + 1;
  return (((opcode & 0x3f) << 8) | (at + 1 < length ? bytes[at + 1]! : 0)) + 1;
}

function valueOf(opcode: number): number {
  return (opcode & VAL) === 0 ? 0 : ((opcode >> 2) & 0x1f) + 1;
}

function valOpcode(value: number, run: number): number {
  return VAL | ((value - 1) << 2) | (run - 1);
}

/** Writes a run of zeros in the shortest way, nothing for an empty one; returns where it ends. */
function writeZeros(target: Buffer, at: number, run: number): number {
  if (run === 0) return at;
  if (run <= MAX_ZERO_RUN) {
    target[at] = run - 1;
    return at + 1;
  }
  target[at] = XZERO | ((run - 1) >> 8);
  target[at + 1] = (run - 1) & 0xff;
  return at + 2;
}

const split = Buffer.alloc(5);

/** Fills `split` with a run whose register `at` has become `rank`; returns its length. */
function writeSplit(value: number, run: number, at: number, rank: number): number {
  let end = writeRun(0, value, at);
  split[end] = valOpcode(rank, 1);
  end = writeRun(end + 1, value, run - at - 1);
  return end;
}

function writeRun(at: number, value: number, run: number): number {
  if (value === 0) return writeZeros(split, at, run);
  if (run === 0) return at;
  split[at] = valOpcode(value, run);
  return at + 1;
}

/** Puts neighbouring runs of one value together, from the opcode before the changed one on. */
function mergeRuns(sketch: SparseBytes, from: number): void {
  const { bytes } = sketch;
  let at = from;
  for (let left = MERGED_OPCODES; at < sketch.length && left > 0; left -= 1) {
    const opcode = bytes[at]!;
    const next = at + 1 < sketch.length ? bytes[at + 1]! : 0;
    const run = (opcode & 3) + (next & 3) + 2;
    const isMergeable = (opcode & next & VAL) !== 0 && opcode >> 2 === next >> 2 && run <= MAX_VAL_RUN;
    if (!isMergeable) {
      at += opcodeBytes(opcode);
      continue;
    }
    bytes.copyWithin(at, at + 1, sketch.length);
    bytes[at] = valOpcode(valueOf(opcode), run);
    sketch.length -= 1;
  }
}
