import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { DIRECTIVES } from '../../conf/directives.ts';
import { rewriteConf, rewriteEntry, type RewriteEntry } from '../../conf/rewrite-conf.ts';
import type { LiveConfig } from './live-config.ts';

/**
 * CONFIG REWRITE: brings a conf file in line with the live configuration. The new text gets its name only when it is
 * whole and on disk, and holds secrets, so only its owner may read it. A text says why it can't be.
 *
 * `userLines` are the `user …` lines of the ACL, none when it has a file of its own. `isWhole` writes what has its
 * default too.
 */
export function rewriteFile(
  file: string,
  config: LiveConfig,
  userLines: readonly string[],
  isWhole = false,
): string | undefined {
  const entries: RewriteEntry[] = DIRECTIVES.filter(({ kind }) => kind.type !== 'line').map((directive) =>
    rewriteEntry(directive, config.text(directive.name)),
  );
  if (isWhole)
    for (const [at, { name, lines }] of entries.entries())
      entries[at] = { name, lines: lines.map(({ text }) => ({ text, force: true })) };
  entries.push({ name: 'user', lines: userLines.map((text) => ({ text, force: true })) });
  try {
    writeWhole(file, rewriteConf(readOld(file), entries));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function readOld(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** Writes bytes (a byte string) under a temporary name, 0600, and renames when they are on disk. */
export function writeWhole(file: string, content: string): void {
  const temporary = `${file}.${String(process.pid)}.tmp`;
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    chmodSync(temporary, 0o600);
    writeSync(descriptor, Buffer.from(content, 'latin1'));
    fsyncSync(descriptor);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  syncFolder(path.dirname(file));
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
