/** Seeds, multipliers and rotations of four lanes of the kind that xxHash32 has (xxhash_spec.md), one each. */
const SEEDS = [0x243f6a88, 0x85a308d3 | 0, 0x13198a2e, 0x03707344] as const;

const DOUBLE = new Float64Array(1);
const WORDS = new Int32Array(DOUBLE.buffer);

/**
 * 128 bits of what is put in, in order: every word goes through four lanes that have nothing in common. For finding
 * data that differ by accident; who wants to make two things collide can. In JavaScript, since for a short key a call
 * into OpenSSL costs ten times as much as the hash.
 */
export class Hash128 {
  a = 0;
  b = 0;
  c = 0;
  d = 0;

  begin(seed: number): this {
    [this.a, this.b, this.c, this.d] = SEEDS;
    return this.word(seed);
  }

  word(word: number): this {
    this.a = laneA(this.a, word);
    this.b = laneB(this.b, word);
    this.c = laneC(this.c, word);
    this.d = laneD(this.d, word);
    return this;
  }

  /** -0 counts as 0. */
  double(value: number): this {
    DOUBLE[0] = value + 0;
    return this.word(WORDS[0]!).word(WORDS[1]!);
  }

  /** Their number, and the bytes `[start, end)`. */
  bytes(bytes: Uint8Array, start: number, end: number): this {
    this.word(end - start);
    let { a, b, c, d } = this;
    for (let at = start; at < end; at += 4) {
      let word = bytes[at]!;
      if (at + 1 < end) word |= bytes[at + 1]! << 8;
      if (at + 2 < end) word |= bytes[at + 2]! << 16;
      if (at + 3 < end) word |= bytes[at + 3]! << 24;
      a = laneA(a, word);
      b = laneB(b, word);
      c = laneC(c, word);
      d = laneD(d, word);
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    return this;
  }

  /** As `bytes`, of a binary string. */
  text(text: string): this {
    const { length } = text;
    this.word(length);
    let { a, b, c, d } = this;
    for (let at = 0; at < length; at += 4) {
      let word = text.charCodeAt(at);
      if (at + 1 < length) word |= text.charCodeAt(at + 1) << 8;
      if (at + 2 < length) word |= text.charCodeAt(at + 2) << 16;
      if (at + 3 < length) word |= text.charCodeAt(at + 3) << 24;
      a = laneA(a, word);
      b = laneB(b, word);
      c = laneC(c, word);
      d = laneD(d, word);
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    return this;
  }

  /** Lets every bit of what went in bear on every bit of `a` to `d`. */
  end(): this {
    const sum = (this.a + this.b + this.c + this.d) | 0;
    this.a = avalanche(this.a + sum);
    this.b = avalanche(this.b + sum);
    this.c = avalanche(this.c + sum);
    this.d = avalanche(this.d + sum);
    return this;
  }
}

function laneA(lane: number, word: number): number {
  const sum = (lane + Math.imul(word, 0x85ebca77)) | 0;
  return Math.imul((sum << 13) | (sum >>> 19), 0x9e3779b1);
}

function laneB(lane: number, word: number): number {
  const sum = (lane + Math.imul(word, 0xc2b2ae3d)) | 0;
  return Math.imul((sum << 15) | (sum >>> 17), 0x85ebca6b);
}

function laneC(lane: number, word: number): number {
  const sum = (lane + Math.imul(word, 0x27d4eb2f)) | 0;
  return Math.imul((sum << 11) | (sum >>> 21), 0xcc9e2d51);
}

function laneD(lane: number, word: number): number {
  const sum = (lane + Math.imul(word, 0x165667b1)) | 0;
  return Math.imul((sum << 17) | (sum >>> 15), 0x1b873593);
}

/** MurmurHash3's fmix32. */
function avalanche(lane: number): number {
  let hash = lane;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
