/** A planned handover started by FAILOVER, in order. */
export type FailoverPhase =
  /** Nothing going on. */
  | 'no-failover'
  /** Writes are paused until a replica has acknowledged everything. */
  | 'waiting-for-sync'
  /** We are a replica of the target already and ask it with `PSYNC … FAILOVER` to take over. */
  | 'failover-in-progress';

export interface FailoverTarget {
  readonly host: string;
  readonly port: number;
}

export interface Failover {
  readonly phase: FailoverPhase;
  /** Null until chosen: any replica will do. */
  readonly target: FailoverTarget | null;
  /** Null: wait for ever. */
  readonly deadlineMs: number | null;
  /** At the deadline fail over anyway instead of giving up. */
  readonly isForced: boolean;
}

export const NO_FAILOVER: Failover = {
  phase: 'no-failover',
  target: null,
  deadlineMs: null,
  isForced: false,
};

/** A replica as a candidate: where it listens and what it has acknowledged. */
export interface FailoverCandidate extends FailoverTarget {
  readonly ackedOffset: number;
}

export type FailoverEvent =
  | {
      readonly type: 'requested';
      readonly target: FailoverTarget | null;
      readonly timeoutMs: number | null;
      readonly isForced: boolean;
      readonly nowMs: number;
    }
  /** Look again: time has passed or an ACK came. */
  | {
      readonly type: 'checked';
      readonly nowMs: number;
      readonly offset: number;
      readonly candidates: readonly FailoverCandidate[];
    }
  /** The target answered our PSYNC with FULLRESYNC or CONTINUE. */
  | { readonly type: 'accepted' }
  /** The target answered with an error, or could not be written to. */
  | { readonly type: 'refused'; readonly reason: string }
  /** FAILOVER ABORT. */
  | { readonly type: 'aborted'; readonly reason: string };

export type FailoverEffect =
  | { readonly type: 'pause-writes' }
  | { readonly type: 'unpause-writes' }
  /** Become a replica of the target; the link's PSYNC carries FAILOVER. */
  | { readonly type: 'follow'; readonly target: FailoverTarget }
  /** Become a master again: the target did not take over. */
  | { readonly type: 'take-back' }
  | { readonly type: 'log'; readonly text: string };

export interface FailoverStep {
  readonly next: Failover;
  readonly effects: readonly FailoverEffect[];
}

/** One step of FAILOVER (replication.c `failoverCommand`, `updateFailoverStatus`). An event out of place does nothing. */
export function stepFailover(failover: Failover, event: FailoverEvent): FailoverStep {
  switch (event.type) {
    case 'requested':
      return request(failover, event);
    case 'checked':
      return failover.phase === 'waiting-for-sync' ? check(failover, event) : unchanged(failover);
    case 'accepted':
      return failover.phase === 'failover-in-progress'
        ? { next: NO_FAILOVER, effects: [{ type: 'unpause-writes' }] }
        : unchanged(failover);
    case 'refused':
      return failover.phase === 'failover-in-progress' ? giveUp(failover, event.reason) : unchanged(failover);
    case 'aborted':
    default:
      return failover.phase === 'no-failover' ? unchanged(failover) : giveUp(failover, event.reason);
  }
}

function unchanged(failover: Failover): FailoverStep {
  return { next: failover, effects: [] };
}

function request(failover: Failover, event: Extract<FailoverEvent, { type: 'requested' }>): FailoverStep {
  if (failover.phase !== 'no-failover') return unchanged(failover);
  const { target, timeoutMs, isForced, nowMs } = event;
  return {
    next: {
      phase: 'waiting-for-sync',
      target,
      deadlineMs: timeoutMs === null ? null : nowMs + timeoutMs,
      isForced,
    },
    effects: [
      { type: 'log', text: `FAILOVER requested to ${nameTarget(target)}.` },
      { type: 'pause-writes' },
    ],
  };
}

function check(failover: Failover, event: Extract<FailoverEvent, { type: 'checked' }>): FailoverStep {
  if (failover.deadlineMs !== null && failover.deadlineMs <= event.nowMs) {
    if (!failover.isForced || failover.target === null) {
      return giveUp(failover, 'Replica never caught up before timeout');
    }
    const text = `FAILOVER to ${nameTarget(failover.target)} time out exceeded, failing over.`;
    return follow(failover, failover.target, text);
  }
  const wanted = failover.target;
  const found = event.candidates.find(
    (candidate) =>
      candidate.ackedOffset === event.offset &&
      (wanted === null ||
        (wanted.host.toLowerCase() === candidate.host.toLowerCase() && wanted.port === candidate.port)),
  );
  if (found === undefined) return unchanged(failover);
  const target = { host: found.host, port: found.port };
  return follow(failover, target, `Failover target ${nameTarget(target)} is synced, failing over.`);
}

function follow(failover: Failover, target: FailoverTarget, text: string): FailoverStep {
  return {
    next: { ...failover, phase: 'failover-in-progress', target },
    effects: [
      { type: 'log', text },
      { type: 'follow', target },
    ],
  };
}

function giveUp(failover: Failover, reason: string): FailoverStep {
  const effects: FailoverEffect[] = [
    { type: 'log', text: `FAILOVER to ${nameTarget(failover.target)} aborted: ${reason}` },
  ];
  if (failover.phase === 'failover-in-progress') effects.push({ type: 'take-back' });
  effects.push({ type: 'unpause-writes' });
  return { next: NO_FAILOVER, effects };
}

function nameTarget(target: FailoverTarget | null): string {
  return target === null ? 'any replica' : `${target.host}:${target.port}`;
}
