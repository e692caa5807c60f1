import { assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decidePsync } from '../../../src/server/replication/decide-psync.ts';
import {
  continueHistory,
  newHistory,
  NO_REPLICATION_ID,
  shiftHistory,
} from '../../../src/server/replication/replication-id.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);
const C = 'c'.repeat(40);
const history = { replid: A, replid2: B, secondReplidOffset: 131 };
const backlog = { firstByteOffset: 100, histlen: 100 };

describe('decidePsync', () => {
  it.each([
    [A, 100, { kind: 'continue', sharedBy: 'replid', backlogBytes: 100 }],
    [A, 200, { kind: 'continue', sharedBy: 'replid', backlogBytes: 0 }],
    [A.toUpperCase(), 150, { kind: 'continue', sharedBy: 'replid', backlogBytes: 50 }],
    [A, 99, { kind: 'full', reason: 'before-backlog' }],
    [A, 201, { kind: 'full', reason: 'after-backlog' }],
    [B, 131, { kind: 'continue', sharedBy: 'replid2', backlogBytes: 69 }],
    [B, 132, { kind: 'full', reason: 'diverged' }],
    [C, 150, { kind: 'full', reason: 'unknown-replid' }],
    ['?', -1, { kind: 'full', reason: 'asked-for' }],
  ])('answers PSYNC %s %i', (replid, offset, decision) => {
    expect(decidePsync({ replid, offset }, history, backlog)).toEqual(decision);
  });

  it('needs a backlog', () => {
    expect(decidePsync({ replid: A, offset: 100 }, history, null)).toEqual({
      kind: 'full',
      reason: 'no-backlog',
    });
  });

  it('never continues outside the window or past the point of divergence', () => {
    const anyId = constantFrom(A, B, C, '?', NO_REPLICATION_ID);
    assert(
      property(
        anyId,
        integer({ min: -5, max: 400 }),
        integer({ min: -1, max: 400 }),
        (replid, offset, second) => {
          const decision = decidePsync(
            { replid, offset },
            { ...history, secondReplidOffset: second },
            backlog,
          );
          if (decision.kind === 'full') return;
          expect(offset).toBeGreaterThanOrEqual(100);
          expect(offset).toBeLessThanOrEqual(200);
          expect(decision.backlogBytes).toBe(200 - offset);
          if (replid === B) expect(offset).toBeLessThanOrEqual(second);
          else expect(replid).toBe(A);
        },
      ),
    );
  });
});

describe('ReplicationHistory', () => {
  it('keeps the old id up to the offset of the promotion', () => {
    expect(newHistory(() => A)).toEqual({ replid: A, replid2: NO_REPLICATION_ID, secondReplidOffset: -1 });
    expect(
      shiftHistory(
        newHistory(() => A),
        130,
        () => B,
      ),
    ).toEqual({
      replid: B,
      replid2: A,
      secondReplidOffset: 131,
    });
    expect(
      continueHistory(
        newHistory(() => A),
        130,
        C,
      ),
    ).toEqual({
      replid: C,
      replid2: A,
      secondReplidOffset: 131,
    });
  });
});
