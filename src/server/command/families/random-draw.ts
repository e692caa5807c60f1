import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';

/** Repeats beyond this would not fit into a reply; Redis runs out of memory on them. */
const MAX_REPEATS = 1 << 26;
const LOWEST_COUNT = new ReplyError(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);

/** The count of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER in argument `i`: negative allows repeats. */
export function readDrawCount(args: Args, i: number): number {
  if (args.int64(i) === -(2n ** 63n)) throw LOWEST_COUNT;
  const count = args.int(i);
  if (count < -MAX_REPEATS) throw ERRORS.outOfRange;
  return count;
}

/**
 * Positions of 0…size-1 drawn at random: `count` distinct ones (all, in order, when `count` reaches `size`), or
 * -`count` with repeats. `random(n)` gives an integer of 0…n-1. O(count).
 */
export function drawPositions(size: number, count: number, random: (below: number) => number): number[] {
  if (count < 0) return Array.from({ length: -count }, () => random(size));
  if (count >= size) return Array.from({ length: size }, (_, i) => i);
  // The first steps of a shuffle, of which only what was moved is kept.
  const moved = new Map<number, number>();
  const drawn: number[] = [];
  for (let i = 0; i < count; i++) {
    const j = i + random(size - i);
    drawn.push(moved.get(j) ?? j);
    moved.set(j, moved.get(i) ?? i);
  }
  return drawn;
}
