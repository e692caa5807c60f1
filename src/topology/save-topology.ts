import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ReplctlError } from '../errors.ts';

/** The name under which a topology file is written, with the pid of who does. */
export const TEMPORARY_TOPOLOGY = /^\..+\.replctl-(\d+)-[0-9a-f]+\.tmp$/;

/**
 * Writes a topology file whole or not at all: temporary file beside it, fsync, rename, fsync of the folder. The mode
 * stays, and a symbolic link stays a link to the file that is written.
 *
 * `expected` is the text the edit was made from. REFUSED when the file holds anything else by now.
 */
export async function saveTopology(file: string, text: string, expected: string): Promise<void> {
  const target = await realpath(file).catch((error: unknown) => {
    throw refuse(file, 'is gone', error);
  });
  const current = await readFile(target, 'utf8');
  if (digest(current) !== digest(expected)) throw refuse(file, 'was changed by someone else meanwhile');
  if (current === text) return;
  const { mode, uid, gid } = await stat(target);
  const temporary = path.join(
    path.dirname(target),
    `.${path.basename(target)}.replctl-${process.pid}-${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    const handle = await open(temporary, 'wx', mode & 0o777);
    try {
      await handle.chmod(mode & 0o777);
      if (process.getuid?.() === 0) await handle.chown(uid, gid);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw refuse(file, `cannot be written: ${(error as Error).message}`, error);
  }
  const folder = await open(path.dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function refuse(file: string, why: string, cause?: unknown): ReplctlError {
  return new ReplctlError('REFUSED', `${file} ${why}: it was left as it is`, {
    hint: 'run the command again',
    cause,
  });
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
