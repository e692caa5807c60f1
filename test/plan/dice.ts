import { assert, integer, property } from 'fast-check';
import type { Tree } from '../../src/plan/tree.ts';
import type { Dice } from './world.ts';

const RUNS = Number(process.env['PLAN_RUNS'] ?? 500);

/** mulberry32: small, seeded, good enough to decide who is lucky. */
function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (sides) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

export function randomTree(ids: readonly string[], dice: Dice): Tree {
  const order = [...ids];
  for (let index = order.length - 1; index > 0; index--) {
    const other = dice(index + 1);
    [order[index], order[other]] = [order[other] ?? '', order[index] ?? ''];
  }
  return new Map(order.map((id, index) => [id, index === 0 ? null : (order[dice(index)] ?? null)]));
}

export function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${index}`);
}

/** Runs a check under many seeds; the failing one is printed. */
export function seeds(check: (dice: Dice) => void): void {
  assert(
    property(integer({ min: 0, max: 0x7fffffff }), (seed) => check(diceOf(seed))),
    { numRuns: RUNS },
  );
}
