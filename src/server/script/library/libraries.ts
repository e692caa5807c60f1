import type { Lua } from '../lua.ts';
import { openBit } from './bit-library.ts';

/** The libraries that Redis adds to Lua. */
export function openLibraries(lua: Lua): void {
  openBit(lua);
}
