import type { SnapshotRun, SnapshotSink } from '../replication/ports.ts';
import { Snapshot, type SnapshotOptions } from './snapshot.ts';

/** How long one slice may keep the server from its clients. */
const SLICE_MS = 2;

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
  let pending: NodeJS.Immediate | undefined;

  const step = (): void => {
    pending = undefined;
    if (isOver || isPaused) return;
    try {
      isOver = snapshot.step(SLICE_MS);
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
    pending ??= setImmediate(step);
  };

  const snapshot = new Snapshot({ ...options, emit: (piece) => sink.write(piece) });
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
      snapshot.abort();
    },
  };
}
