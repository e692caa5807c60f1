/** Elements `[from, to)`; empty when `from` is `to`. */
export interface IndexRange {
  readonly from: number;
  readonly to: number;
}

/** What the inclusive `start`…`stop` of LRANGE or ZRANGE, negative from the end, means for `size` elements. */
export function indexRange(start: number, stop: number, size: number): IndexRange {
  const from = Math.max(0, start < 0 ? size + start : start);
  const to = Math.min(size, (stop < 0 ? size + stop : stop) + 1);
  return from < to ? { from, to } : { from: 0, to: 0 };
}
