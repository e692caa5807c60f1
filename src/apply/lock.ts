import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';
import { isSameProcess, type Host, type ProcessIdentity } from '../hosts/host.ts';

interface Holder {
  readonly process: ProcessIdentity;
  readonly command: string;
  readonly sinceMs: number;
  /** Tells two operations of one process apart. */
  readonly token: string;
}

export interface Lock {
  release(): Promise<void>;
}

/**
 * One operation at a time on a deployment. A lock whose process is gone is taken over at once. Fails with LOCKED, and
 * says who holds it.
 */
export async function acquireLock(stateDir: string, command: string, host: Host): Promise<Lock> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const file = path.join(stateDir, 'lock');
  const self = await host.processFacts(process.pid);
  if (self === null) throw new ReplctlError('INTERNAL', 'this process is not in the process table');
  const token = randomUUID();
  const claim = `${file}.${process.pid}.${token}`;
  const holder: Holder = { process: self, command, sinceMs: Date.now(), token };
  await writeFile(claim, JSON.stringify(holder), { mode: 0o600 });
  try {
    while (!(await tryLink(claim, file))) {
      const other = await readHolder(file);
      if (other === null) continue;
      if (await isAlive(host, other)) throw heldBy(other, file);
      await takeOver(file, claim, other, host);
      if ((await readHolder(file))?.token === token) break;
    }
  } finally {
    await rm(claim, { force: true });
  }
  return { release: () => rm(file, { force: true }) };
}

/** Whether the file is a lock, or a mark of one, and its process is gone. */
export async function isLeftByTheDead(file: string, host: Host): Promise<boolean> {
  const holder = await readHolder(file);
  return holder !== null && !(await isAlive(host, holder));
}

async function isAlive(host: Host, holder: Holder): Promise<boolean> {
  const facts = await host.processFacts(holder.process.pid);
  return facts !== null && isSameProcess(facts, holder.process);
}

/**
 * Replaces the lock of a dead process. Only who makes the marker named after the dead holder may do so, and only while
 * the lock is still that holder's: two that find the same dead holder cannot both win.
 */
async function takeOver(file: string, claim: string, dead: Holder, host: Host): Promise<void> {
  const marker = `${file}.takeover`;
  if (!(await tryLink(claim, marker))) {
    const other = await readHolder(marker);
    if (other !== null && !(await isAlive(host, other))) await rm(marker, { force: true });
    return;
  }
  try {
    const current = await readHolder(file);
    if (current?.token === dead.token) {
      const replacement = `${claim}.new`;
      await link(claim, replacement);
      await rename(replacement, file);
    }
  } finally {
    await rm(marker, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(file: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new ReplctlError('LOCKED', `${file}: not a lock of replctl`, {
      cause: error,
      hint: `look at it, and remove it when no replctl is running`,
    });
  }
}

function heldBy({ process: holder, command, sinceMs }: Holder, file: string): ReplctlError {
  const since = new Date(sinceMs).toISOString();
  return new ReplctlError(
    'LOCKED',
    `another operation is running: ${command} (pid ${holder.pid}, since ${since})`,
    {
      hint: 'wait for it to end, or interrupt it',
      details: { pid: holder.pid, command, since, lock: file },
    },
  );
}
