import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ConfFile } from '../../conf/parse-conf.ts';
import { matchGlob } from '../keyspace/match-glob.ts';

/**
 * The files an `include` names, relative to the working directory as in Redis. A pattern without a match is no error;
 * a file that can't be read is one, given as Redis' text.
 */
export function readInclude(pattern: string): readonly ConfFile[] | string {
  const files: ConfFile[] = [];
  for (const file of /[*?[]/.test(pattern) ? expand(pattern) : [pattern]) {
    try {
      files.push({ path: file, content: readFileSync(file) });
    } catch (error) {
      return `Fatal error, can't open config file '${file}': ${describe(error)}`;
    }
  }
  return files;
}

/** Wildcards in any part of a path, in sorted order. */
function expand(pattern: string): string[] {
  let bases = [path.isAbsolute(pattern) ? '/' : '.'];
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    bases = bases.flatMap((base) => {
      if (!/[*?[]/.test(part)) return [path.join(base, part)];
      return listNames(base)
        .filter((name) => matchGlob(part, name) && (part.startsWith('.') || !name.startsWith('.')))
        .map((name) => path.join(base, name));
    });
  }
  return bases;
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    // As glob(3): what can't be listed matches nothing.
    if (error instanceof Error && 'code' in error) return [];
    throw error;
  }
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'No such file or directory';
  if (code === 'EACCES') return 'Permission denied';
  if (code === 'EISDIR') return 'Is a directory';
  return error instanceof Error ? error.message : String(error);
}
