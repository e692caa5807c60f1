import type { Context } from '../command/context.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import { describeError, Engine } from './engine.ts';
import { isFunction, isTable, LuaError, type Lua, type LuaTable, type LuaValue, type Opaque } from './lua.ts';
import { createLoadTable, errorTable } from './redis-api.ts';
import { flagOf } from './script-flags.ts';
import { readKeys } from './scripting.ts';

export interface LibraryFunction {
  readonly name: string;
  readonly description: string | undefined;
  readonly flags: number;
  readonly fn: Opaque;
}

export interface Library {
  readonly name: string;
  readonly code: string;
  /** By their names in lower case: case does not tell them apart. */
  readonly functions: ReadonlyMap<string, LibraryFunction>;
}

const NAME = /^[A-Za-z0-9_]+$/;
const BAD_NAME =
  'Library names can only contain letters, numbers, or underscores(_) and must be at least one character long';

/** FUNCTION's libraries (source: functions.c and function_lua.c). */
export class FunctionLibraries {
  private readonly server: Server;
  private libraries = new Map<string, Library>();
  private loaded: { readonly engine: Engine; readonly loadTable: LuaTable } | undefined;
  /** Functions of the library that is being loaded. */
  private registering: Map<string, LibraryFunction> | undefined;

  constructor(server: Server) {
    this.server = server;
  }

  get all(): readonly Library[] {
    return [...this.libraries.values()];
  }

  get functionCount(): number {
    let count = 0;
    for (const { functions } of this.libraries.values()) count += functions.size;
    return count;
  }

  /** Loads a library and gives its name; throws what is wrong with it, and then nothing has changed. */
  load(code: string, replaces: boolean): string {
    this.libraries = this.withLibrary(this.libraries, code, replaces);
    return readMetadata(code).name;
  }

  /** All of them or none: for a dump. */
  restore(codes: readonly string[], policy: 'flush' | 'append' | 'replace'): void {
    let libraries = policy === 'flush' ? new Map<string, Library>() : this.libraries;
    for (const code of codes) {
      const { name } = readMetadata(code);
      if (policy !== 'replace' && libraries.has(name))
        throw new ReplyError(`ERR Library ${name} already exists`);
      libraries = this.withLibrary(libraries, code, true);
    }
    this.libraries = libraries;
  }

  delete(name: string): boolean {
    return this.libraries.delete(name);
  }

  flush(): void {
    this.libraries = new Map();
    this.loaded = undefined;
  }

  /** FCALL and FCALL_RO. */
  call(ctx: Context, args: Args, isReadOnly: boolean): void {
    const name = args.string(1);
    const found = this.find(name);
    if (found === undefined) throw new ReplyError('ERR Function not found');
    const { keys, values } = readKeys(args, new ReplyError('ERR Bad number of keys provided'));
    const { engine } = this.engine();
    const { lua } = engine;
    const job = { name, isFunction: true, flags: found.flags, isReadOnly, engine, fn: found.fn };
    ctx.server.scripting.execute(ctx, args, job, [lua.list(keys), lua.list(values)]);
  }

  find(name: string): LibraryFunction | undefined {
    for (const { functions } of this.libraries.values()) {
      const found = functions.get(name.toLowerCase());
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private withLibrary(
    known: ReadonlyMap<string, Library>,
    code: string,
    replaces: boolean,
  ): Map<string, Library> {
    const { name, body } = readMetadata(code);
    if (known.has(name) && !replaces) throw new ReplyError(`ERR Library '${name}' already exists`);
    const libraries = new Map(known);
    libraries.delete(name);
    const functions = this.compile(body);
    if (functions.size === 0) throw new ReplyError('ERR No functions registered');
    for (const other of libraries.values()) {
      for (const own of functions.keys()) {
        if (other.functions.has(own)) throw new ReplyError(`ERR Function ${own} already exists`);
      }
    }
    libraries.set(name, { name, code, functions });
    return libraries;
  }

  /** Runs a library's code, which registers its functions. */
  private compile(body: string): Map<string, LibraryFunction> {
    const { engine, loadTable } = this.engine();
    const { lua } = engine;
    const functions = new Map<string, LibraryFunction>();
    let chunk: Opaque;
    try {
      chunk = lua.compile(body, 'user_function');
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      throw new ReplyError(`ERR Error compiling function: ${error.message}`);
    }
    this.registering = functions;
    // What loads sees nothing but how to register (`luaEngineCreate` in function_lua.c); what it registers sees all.
    const hidden = new Map(lua.entries(lua.globals) as Iterable<[string, LuaValue]>);
    for (const name of hidden.keys()) lua.replace(lua.globals, name, undefined);
    lua.replace(lua.globals, 'redis', loadTable);
    try {
      engine.limitLoading(() => lua.call(chunk, [], (raised) => describeError(lua, raised, undefined)));
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      const text = isTable(error.value) ? lua.get(error.value, 'err') : error.value;
      throw new ReplyError(`ERR Error registering functions: ${typeof text === 'string' ? text : 'unknown'}`);
    } finally {
      this.registering = undefined;
      for (const [name, value] of hidden) lua.replace(lua.globals, name, value);
    }
    return functions;
  }

  private register(lua: Lua, args: readonly LuaValue[]): void {
    const fail = (text: string): LuaError => new LuaError(errorTable(lua, text), false);
    if (this.registering === undefined)
      throw fail('redis.register_function can only be called on FUNCTION LOAD command');
    const entry = readRegistration(lua, args, fail);
    if (!NAME.test(entry.name)) throw fail(BAD_NAME);
    const key = entry.name.toLowerCase();
    if (this.registering.has(key)) throw fail('Function already exists in the library');
    this.registering.set(key, entry);
  }

  private engine(): { readonly engine: Engine; readonly loadTable: LuaTable } {
    if (this.loaded !== undefined) return this.loaded;
    const { server } = this;
    const engine = new Engine(server, []);
    const { lua } = engine;
    const port = { log: server.log.bind(server) };
    const loadTable = createLoadTable(lua, port, (args) => this.register(lua, args));
    loadTable.metatable = lua.globals.metatable;
    lua.freeze(loadTable);
    return (this.loaded = { engine, loadTable });
  }
}

function readRegistration(
  lua: Lua,
  args: readonly LuaValue[],
  fail: (text: string) => LuaError,
): LibraryFunction {
  const [first, second] = args;
  if (args.length === 2) {
    if (typeof first !== 'string') throw fail('first argument to redis.register_function must be a string');
    if (!isFunction(second)) throw fail('second argument to redis.register_function must be a function');
    return { name: first, description: undefined, flags: 0, fn: second };
  }
  if (args.length !== 1) throw fail('wrong number of arguments to redis.register_function');
  if (!isTable(first)) {
    throw fail(
      'calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).',
    );
  }
  let name: string | undefined;
  let description: string | undefined;
  let flags = 0;
  let fn: Opaque | undefined;
  for (const [key, value] of lua.entries(first)) {
    if (typeof key !== 'string')
      throw fail('named argument key given to redis.register_function is not a string');
    if (key === 'function_name') {
      if (typeof value !== 'string')
        throw fail('function_name argument given to redis.register_function must be a string');
      name = value;
    } else if (key === 'description') {
      if (typeof value !== 'string')
        throw fail('description argument given to redis.register_function must be a string');
      description = value;
    } else if (key === 'callback') {
      if (!isFunction(value))
        throw fail('callback argument given to redis.register_function must be a function');
      fn = value;
    } else if (key === 'flags') {
      if (!isTable(value))
        throw fail('flags argument to redis.register_function must be a table representing function flags');
      for (const [, flag] of lua.entries(value)) {
        const bit = typeof flag === 'string' ? flagOf(flag) : undefined;
        if (bit === undefined) throw fail('unknown flag given');
        flags |= bit;
      }
    } else throw fail('unknown argument given to redis.register_function');
  }
  if (name === undefined) throw fail('redis.register_function must get a function name argument');
  if (fn === undefined) throw fail('redis.register_function must get a callback argument');
  return { name, description, flags, fn };
}

/** The first line of a library, and the code without it. */
function readMetadata(code: string): { readonly name: string; readonly body: string } {
  const end = code.indexOf('\n');
  if (!code.startsWith('#!')) throw new ReplyError('ERR Missing library metadata');
  if (end < 0) throw new ReplyError('ERR Invalid library metadata');
  const [shebang = '', ...options] = code.slice(0, end).replace(/["']/g, '').split(/\s+/).filter(Boolean);
  const engine = shebang.slice(2);
  let name: string | undefined;
  for (const option of options) {
    if (!option.startsWith('name=')) throw new ReplyError(`ERR Invalid metadata value given: ${option}`);
    if (name !== undefined)
      throw new ReplyError('ERR Invalid metadata value, name argument was given multiple times');
    name = option.slice(5);
  }
  if (name === undefined) throw new ReplyError('ERR Library name was not given');
  if (!NAME.test(name)) throw new ReplyError(`ERR ${BAD_NAME}`);
  if (engine.toLowerCase() !== 'lua') throw new ReplyError(`ERR Engine '${engine}' not found`);
  return { name, body: code.slice(end) };
}
