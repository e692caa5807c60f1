import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject } from 'vitest';
import { freePorts } from './free-ports.ts';
import { poll } from './poll.ts';

export interface BundledServer {
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  /** What it printed so far. */
  readonly output: () => string;
  /** Kills the process and removes its folder. */
  readonly stop: () => Promise<void>;
}

/** A bundled server of its own on loopback, in a temporary folder that `prepare` may fill before. */
export async function startBundledServer(
  flags: readonly string[] = [],
  prepare: (folder: string) => void = () => undefined,
): Promise<BundledServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-bundled-'));
  prepare(folder);
  const [port] = (await freePorts(1)) as [number];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn(
    process.execPath,
    [inject('serverScript'), ...args, '--enable-debug-command', 'yes', ...flags],
    {
      stdio: 'pipe',
    },
  );
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await poll('the bundled server to be ready', async () => {
      if (child.exitCode !== null) throw new Error(`replctl-server ended: ${output}`);
      return output.includes('eady to accept connections');
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, folder, pid: child.pid ?? 0, output: () => output, stop };
}
