import { describe, expect, it } from 'vitest';
import { DENSE_BYTES } from '../../../src/server/hyperloglog/dense.ts';
import { placeOf, REGISTERS } from '../../../src/server/hyperloglog/hash-element.ts';
import { selfTest } from '../../../src/server/hyperloglog/self-test.ts';
import { CorruptSketchError, countRegisters, Sketch } from '../../../src/server/hyperloglog/sketch.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const MAX_BYTES = 3000;
const MASK_64 = 2n ** 64n - 1n;
const M = 0xc6a4a7935bd1e995n;

/** MurmurHash64A written down with bigints. */
function hash(data: Buffer): bigint {
  let h = 0xadc83b19n ^ ((BigInt(data.length) * M) & MASK_64);
  const whole = data.length - (data.length % 8);
  for (let at = 0; at < whole; at += 8) {
    let k = (data.readBigUInt64LE(at) * M) & MASK_64;
    k = ((k ^ (k >> 47n)) * M) & MASK_64;
    h = ((h ^ k) * M) & MASK_64;
  }
  const rest = data.subarray(whole);
  for (const [index, byte] of rest.entries()) h ^= BigInt(byte) << BigInt(8 * index);
  if (rest.length > 0) h = (h * M) & MASK_64;
  h = ((h ^ (h >> 47n)) * M) & MASK_64;
  return h ^ (h >> 47n);
}

function expectedPlace(data: Buffer): { readonly index: number; readonly rank: number } {
  const h = hash(data);
  let rest = (h >> 14n) | (1n << 50n);
  let rank = 1;
  for (; (rest & 1n) === 0n; rest >>= 1n) rank += 1;
  return { index: Number(h & 16383n), rank };
}

function addText(sketch: Sketch, text: string, maxBytes = MAX_BYTES): boolean {
  const bytes = Buffer.from(text);
  return sketch.add(bytes, 0, bytes.length, maxBytes);
}

function ofBytes(hex: string): Sketch {
  const sketch = Sketch.of(Buffer.from(hex, 'hex'));
  if (sketch === undefined) throw new Error('no sketch');
  return sketch;
}

const HEADER = '48594c4c010000000000000000000000';

describe('placeOf', () => {
  it('hashes as MurmurHash64A, whatever the length and the place in the buffer', () => {
    const random = new SeededRandom(1);
    for (let n = 0; n < 3000; n += 1) {
      const data = Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)));
      const around = Buffer.concat([Buffer.from('abc'), data, Buffer.from('xyz')]);
      const place = placeOf(around, 3, 3 + data.length);
      expect({ index: place & 16383, rank: place >> 14 }).toEqual(expectedPlace(data));
    }
  });
});

describe('Sketch', () => {
  it('begins as one run of zeros', () => {
    const sketch = Sketch.empty();
    expect(sketch.bytes.toString('hex', 0, sketch.length)).toBe(`${HEADER}7fff`);
    expect(sketch.describe()).toBe('Z:16384');
    expect(sketch.count()).toBe(0n);
  });

  it('holds in either form the highest rank of every register', () => {
    const random = new SeededRandom(2);
    for (const maxBytes of [0, 100, 3000, 100_000]) {
      const sketch = Sketch.empty();
      const registers = new Uint8Array(REGISTERS);
      for (let n = 0; n < 4000; n += 1) {
        const element = Buffer.from(`e${random.below(6000)}`);
        const { index, rank } = expectedPlace(element);
        const isHigher = rank > registers[index]!;
        registers[index] = Math.max(registers[index]!, rank);
        expect(sketch.add(element, 0, element.length, maxBytes)).toBe(isHigher);
      }
      expect(Buffer.from(sketch.registers()).equals(registers)).toBe(true);
      expect(sketch.isDense).toBe(maxBytes < 5000);
      expect(sketch.count()).toBe(countRegisters(registers));
      if (!sketch.isDense) expect(sketch.length).toBeLessThanOrEqual(maxBytes);
    }
  });

  it('counts within the error it promises', () => {
    expect(selfTest((below) => Math.floor(below / 3), MAX_BYTES)).toBeUndefined();
  });

  it('knows its count until something is added', () => {
    const sketch = Sketch.empty();
    addText(sketch, 'a');
    expect(sketch.knownCount).toBeUndefined();
    expect(sketch.count()).toBe(1n);
    expect(addText(sketch, 'a')).toBe(false);
    expect(sketch.knownCount).toBe(1n);
    addText(sketch, 'b');
    expect(sketch.knownCount).toBeUndefined();
  });

  it('puts runs of one value together, four at most', () => {
    const sketch = Sketch.empty();
    const registers = new Uint8Array(REGISTERS);
    registers.fill(3, 10, 19);
    registers[16383] = 32;
    sketch.raiseAll(registers, MAX_BYTES);
    expect(sketch.describe()).toBe('z:10 v:3,4 v:3,4 v:3,1 Z:16364 v:32,1');
    registers.fill(0).fill(5, 12, 13);
    sketch.raiseAll(registers, MAX_BYTES);
    expect(sketch.describe()).toBe('z:10 v:3,2 v:5,1 v:3,1 v:3,4 v:3,1 Z:16364 v:32,1');
  });

  it('becomes dense for a value that no opcode can say', () => {
    const sketch = Sketch.empty();
    const registers = new Uint8Array(REGISTERS);
    registers[7] = 33;
    sketch.raiseAll(registers, MAX_BYTES);
    expect(sketch).toMatchObject({ isDense: true, length: DENSE_BYTES });
    expect(Buffer.from(sketch.registers()).equals(registers)).toBe(true);
  });

  it('answers for registers beyond any hash as the original does', () => {
    expect(countRegisters(new Uint8Array(REGISTERS).fill(51))).toBe(-(2n ** 63n));
    expect(countRegisters(new Uint8Array(REGISTERS).fill(48))).toBeGreaterThan(2n ** 61n);
  });

  it('is no sketch without the magic, a known encoding and, when dense, its length', () => {
    expect(Sketch.of(Buffer.from(HEADER.slice(0, 30), 'hex'))).toBeUndefined();
    expect(Sketch.of(Buffer.from(`58${HEADER.slice(2)}7fff`, 'hex'))).toBeUndefined();
    expect(Sketch.of(Buffer.from(`48594c4c02${HEADER.slice(10)}7fff`, 'hex'))).toBeUndefined();
    expect(Sketch.of(Buffer.from(`48594c4c00${HEADER.slice(10)}7fff`, 'hex'))).toBeUndefined();
  });

  it('refuses runs that do not cover all registers, or more', () => {
    for (const runs of ['', '7ffe', '7f', '7fff00', '7fff80', '40', '80', 'ff'.repeat(5000)]) {
      const sketch = ofBytes(HEADER + runs);
      expect(() => sketch.count(), runs.slice(0, 10)).toThrow(CorruptSketchError);
    }
    expect(() => addText(ofBytes(HEADER), 'a')).toThrow(CorruptSketchError);
    expect(() => ofBytes(`${HEADER}7ffe`).makeDense()).toThrow(CorruptSketchError);
  });

  it('survives any bytes behind its header', () => {
    const random = new SeededRandom(3);
    for (let n = 0; n < 2000; n += 1) {
      const body = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
      const sketch = Sketch.of(Buffer.concat([Buffer.from(HEADER, 'hex'), body]));
      expect(sketch).toBeDefined();
      try {
        for (let k = 0; k < 20; k += 1) addText(sketch!, `x${k}`, random.below(80));
        sketch?.registers();
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptSketchError);
      }
    }
  });
});
