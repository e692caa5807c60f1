import type { ZSetValue } from '../../keyspace/values/zset-value.ts';
import type { Args } from '../../resp/args.ts';
import { parseDouble } from '../../resp/double.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { IndexRange } from './index-range.ts';

/** Turns a sorted set into the ranks of what lies within some bounds. */
export type Bounds = (zset: ZSetValue) => IndexRange;

const NOT_A_FLOAT = new ReplyError('ERR min or max is not a float');
const NOT_A_LEX_ITEM = new ReplyError('ERR min or max not valid string range item');
const NOTHING: Bounds = () => ({ from: 0, to: 0 });

interface ScoreBound {
  readonly score: number;
  readonly isOpen: boolean;
}

/** Scores between the arguments `minAt` and `maxAt`, `(` before a score leaving it out. */
export function readScoreBounds(args: Args, minAt: number, maxAt: number): Bounds {
  const min = readScore(args.string(minAt));
  const max = readScore(args.string(maxAt));
  if (min.score > max.score || (min.score === max.score && (min.isOpen || max.isOpen))) return NOTHING;
  return (zset) => ({
    from: zset.countBefore((score) => (min.isOpen ? score <= min.score : score < min.score)),
    to: zset.countBefore((score) => (max.isOpen ? score < max.score : score <= max.score)),
  });
}

/** A score as strtod reads it: up to a NUL, spaces before it skipped, nothing is 0, what is too large is infinite. */
function readScore(given: string): ScoreBound {
  const end = given.indexOf('\0');
  const text = end < 0 ? given : given.slice(0, end);
  const isOpen = text.startsWith('(');
  const number = (isOpen ? text.slice(1) : text).trimStart();
  if (number === '') return { score: 0, isOpen };
  const score = parseDouble(number) ?? (/^[+-]?[\d.]+(?:e[+-]?\d+)?$/i.test(number) ? Number(number) : NaN);
  if (Number.isNaN(score)) throw NOT_A_FLOAT;
  return { score, isOpen };
}

interface LexBound {
  /** -1 before all members, 1 after all, 0 at `member`. */
  readonly end: -1 | 0 | 1;
  readonly member: string;
  readonly isOpen: boolean;
}

/** Members between the arguments `minAt` and `maxAt`: `-`, `+`, `[member` or `(member`. All scores must be equal. */
export function readLexBounds(args: Args, minAt: number, maxAt: number): Bounds {
  const min = readLexItem(args.string(minAt));
  const max = readLexItem(args.string(maxAt));
  if (min.end === 1 || max.end === -1) return NOTHING;
  if (min.end === 0 && max.end === 0) {
    if (min.member > max.member || (min.member === max.member && (min.isOpen || max.isOpen))) return NOTHING;
  }
  return (zset) => {
    const from = min.end === -1 ? 0 : membersBefore(zset, min.member, min.isOpen);
    const to = max.end === 1 ? zset.size : membersBefore(zset, max.member, !max.isOpen);
    return { from, to: Math.max(from, to) };
  };
}

function membersBefore(zset: ZSetValue, bound: string, isIncluded: boolean): number {
  return zset.countBefore((_, position) => {
    const member = zset.memberAt(position);
    return isIncluded ? member <= bound : member < bound;
  });
}

function readLexItem(text: string): LexBound {
  if (text === '-' || text === '+') return { end: text === '-' ? -1 : 1, member: '', isOpen: true };
  if (text[0] !== '(' && text[0] !== '[') throw NOT_A_LEX_ITEM;
  return { end: 0, member: text.slice(1), isOpen: text[0] === '(' };
}
