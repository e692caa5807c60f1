import type { Lua } from '../lua.ts';
import { openBit } from './bit-library.ts';
import { openCjson } from './cjson-library.ts';
import { openCmsgpack } from './cmsgpack-library.ts';
import { openStruct } from './struct-library.ts';

/** The libraries that Redis adds to Lua. */
export function openLibraries(lua: Lua): void {
  openBit(lua);
  openCjson(lua);
  openCmsgpack(lua);
  openStruct(lua);
}
