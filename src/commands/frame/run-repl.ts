import { createInterface } from 'node:readline/promises';
import { splitArgs } from '../../conf/split-args.ts';
import type { Client } from '../../observe/client.ts';
import { formatReply } from '../../show/format-reply.ts';

/**
 * A small redis-cli for machines that have none: one command a line, quoted as redis-cli does, until the end of input,
 * `quit` or `exit`.
 */
export async function runRepl(client: Client, prompt: string, signal: AbortSignal): Promise<void> {
  const isTty = process.stdin.isTTY;
  const lines = createInterface({ input: process.stdin, output: process.stdout, terminal: isTty, prompt });
  const stop = (): void => lines.close();
  signal.addEventListener('abort', stop, { once: true });
  // With a terminal of its own, readline takes Ctrl-C; it ends the prompt as Ctrl-D does.
  lines.on('SIGINT', stop);
  if (isTty) lines.prompt();
  for await (const line of lines) {
    const words = readWords(line);
    if (typeof words === 'string') process.stdout.write(`${words}\n`);
    else if (/^(?:quit|exit)$/i.test(words[0] ?? '')) break;
    else if (words.length > 0) process.stdout.write(`${formatReply(await client.call(...words))}\n`);
    if (isTty) lines.prompt();
  }
  signal.removeEventListener('abort', stop);
  lines.close();
}

/** The words of a line, or why it has none. `splitArgs` works on bytes, the terminal gives text. */
function readWords(line: string): string[] | string {
  const split = splitArgs(Buffer.from(line, 'utf8').toString('latin1'));
  if (!split.ok) return `Invalid argument(s): ${split.reason}`;
  return split.args.map((word) => Buffer.from(word, 'latin1').toString('utf8'));
}
