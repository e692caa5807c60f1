import { quoteAlways } from '../../conf/quote-value.ts';
import { splitArgs } from '../../conf/split-args.ts';
import { toByteString } from '../../conf/parse-conf.ts';

/** What redis-server's command line asks for. */
export type CommandLine =
  | { readonly action: 'version' }
  | { readonly action: 'help' }
  | {
      readonly action: 'run';
      /** As given; the caller makes it absolute. */
      readonly file: string | undefined;
      readonly readStdin: boolean;
      /** Lines of redis.conf that come after the file and stdin, a byte string. */
      readonly options: string;
    };

/**
 * Reads `[/path/redis.conf|-] [--directive value …] [-]` (`main` in server.c): each `--name` starts a line of conf, what
 * follows are its arguments, and `--save` may stand without one.
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const [first] = args;
  if (first === '-v' || first === '--version') return { action: 'version' };
  if (first === '-h' || first === '--help') return { action: 'help' };
  const file = first === undefined || first.startsWith('-') ? undefined : first;
  const rest = file === undefined ? args : args.slice(1);
  const lines: string[] = [];
  let readStdin = false;
  let isComplete = true;
  for (const [index, arg] of rest.entries()) {
    const isEdge = (file === undefined && index === 0) || index === rest.length - 1;
    if (arg === '-' && isEdge) {
      readStdin = true;
    } else if (isComplete && arg.startsWith('--')) {
      lines.push(toByteString(arg.slice(2)));
      const split = splitArgs(toByteString(arg));
      isComplete = !split.ok || split.args.length !== 1;
      const next = rest[index + 1];
      if (arg.toLowerCase() === '--save' && (next === undefined || next.startsWith('--'))) {
        lines.push(`${lines.pop() ?? ''} ""`);
        isComplete = true;
      }
    } else {
      lines.push(`${lines.pop() ?? ''} ${quoteAlways(arg)}`);
      isComplete = true;
    }
  }
  return { action: 'run', file, readStdin, options: lines.join('\n') };
}
