import { crypto } from '../lazy-crypto.ts';
import { VERSION } from '../admin/version.ts';
import { TO_ALL, TO_AOF, TO_REPLICATION } from '../command/propagation.ts';
import type { LogLevel } from '../server.ts';
import { formatDouble } from '../resp/double.ts';
import { formatG, formatSpecial } from './format-number.ts';
import { LuaError, type Lua, type LuaFunction, type LuaTable, type LuaValue } from './lua.ts';

/** What the `redis` table does outside Lua. */
export interface RedisPort {
  /** Runs a command; the result is a reply, or an error in Redis' two forms (see `errorTable`). */
  call(argv: readonly string[]): { readonly reply: LuaValue } | { readonly error: string };
  log(level: LogLevel, text: string): void;
  setResp(version: 2 | 3): void;
  setTargets(targets: number): void;
  /** Whether the user may run this; undefined for no such command. */
  mayRun(argv: readonly string[]): boolean | undefined;
}

const LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];
const REPL_TARGETS = [0, TO_AOF, TO_REPLICATION, TO_ALL];

/** The error as a table `{err = 'CODE text'}`; `-CODE text` has its code, other texts get ERR (source: luaPushErrorBuff). */
export function errorTable(lua: Lua, error: string): LuaTable {
  const text = error.replace(/\r?\n$/, '');
  const hasCode = text.startsWith('-') && text.includes(' ');
  return lua.record({ err: hasCode ? text.slice(1) : `ERR ${text.replace(/^-/, '')}` });
}

/** The `redis` table of scripts and functions. */
export function createRedisTable(lua: Lua, port: RedisPort): LuaTable {
  const fail = (text: string): LuaError => new LuaError(errorTable(lua, text), false);
  const run = (args: LuaValue[], isRaising: boolean): [LuaValue] => {
    const argv = commandLine(args);
    const result = typeof argv === 'string' ? { error: argv } : port.call(argv);
    if ('error' in result) {
      if (isRaising) throw fail(result.error);
      return [errorTable(lua, result.error)];
    }
    const { reply } = result;
    if (isRaising && isError(lua, reply)) throw new LuaError(reply, false);
    return [reply];
  };
  const functions: Record<string, LuaFunction> = {
    ...sharedFunctions(lua, port),
    call: (args) => run(args, true),
    pcall: (args) => run(args, false),
    setresp: (args) => {
      if (args.length !== 1) throw fail('redis.setresp() requires one argument.');
      const version = Number(args[0]);
      if (version !== 2 && version !== 3) throw fail('RESP version must be 2 or 3.');
      port.setResp(version);
    },
    set_repl: (args) => {
      if (args.length !== 1) throw fail('redis.set_repl() requires one argument.');
      const targets = REPL_TARGETS[Number(args[0])];
      if (targets === undefined)
        throw fail('Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.');
      port.setTargets(targets);
    },
    acl_check_cmd: (args) => {
      const argv = commandLine(args);
      if (typeof argv === 'string') throw fail(argv);
      const verdict = port.mayRun(argv);
      if (verdict === undefined) throw fail('Invalid command passed to redis.acl_check_cmd()');
      return [verdict];
    },
    replicate_commands: () => [true],
    breakpoint: () => [false],
    debug: () => undefined,
  };
  return tableOf(lua, functions, {
    REPL_NONE: 0,
    REPL_AOF: 1,
    REPL_SLAVE: 2,
    REPL_REPLICA: 2,
    REPL_ALL: 3,
  });
}

/** The `redis` table while a library is loaded: it can register functions and write to the log, no more. */
export function createLoadTable(
  lua: Lua,
  port: Pick<RedisPort, 'log'>,
  register: (args: LuaValue[]) => void,
): LuaTable {
  return tableOf(lua, { log: logFunction(lua, port), register_function: register }, {});
}

function tableOf(
  lua: Lua,
  functions: Readonly<Record<string, LuaFunction>>,
  constants: Readonly<Record<string, LuaValue>>,
): LuaTable {
  const [major = 0, minor = 0, patch = 0] = VERSION.split('.').map(Number);
  const table = lua.record({
    LOG_DEBUG: 0,
    LOG_VERBOSE: 1,
    LOG_NOTICE: 2,
    LOG_WARNING: 3,
    REDIS_VERSION: VERSION,
    REDIS_VERSION_NUM: (major << 16) | (minor << 8) | patch,
    ...constants,
  });
  for (const [name, run] of Object.entries(functions)) lua.set(table, name, lua.function(run));
  return table;
}

function sharedFunctions(lua: Lua, port: Pick<RedisPort, 'log'>): Record<string, LuaFunction> {
  const fail = (text: string): LuaError => new LuaError(errorTable(lua, text), false);
  return {
    sha1hex: (args) => {
      if (args.length !== 1) throw fail('wrong number of arguments');
      return [sha1(asText(args[0]) ?? '')];
    },
    error_reply: (args) => {
      const [text] = args;
      if (args.length !== 1 || typeof text !== 'string')
        return [errorTable(lua, 'wrong number or type of arguments')];
      return [errorTable(lua, `-${text.replace(/^-/, '')}`)];
    },
    status_reply: (args) => {
      const [text] = args;
      if (args.length !== 1 || typeof text !== 'string')
        return [errorTable(lua, 'wrong number or type of arguments')];
      return [lua.record({ ok: text })];
    },
    log: logFunction(lua, port),
  };
}

function logFunction(lua: Lua, port: Pick<RedisPort, 'log'>): LuaFunction {
  const fail = (text: string): LuaError => new LuaError(errorTable(lua, text), false);
  return (args) => {
    if (args.length < 2) throw fail('redis.log() requires two arguments or more.');
    if (typeof args[0] !== 'number') throw fail('First argument must be a number (log level).');
    const level = LEVELS[args[0]];
    if (level === undefined) throw fail('Invalid debug level.');
    port.log(
      level,
      args
        .slice(1)
        .map((arg) => asText(arg) ?? '')
        .join(' '),
    );
  };
}

/** Hex SHA1 of a binary string. */
export function sha1(text: string): string {
  return crypto().createHash('sha1').update(text, 'latin1').digest('hex');
}

/** The arguments as Redis reads them, or what is wrong with them (source: luaArgsToRedisArgv). */
function commandLine(args: readonly LuaValue[]): string[] | string {
  if (args.length === 0) return 'Please specify at least one argument for this redis lib call';
  const argv: string[] = [];
  for (const arg of args) {
    if (typeof arg === 'string') argv.push(arg);
    else if (typeof arg === 'number') argv.push(formatNumber(arg));
    else return 'Lua redis lib command arguments must be strings or integers';
  }
  return argv;
}

/** A number as an argument (source: the same, in Redis 7.2). */
function formatNumber(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  return Number.isNaN(value) ? formatSpecial(value) : formatDouble(value);
}

function isError(lua: Lua, value: LuaValue): boolean {
  return typeof value === 'object' && 'strong' in value && lua.get(value, 'err') !== undefined;
}

function asText(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? formatG(value, 14) : undefined;
}
