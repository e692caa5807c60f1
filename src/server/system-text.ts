import { getSystemErrorMap } from 'node:util';

/** Where the system's words are not those of libuv with a capital. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  EIO: 'Input/output error',
  EDQUOT: 'Disk quota exceeded',
  EROFS: 'Read-only file system',
};

/** What the C library says of a system's error, as Redis' logs and replies do; others speak for themselves. */
export function systemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '', errno = 0 } = error as NodeJS.ErrnoException;
  const known = OTHER_WORDS[code] ?? getSystemErrorMap().get(errno)?.[1];
  return known === undefined ? error.message : known.charAt(0).toUpperCase() + known.slice(1);
}
