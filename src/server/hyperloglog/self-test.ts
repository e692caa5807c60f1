import { DENSE_BYTES, denseRegister, setDenseRegister } from './dense.ts';
import { REGISTERS } from './hash-element.ts';
import { countRegisters, Sketch } from './sketch.ts';

/** A tenth of the original's work, which would keep other clients waiting for seconds. */
const REGISTER_ROUNDS = 100;
const ELEMENTS = 1_000_000;
const STANDARD_ERROR = 1.04 / Math.sqrt(REGISTERS);

/** PFSELFTEST: whether registers keep what they are given and counts are near the truth; a text says what is wrong. */
export function selfTest(random: (below: number) => number, sparseMaxBytes: number): string | undefined {
  return testRegisters(random) ?? testCounts(random, sparseMaxBytes);
}

function testRegisters(random: (below: number) => number): string | undefined {
  const bytes = Buffer.alloc(DENSE_BYTES);
  const wanted = new Uint8Array(REGISTERS);
  for (let round = 0; round < REGISTER_ROUNDS; round += 1) {
    for (let index = 0; index < REGISTERS; index += 1) {
      wanted[index] = random(64);
      setDenseRegister(bytes, index, wanted[index]!);
    }
    for (let index = 0; index < REGISTERS; index += 1) {
      const value = denseRegister(bytes, index);
      if (value !== wanted[index]) return `Register ${index} should be ${wanted[index]} but is ${value}`;
    }
  }
  return undefined;
}

function testCounts(random: (below: number) => number, sparseMaxBytes: number): string | undefined {
  const sketch = Sketch.empty();
  const dense = Sketch.empty();
  dense.makeDense();
  const seed = random(0x7fff_ffff);
  const element = Buffer.alloc(8);
  let checkpoint = 1;
  for (let n = 1; n <= ELEMENTS; n += 1) {
    element.writeInt32LE(n ^ seed);
    sketch.add(element, 0, 8, sparseMaxBytes);
    dense.add(element, 0, 8, sparseMaxBytes);
    if (n !== checkpoint) continue;
    if (n < sparseMaxBytes / 2 && sketch.isDense) return 'sparse encoding not used';
    const count = sketch.count();
    if (count !== dense.count() || count !== countRegisters(sketch.registers()))
      return 'dense/sparse disagree';
    const error = Math.abs(n - Number(count));
    // Ten elements that meet in a register are rare enough.
    if (error > (n === 10 ? 1 : Math.ceil(STANDARD_ERROR * 6 * n)))
      return `Too big error. card:${n} abserr:${error}`;
    checkpoint *= 10;
  }
  return undefined;
}
