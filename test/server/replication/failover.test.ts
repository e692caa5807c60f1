import { describe, expect, it } from 'vitest';
import {
  NO_FAILOVER,
  stepFailover,
  type Failover,
  type FailoverEvent,
} from '../../../src/server/replication/failover.ts';

const target = { host: '127.0.0.1', port: 6380 };

function play(events: readonly FailoverEvent[]) {
  let failover: Failover = NO_FAILOVER;
  const seen: string[] = [];
  for (const event of events) {
    const step = stepFailover(failover, event);
    failover = step.next;
    seen.push(...step.effects.filter(({ type }) => type !== 'log').map(({ type }) => type), failover.phase);
  }
  return { failover, seen };
}

const requested: FailoverEvent = { type: 'requested', target, timeoutMs: 1000, isForced: false, nowMs: 0 };
const checked = (nowMs: number, ackedOffset: number): FailoverEvent => ({
  type: 'checked',
  nowMs,
  offset: 100,
  candidates: [{ ...target, ackedOffset }],
});

describe('stepFailover', () => {
  it('waits for the target, hands over, and lets writes on', () => {
    expect(play([requested, checked(10, 99), checked(20, 100), { type: 'accepted' }]).seen).toEqual([
      'pause-writes',
      'waiting-for-sync',
      'waiting-for-sync',
      'follow',
      'failover-in-progress',
      'unpause-writes',
      'no-failover',
    ]);
  });

  it('gives up at the deadline, or goes on when forced', () => {
    expect(play([requested, checked(1000, 99)]).seen.slice(-2)).toEqual(['unpause-writes', 'no-failover']);
    expect(play([{ ...requested, isForced: true }, checked(1000, 99)]).seen.slice(-2)).toEqual([
      'follow',
      'failover-in-progress',
    ]);
  });

  it('takes the first replica that has everything when none is named', () => {
    const candidates = [
      { host: 'a', port: 1, ackedOffset: 99 },
      { host: 'b', port: 2, ackedOffset: 100 },
    ];
    const { failover } = play([
      { ...requested, target: null },
      { type: 'checked', nowMs: 1, offset: 100, candidates },
    ]);
    expect(failover.target).toEqual({ host: 'b', port: 2 });
  });

  it.each([
    { type: 'refused', reason: 'no' },
    { type: 'aborted', reason: 'no' },
  ] as const)('takes the role back when $type after the handover began', (event) => {
    expect(play([requested, checked(20, 100), event]).seen.slice(-3)).toEqual([
      'take-back',
      'unpause-writes',
      'no-failover',
    ]);
  });

  it('ignores what does not fit', () => {
    expect(play([{ type: 'accepted' }, { type: 'refused', reason: '' }, checked(0, 100)]).seen).toEqual([
      'no-failover',
      'no-failover',
      'no-failover',
    ]);
  });
});
