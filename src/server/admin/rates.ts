import type { Server } from '../server.ts';

const SAMPLES = 16;

interface Sample {
  readonly atMs: number;
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly replInputBytes: number;
  readonly replOutputBytes: number;
  readonly cycles: number;
  readonly cycleMs: number;
}

/** How much happens a second, over the last 16 ticks of 100 ms. */
export class Rates {
  #samples: Sample[] = [];

  attach(server: Server): void {
    server.onTick.push(() => {
      const { commandsProcessed, cycles, cycleMs } = server.stats;
      const { netInputBytes, netOutputBytes, replInputBytes, replOutputBytes } = server.stats;
      this.#samples.push({
        atMs: server.now,
        commands: commandsProcessed,
        inputBytes: netInputBytes + replInputBytes,
        outputBytes: netOutputBytes + replOutputBytes,
        replInputBytes,
        replOutputBytes,
        cycles,
        cycleMs,
      });
      if (this.#samples.length > SAMPLES) this.#samples.shift();
    });
  }

  /** CONFIG RESETSTAT starts the counters at 0. */
  clear(): void {
    this.#samples = [];
  }

  get commandsPerSecond(): number {
    return this.#rate(({ commands }) => commands);
  }

  get inputBytesPerSecond(): number {
    return this.#rate(({ inputBytes }) => inputBytes);
  }

  get outputBytesPerSecond(): number {
    return this.#rate(({ outputBytes }) => outputBytes);
  }

  get replInputBytesPerSecond(): number {
    return this.#rate(({ replInputBytes }) => replInputBytes);
  }

  get replOutputBytesPerSecond(): number {
    return this.#rate(({ replOutputBytes }) => replOutputBytes);
  }

  get cyclesPerSecond(): number {
    return this.#rate(({ cycles }) => cycles);
  }

  /** What a turn of the event loop takes, in microseconds. */
  get cycleUsec(): number {
    const perSecond = this.cyclesPerSecond;
    return perSecond === 0 ? 0 : (this.#rate(({ cycleMs }) => cycleMs) * 1000) / perSecond;
  }

  #rate(read: (sample: Sample) => number): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((read(last) - read(first)) * 1000) / (last.atMs - first.atMs);
  }
}
