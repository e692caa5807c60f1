import { describe, expect, it } from 'vitest';
import { leftAt, relate, withForks, type Fork } from '../../src/plan/lineage.ts';

/** a ─100─▶ b ─200─▶ c, and a ─100─▶ x: the master died at 100, was started twice, and promoted away from once. */
const LINEAGE: readonly Fork[] = [
  { replid: 'b', from: 'a', secondOffset: 101 },
  { replid: 'x', from: 'a', secondOffset: 101 },
  { replid: 'c', from: 'b', secondOffset: 201 },
];

describe('relate', () => {
  it.each([
    ['a', 50, 'a', 50, { kind: 'same' }],
    ['a', 50, 'a', 60, { kind: 'behind' }],
    ['a', 60, 'a', 50, { kind: 'ahead', shared: 50 }],
    ['b', 150, 'a', 100, { kind: 'ahead', shared: 100 }],
    ['b', 150, 'a', 90, { kind: 'ahead', shared: 90 }],
    ['b', 150, 'a', 101, { kind: 'diverged', shared: 100 }],
    ['a', 101, 'b', 150, { kind: 'diverged', shared: 100 }],
    ['a', 100, 'b', 150, { kind: 'behind' }],
    ['b', 100, 'a', 100, { kind: 'same' }],
    ['b', 100, 'x', 100, { kind: 'same' }],
    ['b', 110, 'x', 120, { kind: 'diverged', shared: 100 }],
    ['x', 100, 'c', 210, { kind: 'behind' }],
    ['c', 210, 'a', 70, { kind: 'ahead', shared: 70 }],
    ['c', 210, 'b', 201, { kind: 'diverged', shared: 200 }],
    ['c', 210, 'stranger', 50, { kind: 'unknown' }],
    ['stranger', 50, 'stranger', 51, { kind: 'behind' }],
  ] as const)('%s %i to %s %i', (replid, offset, other, otherOffset, relation) => {
    expect(relate({ replid, offset }, { replid: other, offset: otherOffset }, LINEAGE)).toEqual(relation);
  });
});

describe('withForks', () => {
  it('is the same object when nothing is new', () => {
    expect(withForks(LINEAGE, [{ replid: 'b', from: 'a', secondOffset: 101 }])).toBe(LINEAGE);
  });

  it('takes the greatest report: a replica that was handed the id says only where it stood itself', () => {
    const low = withForks([], [{ replid: 'b', from: 'a', secondOffset: 40 }]);
    const high = withForks(low, [{ replid: 'b', from: 'a', secondOffset: 101 }]);
    expect(withForks(high, [{ replid: 'b', from: 'a', secondOffset: 60 }])).toEqual([LINEAGE[0]]);
  });

  it('forgets the oldest', () => {
    const many = Array.from({ length: 1200 }, (_, index) => ({
      replid: `id${index + 1}`,
      from: `id${index}`,
      secondOffset: index + 1,
    }));
    const kept = withForks([], many);
    expect(kept).toHaveLength(1000);
    expect(kept.at(-1)?.replid).toBe('id1200');
  });
});

describe('leftAt', () => {
  it('follows histories in between', () => {
    expect(leftAt('a', 'c', LINEAGE)).toBe(101);
    expect(leftAt('b', 'c', LINEAGE)).toBe(201);
    expect(leftAt('x', 'c', LINEAGE)).toBeNull();
  });
});
