import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { constants as osConstants } from 'node:os';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { type DetachedProcess, type Host, type SpawnOptions, isSameProcess } from './host.ts';
import { findPortHolder, readProcess } from './local-process.ts';

/** The machine replctl runs on. */
export const localHost: Host = {
  name: 'this machine',
  isLocal: true,
  async run(argv, options) {
    const { runProcess } = await import('./run-process.ts');
    return runProcess(argv, options);
  },
  readFile: (file) => orNull(file, () => readFile(file, 'utf8')),
  readHead: (file, maxBytes) => orNull(file, () => readHead(file, maxBytes)),
  readTail: (file, maxBytes) => orNull(file, () => readTail(file, maxBytes)),
  writeFile: (file, text, mode = 0o600) => wrap('write', file, () => writeWhole(file, text, mode)),
  exists: async (file) => (await orNull(file, () => stat(file))) !== null,
  makeDir: (dir) => wrap('use the folder', dir, () => makeWritableDir(dir)),
  remove: (file) => wrap('remove', file, () => rm(file, { recursive: true, force: true })),
  spawnDetached: (argv, options) => spawnDetached(argv, options),
  processFacts: readProcess,
  async signal(identity, signal) {
    const current = await readProcess(identity.pid);
    if (current === null || !isSameProcess(current, identity)) return false;
    try {
      return process.kill(identity.pid, signal);
    } catch (error) {
      if (codeOf(error) === 'ESRCH') return false;
      throw new ReplctlError(
        'REFUSED',
        `may not send ${signal} to pid ${identity.pid} (${identity.commandLine})`,
        {
          hint: 'run replctl as the user that started the node',
          cause: error,
        },
      );
    }
  },
  portHolder: findPortHolder,
};

async function readHead(file: string, maxBytes: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readTail(file: string, maxBytes: number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - maxBytes);
    const buffer = Buffer.alloc(size - start);
    await handle.read(buffer, 0, buffer.length, start);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}

async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, 'w', mode);
  try {
    await handle.chmod(mode);
    await handle.writeFile(text, 'utf8');
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(path.dirname(file));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function makeWritableDir(dir: string): Promise<void> {
  const first = await mkdir(dir, { recursive: true, mode: 0o700 });
  // A umask may have taken bits away from what we made; folders that were there already keep their mode.
  if (first !== undefined) await chmod(dir, 0o700);
  await access(dir, constants.W_OK | constants.X_OK);
}

async function spawnDetached(argv: readonly string[], options: SpawnOptions): Promise<DetachedProcess> {
  const [command = '', ...args] = argv;
  const output = await wrap('write', options.outputFile, () => open(options.outputFile, 'w', 0o600));
  try {
    // A new session: no signal of the terminal reaches it, and it does not hold the terminal.
    const child = spawn(command, args, {
      cwd: options.cwd,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    let exitCode: number | null = null;
    child.on('exit', (code, signal) => {
      exitCode = code ?? 128 + (signal === null ? 0 : osConstants.signals[signal]);
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { pid: child.pid ?? 0, exitCode: () => Promise.resolve(exitCode) };
  } catch (error) {
    throw new ReplctlError('NODE_NOT_STARTED', `cannot run ${command} on this machine (${codeOf(error)})`, {
      hint: `install ${path.basename(command)}, name its path with "engine: {kind: …, command: …}", or use "engine: bundled"`,
      cause: error,
    });
  } finally {
    await output.close();
  }
}

async function orNull<T>(file: string, action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw refuse('read', file, error);
  }
}

async function wrap<T>(verb: string, file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw refuse(verb, file, error);
  }
}

function refuse(verb: string, file: string, cause: unknown): ReplctlError {
  return new ReplctlError('REFUSED', `cannot ${verb} ${file} on this machine (${codeOf(cause)})`, {
    hint: `check the owner and the permissions of ${path.dirname(file)}`,
    details: { path: file, errno: codeOf(cause) },
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);
}
