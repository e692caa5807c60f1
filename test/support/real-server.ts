import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { majorVersion } from './engines.ts';
import { freePorts } from './free-ports.ts';
import { poll } from './poll.ts';

export interface RealServer {
  readonly port: number;
  readonly folder: string;
  readonly client: Redis;
  /** Kills the process and removes its folder. */
  readonly stop: () => Promise<void>;
}

/** A redis-server or valkey-server of its own on loopback, in a temporary folder that `prepare` may fill before. */
export async function startRealServer(
  binary: 'redis-server' | 'valkey-server',
  flags: readonly string[] = [],
  prepare: (folder: string) => void = () => undefined,
): Promise<RealServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replctl-engine-'));
  prepare(folder);
  const [port] = (await freePorts(1)) as [number];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn(binary, [...args, ...debugFlags(binary), ...flags], { stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  const stop = async (): Promise<void> => {
    client.disconnect();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await poll(`${binary} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`${binary} ended: ${output}`);
      return output.includes('eady to accept connections');
    });
    await client.connect();
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, folder, client, stop };
}

/** Redis before 7.0 always allows DEBUG, and stops at a directive it does not know. */
function debugFlags(binary: 'redis-server' | 'valkey-server'): readonly string[] {
  return (majorVersion(binary) ?? 7) < 7 ? [] : ['--enable-debug-command', 'yes'];
}
