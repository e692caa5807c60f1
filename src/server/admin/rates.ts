import type { Server } from '../server.ts';

const SAMPLES = 16;

interface Sample {
  readonly atMs: number;
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** How much happens a second, over the last 16 ticks of 100 ms. */
export class Rates {
  #samples: Sample[] = [];

  attach(server: Server): void {
    server.onTick.push(() => {
      const { commandsProcessed, netInputBytes, netOutputBytes } = server.stats;
      this.#samples.push({
        atMs: server.now,
        commands: commandsProcessed,
        inputBytes: netInputBytes,
        outputBytes: netOutputBytes,
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

  #rate(read: (sample: Sample) => number): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((read(last) - read(first)) * 1000) / (last.atMs - first.atMs);
  }
}
