import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { caughtUp } from './caught-up.ts';
import { infoFields } from './info-fields.ts';
import { poll } from './poll.ts';
import { clearFolder } from './processes-in.ts';

const BIN = path.join(import.meta.dirname, '..', '..', 'bin', 'run.js');

/** For verbs that would take a node for dead, or give a switchover up, when a machine is busy for a second. */
export const PATIENT = ['--timeout', '30s'] as const;

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a topology file, the real CLI run in it, and a promise that nothing of it outlives the test. */
export class Deployment {
  readonly dir: string;
  readonly file: string;
  private readonly clients: Redis[] = [];
  private readonly env: Record<string, string>;

  constructor(topology: string, env: Record<string, string> = {}) {
    this.dir = mkdtempSync(path.join(tmpdir(), 'replctl-e2e-'));
    this.file = path.join(this.dir, 'topology.yaml');
    this.env = env;
    writeFileSync(this.file, topology);
  }

  edit(change: (text: string) => string): void {
    writeFileSync(this.file, change(readFileSync(this.file, 'utf8')));
  }

  /** Runs the built CLI; `killAfterMs` sends it SIGKILL, as a crash would. */
  async run(
    args: readonly string[],
    options: { killAfterMs?: number; input?: string } = {},
  ): Promise<CliResult> {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: this.dir,
      env: { ...process.env, NO_COLOR: '1', REPLCTL_TOPOLOGY: '', ...this.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.stdin.end(options.input ?? '');
    const timer =
      options.killAfterMs === undefined
        ? undefined
        : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout, stderr });
      });
    });
  }

  /** Runs the CLI and fails, with all it printed, unless it exits as expected. */
  async expect(code: number, ...args: string[]): Promise<CliResult> {
    const result = await this.run(args);
    if (result.code !== code) {
      throw new Error(
        `replctl ${args.join(' ')}: exit ${result.code ?? result.signal}, expected ${code}\n${result.stdout}\n${result.stderr}`,
      );
    }
    return result;
  }

  ok(...args: string[]): Promise<CliResult> {
    return this.expect(0, ...args);
  }

  async json<T>(...args: string[]): Promise<T> {
    const result = await this.run([...args, '--json']);
    return JSON.parse(result.stdout) as T;
  }

  /** Waits until `status` finds nothing: a process that had to wait for a core may be late once. */
  async healthy(...args: string[]): Promise<CliResult> {
    const seen: CliResult[] = [];
    try {
      return await poll('status finds nothing', async () => {
        const result = await this.run(['status', ...PATIENT, ...args]);
        seen.push(result);
        return result.code === 0 && result;
      });
    } catch (error) {
      throw new Error(`status: ${seen.at(-1)?.stdout}`, { cause: error });
    }
  }

  /** A client that connects once and reports, never retries. */
  client(port: number, password?: string): Redis {
    const client = new Redis({
      port,
      host: '127.0.0.1',
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      // Plain RESP2 without a word of its own: a server that wants a password must say so to the test's command.
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      ...(password === undefined ? {} : { password }),
    });
    client.on('error', () => undefined);
    this.clients.push(client);
    return client;
  }

  /** One command on a connection of its own. */
  async call(port: number, ...args: string[]): Promise<unknown> {
    const client = this.client(port);
    try {
      await client.connect();
      const [command, ...rest] = args;
      return await client.call(command ?? 'PING', ...rest);
    } finally {
      client.disconnect();
    }
  }

  async info(port: number, section = 'replication'): Promise<Record<string, string>> {
    return infoFields(await this.call(port, 'INFO', section));
  }

  /** Waits until every port reports the link up and the same offset as the first, which is the master. */
  async converged(master: number, replicas: readonly number[]): Promise<void> {
    await caughtUp((port: number) => this.info(port), master, replicas);
  }

  /** Pids of servers whose command line or pidfile lies in this folder. */
  pids(): number[] {
    const found = new Set<number>();
    for (const file of readdirSync(this.dir, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.pid')) continue;
      const pid = Number(readFileSync(path.join(this.dir, file), 'utf8').trim());
      if (Number.isInteger(pid) && pid > 1 && this.isOurs(pid)) found.add(pid);
    }
    return [...found];
  }

  pidOf(id: string): number {
    const file = readdirSync(path.join(this.dir, '.replctl'), { recursive: true, encoding: 'utf8' }).find(
      (name) => name.endsWith(`nodes/${id}/redis.pid`),
    );
    if (file === undefined) throw new Error(`no pidfile of ${id}`);
    return Number(readFileSync(path.join(this.dir, '.replctl', file), 'utf8').trim());
  }

  private isOurs(pid: number): boolean {
    const environ = `/proc/${pid}/cwd`;
    if (!existsSync(environ)) return false;
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return /redis-server|valkey-server|server\.js/.test(commandLine);
  }

  async destroy(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    if (existsSync(path.join(this.dir, '.replctl'))) await this.run(['down']);
    await clearFolder(this.dir);
  }
}
