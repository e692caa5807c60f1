import type { ReplyWriter } from '../resp/reply-writer.ts';
import { openBaseLibrary } from './library/base-library.ts';
import {
  isTable,
  largeStrings,
  Lua,
  LuaError,
  PAUSED,
  type LuaTable,
  type LuaValue,
  type Opaque,
} from './lua.ts';
import { ReplyReader, writeLuaReply } from './lua-reply.ts';
import { createRedisTable, errorTable } from './redis-api.ts';
import type { ScriptRun } from './script-run.ts';
import { openLibraries } from './library/libraries.ts';
import type { Server } from '../server.ts';

/** Instructions between two looks at the clock: some 0.1 ms. */
const STEP_INSTRUCTIONS = 2000;

const LOAD_TIMEOUT_MS = 500;

/** A Lua state prepared for scripts, and the way of one script through it. */
export class Engine {
  readonly lua = new Lua();
  readonly redis: LuaTable;
  private readonly reader: ReplyReader;
  private run: ScriptRun | undefined;

  /** `extra` are globals that get values of their own at each run (KEYS, ARGV). */
  constructor(server: Server, extra: readonly string[]) {
    const { lua } = this;
    this.reader = new ReplyReader(lua);
    openBaseLibrary(lua);
    openLibraries(lua);
    this.redis = createRedisTable(lua, {
      call: (argv) =>
        this.run === undefined ? { error: 'No script is running' } : this.run.call(argv, this.reader),
      log: (level, text) => server.log(level, text),
      setResp: (version) => this.run?.setResp(version),
      setTargets: (targets) => {
        server.propagation.mask = targets;
      },
      mayRun: (argv) => this.run?.mayRun(argv),
    });
    lua.set(lua.globals, 'redis', this.redis);
    for (const name of extra) lua.set(lua.globals, name, lua.table());
    this.protect();
    lua.onStep = (mayPause) => this.run?.step(lua, mayPause) ?? false;
  }

  /**
   * Calls a function and writes its result, or the error it raised, as the reply. False when it paused, being slow:
   * `proceed` goes on with it.
   */
  execute(run: ScriptRun, fn: Opaque, args: readonly LuaValue[], reply: ReplyWriter): boolean {
    const { lua } = this;
    this.run = run;
    lua.watch(STEP_INSTRUCTIONS);
    return this.attempt(run, reply, () =>
      lua.start(fn, args, (raised, position) => describeError(lua, raised, position)),
    );
  }

  proceed(run: ScriptRun, reply: ReplyWriter): boolean {
    return this.attempt(run, reply, () => this.lua.proceed());
  }

  private attempt(run: ScriptRun, reply: ReplyWriter, work: () => LuaValue | typeof PAUSED): boolean {
    const { lua } = this;
    largeStrings.listener = () => run.checkMemory();
    run.beginSlice();
    let hasPaused = false;
    try {
      const value = work();
      if (value === PAUSED) hasPaused = true;
      else writeLuaReply(lua, reply, value, run.resp);
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      reply.error(errorText(lua, error.value, run.name));
    } finally {
      largeStrings.listener = () => undefined;
      if (!hasPaused) {
        lua.watch(0);
        this.run = undefined;
      }
    }
    return !hasPaused;
  }

  /** Runs what loads a library, which must not take longer than 500 ms (source: LOAD_TIMEOUT_MS). */
  limitLoading(load: () => void): void {
    const { lua } = this;
    const serve = lua.onStep;
    const startedMs = performance.now();
    lua.onStep = () => {
      if (performance.now() - startedMs < LOAD_TIMEOUT_MS) return false;
      lua.watch(1);
      throw new LuaError(errorTable(lua, 'FUNCTION LOAD timeout'), false);
    };
    lua.watch(STEP_INSTRUCTIONS);
    try {
      load();
    } finally {
      lua.watch(0);
      lua.onStep = serve;
    }
  }

  /** Makes the globals and all their tables unchangeable, and unknown globals an error. */
  private protect(): void {
    const { lua } = this;
    const guard = lua.record({
      __index: lua.function(([, name]) => {
        throw new LuaError(`Script attempted to access nonexistent global variable '${textOf(name)}'`);
      }),
    });
    lua.freeze(guard);
    lua.globals.metatable = guard;
    for (const [, value] of lua.entries(lua.globals)) if (isTable(value)) lua.freeze(value);
    const texts = lua.call(lua.compile("return getmetatable('')", 'init'), []);
    if (isTable(texts)) lua.freeze(texts);
  }
}

/** What the error handler of Redis makes of an error: a table with `err`, `source` and `line`. */
export function describeError(
  lua: Lua,
  raised: LuaValue,
  position: { readonly source: string; readonly line: number } | undefined,
): LuaValue {
  const table = isTable(raised) ? raised : errorTable(lua, textOf(raised));
  if (position !== undefined && !lua.isFrozen(table)) {
    lua.set(table, 'source', position.source);
    lua.set(table, 'line', position.line);
  }
  return table;
}

function errorText(lua: Lua, raised: LuaValue, name: string): string {
  if (!isTable(raised)) return `ERR ${textOf(raised)}`;
  const text = lua.get(raised, 'err');
  const source = lua.get(raised, 'source');
  const line = lua.get(raised, 'line');
  const where = typeof source === 'string' ? ` script: ${name}, on ${source}:${textOf(line)}.` : '';
  return `${typeof text === 'string' ? text.replace(/^-/, '') : '(null)'}${where}`;
}

function textOf(value: LuaValue): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return 'nil';
  return typeof value === 'object' ? 'userdata' : String(value);
}
