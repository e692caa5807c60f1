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

/** What a machine that is too busy for the fence's second makes of a switchover: nothing was changed. */
const REFUSED = "code: 'REFUSED'";
const ATTEMPTS = 5;

/** Runs it and requires that it died of its own SIGKILL; it is run again when it was refused before it came to that. */
export async function crash(
  fixture: string,
  file: string,
  at: string,
  verb: string,
  ...nodes: string[]
): Promise<void> {
  let last = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { code, signal, stderr } = await runCrash(fixture, file, at, 'self', verb, ...nodes);
    if (signal === 'SIGKILL') return;
    last = `${[verb, ...nodes].join(' ')} did not crash at ${at} (exit ${code}): ${stderr}`;
    if (!stderr.includes(REFUSED)) break;
  }
  throw new Error(last);
}
