/** One command of a replication stream. */
export interface StreamCommand {
  readonly database: number;
  readonly args: readonly Buffer[];
  /** Bytes it takes in the stream. */
  readonly bytes: number;
}

export interface ParsedStream {
  readonly commands: readonly StreamCommand[];
  /** Bytes at the end that are no whole command. */
  readonly restBytes: number;
}

/**
 * Splits a replication stream into commands and keeps track of SELECT. `database` is the one it starts in, which the
 * stream itself does not tell.
 */
export function parseStream(stream: Buffer, database = 0): ParsedStream {
  const commands: StreamCommand[] = [];
  let at = 0;
  let current = database;
  for (;;) {
    const next = readCommand(stream, at);
    if (next === null) return { commands, restBytes: stream.length - at };
    const { args, end } = next;
    if (args[0]?.toString().toUpperCase() === 'SELECT') current = Number(args[1]?.toString());
    commands.push({ database: current, args, bytes: end - at });
    at = end;
  }
}

function readCommand(stream: Buffer, start: number): { args: Buffer[]; end: number } | null {
  const header = readLine(stream, start);
  if (header === null || !header.text.startsWith('*')) return null;
  const args: Buffer[] = [];
  let at = header.end;
  for (let left = Number(header.text.slice(1)); left > 0; left--) {
    const size = readLine(stream, at);
    if (size === null || !size.text.startsWith('$')) return null;
    const length = Number(size.text.slice(1));
    if (size.end + length + 2 > stream.length) return null;
    args.push(stream.subarray(size.end, size.end + length));
    at = size.end + length + 2;
  }
  return { args, end: at };
}

function readLine(stream: Buffer, start: number): { text: string; end: number } | null {
  const end = stream.indexOf('\r\n', start);
  return end < 0 ? null : { text: stream.toString('latin1', start, end), end: end + 2 };
}
