/** Less than this is nothing that V8 would stop for. */
const LARGE_BYTES = 16 * 1024 * 1024;

/**
 * Collects all garbage now, for some ten milliseconds, if much data has come in. V8 counts the memory outside its heap
 * that was taken since its last whole collection, and beyond some 40 MB stops everything for the next one: without
 * this, in the midst of the first save.
 */
export function collectAfterLoad(loadedBytes: number): void {
  if (loadedBytes < LARGE_BYTES) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
  const collect: unknown = process.getBuiltinModule('node:vm').runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
