import { type Config, Errors, run } from '@oclif/core';
import { loadConfig, type Verbs } from './commands/frame/load-config.ts';
import { ReplctlError } from './errors.ts';
import { errorToJson, formatError } from './show/format-error.ts';
import { createTheme, wantsColor } from './show/theme.ts';
import { closestWord } from './topology/closest-word.ts';

/** Entry point of `bin/run.js`. Loads no command but the one that was asked for. */
export async function main(verbs: Verbs): Promise<void> {
  const argv = process.argv.slice(2);
  // A reader that went away (`replctl logs | head`) ends the output, not with a stack trace.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const config = await loadConfig(verbs);
  try {
    await run(argv, config);
  } catch (error) {
    process.exitCode = report(error, argv, config);
  }
  await Promise.all([drain(process.stdout), drain(process.stderr)]);
  // A library's forgotten timer must not keep the terminal waiting.
  process.exit();
}

function drain(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

/** Errors from before a command was found: an unknown command, a broken installation. Returns the exit code. */
function report(thrown: unknown, argv: readonly string[], config: Config): number {
  if (thrown instanceof Errors.ExitError) return thrown.oclif.exit ?? 0;
  const error = thrown instanceof Errors.CLIError ? wrapUsage(thrown, argv[0] ?? '', config) : thrown;
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(errorToJson(error), null, 2)}\n`);
  else {
    const noColorFlag = argv.includes('--no-color');
    const theme = createTheme(wantsColor({ isTty: process.stderr.isTTY, noColorFlag, env: process.env }));
    process.stderr.write(`${formatError(error, theme, argv.includes('--verbose'))}\n`);
  }
  return error instanceof ReplctlError ? error.exitCode : 1;
}

function wrapUsage(error: Error, verb: string, { commandIDs }: Config): ReplctlError {
  const nearest = commandIDs.includes(verb) ? null : closestWord(verb, commandIDs);
  const hint = nearest === null ? 'replctl --help' : `did you mean "replctl ${nearest}"?`;
  return new ReplctlError('USAGE', error.message, { hint, cause: error });
}
