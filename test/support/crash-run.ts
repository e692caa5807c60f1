import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface CrashResult {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built crash fixture to its end, whichever that is. */
export async function runCrash(fixture: string, ...args: string[]): Promise<CrashResult> {
  const child = spawn(process.execPath, [fixture, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, stdout, stderr };
}

/** Runs it and requires that it died of its own SIGKILL. */
export async function crash(
  fixture: string,
  file: string,
  at: string,
  verb: string,
  ...nodes: string[]
): Promise<void> {
  const { code, signal, stderr } = await runCrash(fixture, file, at, 'self', verb, ...nodes);
  if (signal !== 'SIGKILL') throw new Error(`did not crash (exit ${code}): ${stderr}`);
}
