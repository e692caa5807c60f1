/**
 * A machine that nodes live on. Everything replctl does to files and processes goes through one of these, so that a
 * node reached over ssh is handled like a local one. Failures are ReplctlErrors that name the host and the path.
 */
export interface Host {
  /** For messages: `this machine`, or the ssh destination. */
  readonly name: string;
  readonly isLocal: boolean;
  /** Runs a command to its end. A non-zero exit is a result, not an error; a missing binary has `exitCode` 127. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** UTF-8 text of a file; null when there is none. */
  readFile(path: string): Promise<string | null>;
  /** The first `maxBytes` of a file, as they are; null when there is none. */
  readHead(path: string, maxBytes: number): Promise<Buffer | null>;
  /** The last `maxBytes` of a file, so that a log of any size can be quoted; null when there is none. */
  readTail(path: string, maxBytes: number): Promise<string | null>;
  /** Whole or not at all: temp name beside it, fsync, rename. `mode` defaults to 0600. */
  writeFile(path: string, text: string, mode?: number): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Makes the folder and its parents, 0700; fails when it cannot be written to. */
  makeDir(path: string): Promise<void>;
  /** Removes exactly this file or folder (with what it holds); nothing when it is already gone. */
  remove(path: string): Promise<void>;
  /** Starts a process that outlives replctl and its terminal; what it prints goes to `outputFile` (0600, emptied first). */
  spawnDetached(argv: readonly string[], options: SpawnOptions): Promise<DetachedProcess>;
  /** What identifies a living process; null when there is none (a zombie counts as none). */
  processFacts(pid: number): Promise<ProcessIdentity | null>;
  /** Signals only when pid, start time and command line all still match; says whether it did. */
  signal(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<boolean>;
  /** Who listens on a TCP port; null when nobody does, or it cannot be known. */
  portHolder(port: number): Promise<PortHolder | null>;
}

export interface RunOptions {
  /** Fed to stdin: the only way a secret may reach a command. */
  readonly input?: string;
  /** Default 10 s; past it the command is killed and `exitCode` is null. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** null when it was killed: by us at the timeout, or by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd: string;
  readonly outputFile: string;
}

export interface DetachedProcess {
  readonly pid: number;
  /** null while it runs; 128 + n when signal n ended it. */
  exitCode(): Promise<number | null>;
}

/** Pids are reused: a process is the recorded one only when all three match. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque, equal for the same process only: boot id and start tick on Linux, `ps lstart` elsewhere. */
  readonly startTime: string;
  readonly commandLine: string;
}

export interface PortHolder {
  /** null when the listener belongs to a user whose processes we may not look into. */
  readonly pid: number | null;
  readonly command: string | null;
}

export function isSameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.commandLine === b.commandLine;
}
