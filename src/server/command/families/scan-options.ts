import { matchGlob } from '../../keyspace/match-glob.ts';
import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import type { ReplyWriter } from '../../resp/reply-writer.ts';

/** What HSCAN, SSCAN and ZSCAN were asked. */
export interface ScanOptions {
  readonly count: number;
  readonly matches: (name: string) => boolean;
}

/** The cursor in argument `i`: what strtoul takes, of which ours are few. */
export function readCursor(args: Args, i: number): number {
  const text = args.string(i);
  if (!/^(?:[+-]?\d+)?$/.test(text)) throw ERRORS.invalidCursor;
  const cursor = BigInt(text.replace('+', ''));
  if (cursor >= 1n << 64n || cursor <= -(1n << 64n)) throw ERRORS.invalidCursor;
  return Number(BigInt.asUintN(64, cursor));
}

/** COUNT and MATCH from argument `from` on. */
export function readScanOptions(args: Args, from: number): ScanOptions {
  let count = 10;
  let pattern: string | undefined;
  for (let i = from; i < args.count; i += 2) {
    if (i + 1 >= args.count) throw ERRORS.syntax;
    if (args.is(i, 'COUNT')) {
      count = args.int(i + 1);
      if (count < 1) throw ERRORS.syntax;
    } else if (args.is(i, 'MATCH')) pattern = args.string(i + 1);
    else throw ERRORS.syntax;
  }
  const glob = pattern;
  return {
    count,
    matches: glob === undefined || glob === '*' ? () => true : (name) => matchGlob(glob, name),
  };
}

/** A scan's reply: the next cursor and what was found. */
export function replyScan(reply: ReplyWriter, cursor: number, found: readonly string[]): void {
  reply.arrayHeader(2);
  reply.bulkString(String(cursor));
  reply.bulkStrings(found);
}
