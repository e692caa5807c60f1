import type { Client } from '../command/client.ts';
import { FLAG, type Command } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { SERVER_GATE } from '../command/gates.ts';
import { TO_ALL } from '../command/propagation.ts';
import { ERRORS } from '../resp/errors.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import { Engine } from './engine.ts';
import { LuaError, type LuaValue, type Opaque } from './lua.ts';
import { sha1 } from './redis-api.ts';
import { COMPATIBLE, readShebang, SCRIPT_FLAG } from './script-flags.ts';
import { ScriptRun } from './script-run.ts';

interface Script {
  readonly body: string;
  readonly flags: number;
  readonly fn: Opaque;
}

/** What runs, and how its end is to be named in KILL. */
export interface Job {
  readonly name: string;
  readonly isFunction: boolean;
  readonly flags: number;
  readonly isReadOnly: boolean;
  readonly engine: Engine;
  readonly fn: Opaque;
}

/** Scripts known by their SHA1, and whatever of scripts and functions is running. */
export class Scripting {
  running: ScriptRun | undefined;
  /** Scripts may run what is not for them: for Redis' own test suite (DEBUG SET-DISABLE-DENY-SCRIPTS). */
  allowsDenied = false;
  private readonly server: Server;
  private readonly scripts = new Map<string, Script>();
  private engine: Engine | undefined;
  private client: Client | undefined;

  constructor(server: Server) {
    this.server = server;
  }

  /** Whether a client is the one that scripts run commands through. */
  isActingAs(client: Client): boolean {
    return client === this.client;
  }

  get scriptCount(): number {
    return this.scripts.size;
  }

  get scriptBytes(): number {
    let bytes = 0;
    for (const { body } of this.scripts.values()) bytes += body.length + 40;
    return bytes;
  }

  /** EVAL and its kin: `args` from the numkeys on. */
  eval(ctx: Context, args: Args, source: { readonly isSha: boolean; readonly isReadOnly: boolean }): void {
    const { keys, values } = readKeys(args);
    const given = args.string(1);
    const sha = source.isSha ? given.toLowerCase() : sha1(given);
    const script = this.scripts.get(sha) ?? (source.isSha ? undefined : this.load(given, sha));
    if (script === undefined) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.');
    const engine = this.evalEngine();
    const { lua } = engine;
    lua.replace(lua.globals, 'KEYS', lua.list(keys));
    lua.replace(lua.globals, 'ARGV', lua.list(values));
    const { flags, fn } = script;
    this.execute(
      ctx,
      args,
      { name: sha, isFunction: false, flags, fn, engine, isReadOnly: source.isReadOnly },
      [],
    );
  }

  /**
   * The flags that hold for a script or function: what it says of itself goes before what its command says
   * (source: scriptFlagsToCmdFlags in script.c).
   */
  commandFlags(command: Command, args: Args): number {
    const { flags } = command;
    const declared = this.declaredFlags(command.name, args.string(1));
    if (declared === undefined || (declared & COMPATIBLE) !== 0) return flags;
    let effective = flags & ~(FLAG.stale | FLAG.denyoom | FLAG.write | FLAG.may_replicate);
    if ((declared & SCRIPT_FLAG['no-writes']) === 0) {
      effective |= FLAG.write;
      if ((declared & SCRIPT_FLAG['allow-oom']) === 0) effective |= FLAG.denyoom;
    }
    return (declared & SCRIPT_FLAG['allow-stale']) === 0 ? effective : effective | FLAG.stale;
  }

  private declaredFlags(name: string, source: string): number | undefined {
    if (name.startsWith('fcall')) return this.server.functions.find(source)?.flags;
    if (name.startsWith('evalsha')) return this.scripts.get(source.toLowerCase())?.flags;
    if (!source.startsWith('#!')) return undefined;
    try {
      return readShebang(source).flags;
    } catch (error) {
      if (error instanceof ReplyError) return undefined;
      throw error;
    }
  }

  /** Compiles and keeps a script; throws what is wrong with it. */
  load(body: string, sha = sha1(body)): Script {
    const known = this.scripts.get(sha);
    if (known !== undefined) return known;
    const { flags, code } = readShebang(body);
    try {
      const script = { body, flags, fn: this.evalEngine().lua.compile(code, 'user_script') };
      this.scripts.set(sha, script);
      return script;
    } catch (error) {
      if (!(error instanceof LuaError)) throw error;
      throw new ReplyError(`ERR Error compiling script (new function): ${error.message}`);
    }
  }

  has(sha: string): boolean {
    return this.scripts.has(sha.toLowerCase());
  }

  flush(): void {
    this.scripts.clear();
    this.engine = undefined;
  }

  /** Runs a script or function as one unit: its effects are propagated together. */
  execute(ctx: Context, args: Args, job: Job, values: readonly LuaValue[]): void {
    const { server } = this;
    if (this.running !== undefined) throw new ReplyError('ERR a script is running already');
    this.admit(ctx.client, job);
    const client = (this.client ??= server.createClient());
    const run = new ScriptRun(server, client, { ...job, caller: ctx.client, args });
    this.running = run;
    ctx.propagateNothing();
    server.propagation.open();
    const { reply } = ctx;
    if (this.attempt(run, () => job.engine.execute(run, job.fn, values, reply))) return;
    run.args = args.copy();
    server.executor.sleep(() => this.attempt(run, () => job.engine.proceed(run, reply)));
  }

  /** Does some of a script's work; when it is done, or failed, its effects go out. */
  private attempt(run: ScriptRun, work: () => boolean): boolean {
    const { propagation } = this.server;
    let isDone = true;
    try {
      isDone = work();
    } finally {
      if (isDone) {
        this.running = undefined;
        propagation.mask = TO_ALL;
        propagation.close();
        run.end();
      }
    }
    return isDone;
  }

  /** SCRIPT KILL and FUNCTION KILL; throws why not. */
  kill(isFunction: boolean): void {
    const { running } = this;
    if (running === undefined) throw new ReplyError('NOTBUSY No scripts in execution right now.');
    if (running.caller.isTrusted) {
      throw new ReplyError(
        'UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be killed.',
      );
    }
    if (running.hasWritten) {
      throw new ReplyError(
        'UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.',
      );
    }
    if (running.isFunction !== isFunction) throw this.busyError;
    running.isKilled = true;
    this.server.log('notice', 'Lua script killed by user with SCRIPT KILL.');
  }

  /** What those hear who must wait for the running script. */
  get busyError(): ReplyError {
    return this.running?.isFunction === true ? ERRORS.busyFunction : ERRORS.busyScript;
  }

  /** Checks that hold for a script as a whole (source: scriptPrepareForRun). */
  private admit(caller: Client, { flags, isReadOnly }: Job): void {
    const { server } = this;
    const { gates } = server;
    if (caller.isTrusted) return;
    if ((flags & COMPATIBLE) !== 0) {
      if ((gates & SERVER_GATE.masterDown) !== 0) throw ERRORS.masterDown;
      return;
    }
    if ((gates & SERVER_GATE.masterDown) !== 0 && (flags & SCRIPT_FLAG['allow-stale']) === 0) {
      throw new ReplyError(
        "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.",
      );
    }
    if ((flags & SCRIPT_FLAG['no-writes']) === 0) {
      if ((gates & SERVER_GATE.readOnlyReplica) !== 0)
        throw new ReplyError('READONLY Can not run script with write flag on readonly replica.');
      if ((gates & SERVER_GATE.diskError) !== 0) {
        throw new ReplyError(
          "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked, use 'no-writes' flag for read only scripts.",
        );
      }
      if (isReadOnly)
        throw new ReplyError('ERR Can not execute a script with write flag using *_ro command.');
      if ((gates & SERVER_GATE.fewReplicas) !== 0) throw ERRORS.noReplicas;
    }
    const isOomAllowed = (flags & (SCRIPT_FLAG['allow-oom'] | SCRIPT_FLAG['no-writes'])) !== 0;
    if (!isOomAllowed && (gates & SERVER_GATE.maxMemory) !== 0 && !server.makeRoom()) {
      throw new ReplyError(
        "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
      );
    }
  }

  private evalEngine(): Engine {
    return (this.engine ??= new Engine(this.server, ['KEYS', 'ARGV']));
  }
}

/** numkeys and what follows it, as EVAL and FCALL have them in argument 2. */
export function readKeys(
  args: Args,
  notANumber?: ReplyError,
): { readonly keys: string[]; readonly values: string[] } {
  const count = args.int(2, notANumber);
  if (count > args.count - 3) throw new ReplyError("ERR Number of keys can't be greater than number of args");
  if (count < 0) throw new ReplyError("ERR Number of keys can't be negative");
  return { keys: args.strings(3, 3 + count), values: args.strings(3 + count) };
}
