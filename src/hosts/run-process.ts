import { execa } from 'execa';
import type { RunOptions, RunResult } from './host.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** The one place that runs a command to its end. Never through a shell; never rejects for what the command did. */
export async function runProcess(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv;
  const result = await execa(command, args, {
    input: options.input ?? '',
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    reject: false,
    stripFinalNewline: false,
  });
  const isMissing = result.code === 'ENOENT' || result.code === 'EACCES';
  return {
    exitCode: isMissing ? 127 : (result.exitCode ?? null),
    stdout: result.stdout,
    stderr: isMissing
      ? `${command}: ${result.code === 'ENOENT' ? 'not found' : 'not executable'}`
      : result.stderr,
  };
}
