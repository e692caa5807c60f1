import { Config, Errors, run } from '@oclif/core';
import { ReplctlError } from './errors.ts';
import { errorToJson, formatError } from './show/format-error.ts';
import { createTheme, wantsColor } from './show/theme.ts';
import { closestWord } from './topology/closest-word.ts';

/** Entry point of `bin/run.js`. Loads no command but the one that was asked for. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  // A reader that went away (`replctl logs | head`) ends the output, not with a stack trace.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await run(argv, import.meta.url);
  } catch (error) {
    process.exitCode = await report(error, argv);
  }
  await Promise.all([drain(process.stdout), drain(process.stderr)]);
  // A library's forgotten timer must not keep the terminal waiting.
  process.exit();
}

function drain(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

/** Errors from before a command was found: an unknown command, a broken installation. Returns the exit code. */
async function report(thrown: unknown, argv: readonly string[]): Promise<number> {
  if (thrown instanceof Errors.ExitError) return thrown.oclif.exit ?? 0;
  const error = thrown instanceof Errors.CLIError ? await wrapUsage(thrown, argv[0] ?? '') : thrown;
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(errorToJson(error), null, 2)}\n`);
  else {
    const noColorFlag = argv.includes('--no-color');
    const theme = createTheme(wantsColor({ isTty: process.stderr.isTTY, noColorFlag, env: process.env }));
    process.stderr.write(`${formatError(error, theme, argv.includes('--verbose'))}\n`);
  }
  return error instanceof ReplctlError ? error.exitCode : 1;
}

async function wrapUsage(error: Error, verb: string): Promise<ReplctlError> {
  const { commandIDs } = await Config.load({ root: import.meta.dirname });
  const nearest = commandIDs.includes(verb) ? null : closestWord(verb, commandIDs);
  const hint = nearest === null ? 'replctl --help' : `did you mean "replctl ${nearest}"?`;
  return new ReplctlError('USAGE', error.message, { hint, cause: error });
}
