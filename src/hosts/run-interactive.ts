import { execa } from 'execa';

/**
 * Hands the terminal to a command until it ends; gives its exit code, 127 when it is not installed. `env` is the way
 * for a secret: arguments are for everybody to see.
 */
export async function runInteractive(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [command = '', ...args] = argv;
  const result = await execa(command, args, { stdio: 'inherit', env, reject: false });
  if (result.code === 'ENOENT') return 127;
  return result.exitCode ?? 1;
}
