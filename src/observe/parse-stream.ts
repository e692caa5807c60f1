/** One command of a replication stream. */
export interface StreamCommand {
  /** null before the stream first tells it, when it was not known at the start. */
  readonly database: number | null;
  readonly args: readonly Buffer[];
  /** Bytes it takes in the stream. */
  readonly bytes: number;
}

export interface ParsedStream {
  readonly commands: readonly StreamCommand[];
  /** Selected at the end. */
  readonly database: number | null;
  /** Bytes at the end that are no whole command. */
  readonly restBytes: number;
}

/**
 * Splits a replication stream into commands and keeps track of SELECT. `database` is the one it starts in, which the
 * stream itself does not tell.
 */
export function parseStream(stream: Buffer, database: number | null): ParsedStream {
  const commands: StreamCommand[] = [];
  let at = 0;
  let current = database;
  for (;;) {
    const next = readCommand(stream, at);
    if (next === null) return { commands, database: current, restBytes: stream.length - at };
    const { args, end } = next;
    if (args[0]?.toString().toUpperCase() === 'SELECT') current = Number(args[1]?.toString());
    commands.push({ database: current, args, bytes: end - at });
    at = end;
  }
}

/**
 * Where the first whole command of a stretch begins that was cut at its start and ends with a whole command: the first
 * place from which it splits into commands without a rest. Its length when there is none.
 */
export function findFirstCommand(stream: Buffer): number {
  for (let at = stream.indexOf('*'); at >= 0; at = stream.indexOf('*', at + 1)) {
    if (parseStream(stream.subarray(at), null).restBytes === 0) return at;
  }
  return stream.length;
}

function readCommand(stream: Buffer, start: number): { args: Buffer[]; end: number } | null {
  const header = readLine(stream, start);
  if (header === null || !/^\*[1-9]\d*$/.test(header.text)) return null;
  const args: Buffer[] = [];
  let at = header.end;
  for (let left = Number(header.text.slice(1)); left > 0; left--) {
    const size = readLine(stream, at);
    if (size === null || !/^\$\d+$/.test(size.text)) return null;
    const length = Number(size.text.slice(1));
    const end = size.end + length;
    if (end + 2 > stream.length || stream[end] !== CR || stream[end + 1] !== LF) return null;
    args.push(stream.subarray(size.end, end));
    at = end + 2;
  }
  return { args, end: at };
}

const CR = 13;
const LF = 10;
/** Longest count or length line: a sign and the digits of 512 MB, with room. */
const MAX_LINE_BYTES = 24;

function readLine(stream: Buffer, start: number): { text: string; end: number } | null {
  const end = stream.subarray(0, start + MAX_LINE_BYTES).indexOf('\r\n', start);
  return end < 0 ? null : { text: stream.toString('latin1', start, end), end: end + 2 };
}
