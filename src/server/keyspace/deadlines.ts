/** Roughly what a name costs in the map and the heap, beside its own characters. */
const NAME_OVERHEAD_BYTES = 96;
const MIN_GARBAGE = 16;

/**
 * Names with a time each, and the earliest of them at hand: the fields of a hash that expire, the hashes of a db that
 * have such. Times are Unix times in ms.
 *
 * The order is kept by a binary heap, from which nothing is taken out before its turn: an entry whose time is no longer
 * the name's is passed over then, and all such are cleared away before they are the larger part.
 */
export class Deadlines {
  private times = new Map<string, number>();
  private heapTimes: number[] = [];
  private heapNames: string[] = [];
  private nameChars = 0;

  get size(): number {
    return this.times.size;
  }

  /** Estimate of the bytes held. */
  get bytes(): number {
    return this.nameChars + this.times.size * NAME_OVERHEAD_BYTES;
  }

  /** The time of a name, -1 for none. */
  timeOf(name: string): number {
    return this.times.get(name) ?? -1;
  }

  /** The earliest time, `Infinity` when there is none. */
  get first(): number {
    this.passOver();
    return this.heapTimes[0] ?? Number.POSITIVE_INFINITY;
  }

  /** A name with the earliest time. */
  get firstName(): string | undefined {
    this.passOver();
    return this.heapNames[0];
  }

  names(): IterableIterator<string> {
    return this.times.keys();
  }

  set(name: string, timeMs: number): void {
    const known = this.times.get(name);
    if (known === timeMs) return;
    if (known === undefined) this.nameChars += name.length;
    this.times.set(name, timeMs);
    this.push(name, timeMs);
    if (this.heapTimes.length > this.times.size * 2 + MIN_GARBAGE) this.rebuild();
  }

  /** Forgets a name; true when it had a time. */
  delete(name: string): boolean {
    if (!this.times.delete(name)) return false;
    this.nameChars -= name.length;
    if (this.heapTimes.length > this.times.size * 2 + MIN_GARBAGE) this.rebuild();
    return true;
  }

  /** Up to `most` names whose time is before `nowMs`, each once; they are forgotten. */
  takeBefore(nowMs: number, most: number): string[] {
    const taken: string[] = [];
    while (taken.length < most && this.first < nowMs) {
      const name = this.heapNames[0]!;
      taken.push(name);
      this.pop();
      this.times.delete(name);
      this.nameChars -= name.length;
    }
    return taken;
  }

  clone(): Deadlines {
    const copy = new Deadlines();
    copy.times = new Map(this.times);
    copy.heapTimes = this.heapTimes.slice();
    copy.heapNames = this.heapNames.slice();
    copy.nameChars = this.nameChars;
    return copy;
  }

  /** Takes from the heap's top what is no longer so. */
  private passOver(): void {
    const { heapTimes, heapNames, times } = this;
    while (heapTimes.length > 0 && times.get(heapNames[0]!) !== heapTimes[0]) this.pop();
  }

  private push(name: string, time: number): void {
    const { heapTimes, heapNames } = this;
    let at = heapTimes.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heapTimes[parent]! <= time) break;
      heapTimes[at] = heapTimes[parent]!;
      heapNames[at] = heapNames[parent]!;
      at = parent;
    }
    heapTimes[at] = time;
    heapNames[at] = name;
  }

  private pop(): void {
    const { heapTimes, heapNames } = this;
    const time = heapTimes.pop()!;
    const name = heapNames.pop()!;
    const { length } = heapTimes;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && heapTimes[child + 1]! < heapTimes[child]!) child += 1;
      if (heapTimes[child]! >= time) break;
      heapTimes[at] = heapTimes[child]!;
      heapNames[at] = heapNames[child]!;
      at = child;
    }
    heapTimes[at] = time;
    heapNames[at] = name;
  }

  private rebuild(): void {
    const sorted = [...this.times].sort(([, a], [, b]) => a - b);
    this.heapTimes = sorted.map(([, time]) => time);
    this.heapNames = sorted.map(([name]) => name);
  }
}
