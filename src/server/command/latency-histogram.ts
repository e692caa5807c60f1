/** Halves of a power of two are told apart in so many steps: two significant digits (LATENCY_HISTOGRAM_PRECISION). */
const STEPS = 128;
const STEP_BITS = 7;
const MIN_NS = 1;
/** Longer calls are counted as this long (LATENCY_HISTOGRAM_MAX_VALUE). */
const MAX_NS = 1_000_000_000;
/** From here on a power of two each is a row of LATENCY HISTOGRAM. */
const FIRST_ROW_NS = 1024;
const COUNTERS = indexOf(MAX_NS) - (indexOf(MAX_NS) % STEPS) + STEPS;
const NO_CALLS = new Uint32Array(0);

/**
 * How long the calls of a command took, in the buckets of the HdrHistogram that redis-server keeps for each
 * (latency.c, deps/hdr_histogram): exact up to 255 ns, and to 1/128 beyond.
 */
export class LatencyHistogram {
  /** Most commands are never called: counters are made at the first. */
  #counters = NO_CALLS;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Counts calls that took so long each. */
  record(ns: number, calls: number): void {
    if (this.#counters === NO_CALLS) this.#counters = new Uint32Array(COUNTERS);
    this.#counters[indexOf(Math.max(MIN_NS, Math.min(MAX_NS, ns)))]! += calls;
    this.#total += calls;
  }

  reset(): void {
    this.#counters = NO_CALLS;
    this.#total = 0;
  }

  /** Nanoseconds that so many percent of the calls took at most: the upper end of a bucket, or the lower for 0. */
  percentileNs(percent: number): number {
    const wanted = Math.max(1, Math.floor((Math.min(percent, 100) / 100) * this.#total + 0.5));
    let seen = 0;
    const index = this.#counters.findIndex((count) => (seen += count) >= wanted);
    if (index === -1) return 0;
    return percent === 0 ? lowestNs(index) : highestNs(index);
  }

  /** Rows of LATENCY HISTOGRAM: microseconds, and how many calls took at most as long; only those that add some. */
  cumulative(): (readonly [usec: number, count: number])[] {
    const rows: (readonly [number, number])[] = [];
    let seen = 0;
    let index = 0;
    for (let level = FIRST_ROW_NS; seen < this.#total; level *= 2) {
      const before = seen;
      const last = Math.min(indexOf(level), COUNTERS - 1);
      while (index <= last) seen += this.#counters[index++]!;
      if (seen > before) rows.push([Math.floor(highestNs(last) / 1000), seen]);
    }
    return rows;
  }
}

function indexOf(ns: number): number {
  const power = Math.max(0, 31 - STEP_BITS - Math.clz32(ns));
  return power * STEPS + (ns >> power);
}

function lowestNs(index: number): number {
  const power = Math.max(0, Math.floor(index / STEPS) - 1);
  return (index - power * STEPS) * 2 ** power;
}

function highestNs(index: number): number {
  return lowestNs(index + 1) - 1;
}
