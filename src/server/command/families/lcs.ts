import type { Args } from '../../resp/args.ts';
import { ERRORS } from '../../resp/errors.ts';
import { ReplyError } from '../../resp/reply-error.ts';
import type { Family } from '../command.ts';
import type { Context } from '../context.ts';

export const lcsCommands: Family = { lcs };

interface Match {
  aStart: number;
  aEnd: number;
  bStart: number;
  bEnd: number;
}

/** Longest common subsequence of two strings (source: lcsCommand in t_string.c). */
function lcs(ctx: Context, args: Args): void {
  const a = valueOf(ctx, args, 1);
  const b = valueOf(ctx, args, 2);
  let wantsLength = false;
  let wantsIndex = false;
  let withLength = false;
  let minLength = 0;
  for (let i = 3; i < args.count; i += 1) {
    const word = args.upper(i);
    if (word === 'IDX') wantsIndex = true;
    else if (word === 'LEN') wantsLength = true;
    else if (word === 'WITHMATCHLEN') withLength = true;
    else if (word === 'MINMATCHLEN' && i + 1 < args.count) {
      minLength = Math.max(0, args.int(i + 1));
      i += 1;
    } else throw ERRORS.syntax;
  }
  if (wantsLength && wantsIndex) {
    throw new ReplyError('ERR If you want both the length and indexes, please just use IDX.');
  }
  if ((a.length + 1) * (b.length + 1) * 4 > 0x4000_0000) {
    throw new ReplyError('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
  }
  const table = lengths(a, b);
  const total = table[a.length * (b.length + 1) + b.length]!;
  if (wantsLength) {
    ctx.reply.int(total);
    return;
  }
  const { text, matches } = trace(a, b, table, total);
  if (!wantsIndex) {
    ctx.reply.bulk(text);
    return;
  }
  const shown = matches.filter((match) => match.aEnd - match.aStart + 1 >= minLength);
  ctx.reply.mapHeader(2);
  ctx.reply.bulkString('matches');
  ctx.reply.arrayHeader(shown.length);
  for (const match of shown) {
    ctx.reply.arrayHeader(withLength ? 3 : 2);
    ctx.reply.arrayHeader(2);
    ctx.reply.int(match.aStart);
    ctx.reply.int(match.aEnd);
    ctx.reply.arrayHeader(2);
    ctx.reply.int(match.bStart);
    ctx.reply.int(match.bEnd);
    if (withLength) ctx.reply.int(match.aEnd - match.aStart + 1);
  }
  ctx.reply.bulkString('len');
  ctx.reply.int(total);
}

function valueOf(ctx: Context, args: Args, i: number): Buffer {
  const ref = ctx.read(args, i);
  if (ref === 0) return Buffer.alloc(0);
  if (!ctx.db.isString(ref)) throw new ReplyError('ERR The specified keys must contain string values');
  return ctx.db.valueBytes(ref);
}

function lengths(a: Buffer, b: Buffer): Uint32Array {
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      table[i * width + j] =
        a[i - 1] === b[j - 1]
          ? table[(i - 1) * width + j - 1]! + 1
          : Math.max(table[(i - 1) * width + j]!, table[i * width + j - 1]!);
    }
  }
  return table;
}

/** Walks back from the end, as Redis does: the matches come out last first. */
function trace(a: Buffer, b: Buffer, table: Uint32Array, total: number): { text: Buffer; matches: Match[] } {
  const width = b.length + 1;
  const text = Buffer.alloc(total);
  const matches: Match[] = [];
  let current: Match | undefined;
  let at = total;
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    let isOver = false;
    if (a[i - 1] === b[j - 1]) {
      at -= 1;
      text[at] = a[i - 1]!;
      if (current === undefined) current = { aStart: i - 1, aEnd: i - 1, bStart: j - 1, bEnd: j - 1 };
      else if (current.aStart === i && current.bStart === j) {
        current.aStart -= 1;
        current.bStart -= 1;
      } else isOver = true;
      if (current.aStart === 0 || current.bStart === 0) isOver = true;
      i -= 1;
      j -= 1;
    } else {
      if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i -= 1;
      else j -= 1;
      isOver = current !== undefined;
    }
    if (isOver && current !== undefined) {
      matches.push(current);
      current = undefined;
    }
  }
  if (current !== undefined) matches.push(current);
  return { text, matches };
}
