import type { Timer } from '../clock.ts';
import type { SnapshotRun, SnapshotSink } from '../replication/ports.ts';
import { Snapshot, type SnapshotOptions } from './snapshot.ts';

/** How long one slice may keep the server from its clients. */
const SLICE_MS = 1;
/** Longest sleep of a walk that is slowed down: then it looks whether it still has to be. */
const MAX_NAP_MS = 50;

export interface RunningSnapshot extends SnapshotRun {
  readonly snapshot: Snapshot;
}

/**
 * Takes an image now and writes it to the sink bit by bit, in the pauses between serving clients. The sink is told
 * `end` once, or `fail` once, unless the run is aborted.
 */
export function runSnapshot(options: Omit<SnapshotOptions, 'emit'>, sink: SnapshotSink): RunningSnapshot {
  let isPaused = false;
  let isOver = false;
  let isScheduled = false;
  let nap: Timer | undefined;
  const { clock } = options;
  const startMs = clock.monotonic();

  const step = (): void => {
    isScheduled = false;
    nap = undefined;
    if (isOver || isPaused) return;
    const keyDelayMs = options.keyDelayMs?.() ?? 0;
    const earlyMs = startMs + snapshot.keysWritten * keyDelayMs - clock.monotonic();
    if (earlyMs > 0) {
      nap = clock.after(Math.min(earlyMs, MAX_NAP_MS), step);
      return;
    }
    try {
      isOver = snapshot.step(keyDelayMs > 0 ? 0 : SLICE_MS);
    } catch (error) {
      isOver = true;
      snapshot.abort();
      sink.fail(error instanceof Error ? error.message : String(error));
      return;
    }
    if (isOver) sink.end();
    else schedule();
  };
  const schedule = (): void => {
    if (isScheduled || nap !== undefined) return;
    isScheduled = true;
    clock.soon(step);
  };

  const snapshot = new Snapshot({ ...options, emit: (piece, giveBack) => sink.write(piece, giveBack) });
  schedule();
  return {
    snapshot,
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
      if (!isOver) schedule();
    },
    abort: () => {
      if (isOver) return;
      isOver = true;
      nap?.cancel();
      snapshot.abort();
    },
  };
}
