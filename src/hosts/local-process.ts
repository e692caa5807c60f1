import { readFile, readdir, readlink } from 'node:fs/promises';
import type { PortHolder, ProcessIdentity } from './host.ts';

/** Identity of a living process from /proc, or from `ps` where there is no /proc. */
export async function readProcess(pid: number): Promise<ProcessIdentity | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? readProc(pid) : readPs(pid);
}

/** The listener of a TCP port from /proc/net, or from `lsof` where there is no /proc. */
export async function findPortHolder(port: number): Promise<PortHolder | null> {
  return process.platform === 'linux' ? findInProc(port) : findByLsof(port);
}

async function readProc(pid: number): Promise<ProcessIdentity | null> {
  const stat = await readOrNull(`/proc/${pid}/stat`);
  const commandLine = await readOrNull(`/proc/${pid}/cmdline`);
  if (stat === null || commandLine === null) return null;
  const bootId = (await readOrNull('/proc/sys/kernel/random/boot_id')) ?? '';
  return describeProcess(pid, stat, bootId, commandLine);
}

/** From the texts of /proc; null for a zombie. Ticks since boot name a start only together with the boot. */
export function describeProcess(
  pid: number,
  stat: string,
  bootId: string,
  commandLine: string,
): ProcessIdentity | null {
  // proc(5): the second field is the name in parentheses and may hold spaces; state is the next, starttime the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state = ''] = fields;
  if (state.startsWith('Z') || state === 'X') return null;
  // redis-server pads the title it writes over its arguments with NULs.
  return {
    pid,
    startTime: `${bootId.trim()}/${fields[19]?.trim() ?? ''}`,
    commandLine: commandLine.replaceAll('\0', ' ').trim(),
  };
}

async function readPs(pid: number): Promise<ProcessIdentity | null> {
  const { runProcess } = await import('./run-process.ts');
  const read = async (field: string): Promise<string | null> => {
    const { exitCode, stdout } = await runProcess(['ps', '-ww', '-o', `${field}=`, '-p', String(pid)]);
    return exitCode === 0 ? stdout.trim() : null;
  };
  const [state, startTime, commandLine] = await Promise.all([read('state'), read('lstart'), read('command')]);
  if (state === null || startTime === null || commandLine === null || state.startsWith('Z')) return null;
  return { pid, startTime, commandLine };
}

async function findInProc(port: number): Promise<PortHolder | null> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  // proc(5): sl, local address, remote address (none for a listener), state 0A, queues, timer, retransmits, uid, timeout, inode.
  const listener = new RegExp(String.raw`:${hex} 0+:0000 0A(?: +\S+){5} +(\d+)`, 'g');
  const inodes = [...(await readSocketTables()).matchAll(listener)].map(([, inode]) => `socket:[${inode}]`);
  if (inodes.length === 0) return null;
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsSocket(entry, inodes))) {
      const facts = await readProc(Number(entry));
      return { pid: Number(entry), command: facts?.commandLine ?? null };
    }
  }
  return { pid: null, command: null };
}

let reading: Promise<string> | null = null;

/** Many nodes ask at once, and a table may hold ten thousand sockets: who asks while it is being read gets the same. */
function readSocketTables(): Promise<string> {
  reading ??= Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readOrNull))
    .then((tables) => tables.join('\n'))
    .finally(() => (reading = null));
  return reading;
}

async function holdsSocket(pid: string, inodes: readonly string[]): Promise<boolean> {
  const descriptors = await tolerate(() => readdir(`/proc/${pid}/fd`));
  const links = await Promise.all(
    (descriptors ?? []).map((fd) => tolerate(() => readlink(`/proc/${pid}/fd/${fd}`))),
  );
  return links.some((link) => link !== null && inodes.includes(link));
}

async function findByLsof(port: number): Promise<PortHolder | null> {
  const { runProcess } = await import('./run-process.ts');
  const { stdout } = await runProcess(['lsof', '-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp']);
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  if (pid === undefined) return null;
  const facts = await readPs(Number(pid));
  return { pid: Number(pid), command: facts?.commandLine ?? null };
}

function readOrNull(file: string): Promise<string | null> {
  return tolerate(() => readFile(file, 'utf8'));
}

/** Processes end, and belong to others, while one reads /proc: what cannot be read is not there. */
async function tolerate<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}
