/** Time and timers, handed in so that a simulation can own them. */
export interface Clock {
  /** Unix time in ms. */
  now(): number;
  /** Milliseconds, fractions included, from any fixed point: for durations. */
  monotonic(): number;
  after(delayMs: number, run: () => void): Timer;
  every(periodMs: number, run: () => void): Timer;
  /** Runs once the present input has been dealt with. */
  soon(run: () => void): void;
}

export interface Timer {
  cancel(): void;
}

/** The real one. Its timers keep the process alive only as long as something else does. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  // `performance` is nine modules of Node, a quarter of a megabyte, that nothing else here asks for.
  monotonic: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, 0x7fff_ffff)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every: (periodMs, run) => {
    const timer = setInterval(run, periodMs).unref();
    return { cancel: () => clearInterval(timer) };
  },
  soon: (run) => {
    setImmediate(run);
  },
};
