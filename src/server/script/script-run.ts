import type { Client } from '../command/client.ts';
import { FLAG, isArityRight, type Command } from '../command/command.ts';
import { CLIENT_GATE, SERVER_GATE } from '../command/gates.ts';
import { Args } from '../resp/args.ts';
import { ERRORS } from '../resp/errors.ts';
import type { Server } from '../server.ts';
import { LuaError, type Lua, type LuaValue } from './lua.ts';
import type { ReplyReader } from './lua-reply.ts';
import { errorTable } from './redis-api.ts';
import { COMPATIBLE, SCRIPT_FLAG } from './script-flags.ts';

/** A slow script lets others be heard so often. */
const SLICE_MS = 5;
/** Where it can't (the callback of a sort, the stream of a master), it is stopped after so much of busy-reply-threshold. */
const HARD_LIMIT_FACTOR = 4;
const HARD_LIMIT_MIN_MS = 20_000;
const HEAP_SHARE_MAX = 0.85;
const STRING_BYTES_MAX = 256 << 20;

/** One script or function at work: what it may do, how long, and the client it acts through. */
export class ScriptRun {
  readonly caller: Client;
  /** SHA1 or function name. */
  readonly name: string;
  readonly isFunction: boolean;
  args: Args;
  readonly startedMs: number;
  hasWritten = false;
  isKilled = false;
  isSlow = false;
  private readonly server: Server;
  private readonly client: Client;
  private readonly isReadOnly: boolean;
  private readonly allowsOom: boolean;
  private readonly hasNoMemory: boolean;
  private readonly thresholdMs: number;
  private sliceStartedMs: number;
  private steps = 0;
  private buffersAtFirst: number | undefined;

  constructor(
    server: Server,
    client: Client,
    about: {
      readonly caller: Client;
      readonly name: string;
      readonly isFunction: boolean;
      readonly args: Args;
      readonly flags: number;
      readonly isReadOnly: boolean;
    },
  ) {
    this.server = server;
    this.client = client;
    this.caller = about.caller;
    this.name = about.name;
    this.isFunction = about.isFunction;
    this.args = about.args;
    this.isReadOnly = about.isReadOnly || (about.flags & SCRIPT_FLAG['no-writes']) !== 0;
    this.allowsOom = (about.flags & (SCRIPT_FLAG['allow-oom'] | COMPATIBLE)) === SCRIPT_FLAG['allow-oom'];
    this.hasNoMemory = (server.gates & SERVER_GATE.maxMemory) !== 0 && !server.makeRoom();
    this.thresholdMs = server.config.number('busy-reply-threshold');
    this.startedMs = server.clock.monotonic();
    this.sliceStartedMs = this.startedMs;
    client.dbIndex = about.caller.dbIndex;
    client.user = about.caller.user;
    client.gates = about.caller.gates & CLIENT_GATE.acl;
    client.isTrusted = about.caller.isTrusted;
    client.isNoTouch = about.caller.isNoTouch;
    client.reply.version = 2;
  }

  get resp(): 2 | 3 {
    return this.client.reply.version;
  }

  setResp(version: 2 | 3): void {
    this.client.reply.version = version;
  }

  get elapsedMs(): number {
    return this.server.clock.monotonic() - this.startedMs;
  }

  // ---- commands ---------------------------------------------------------------------------------------------------

  /** Runs a command for the script, after the checks of scriptCall in script.c; an error has its code after a `-`. */
  call(
    argv: readonly string[],
    reader: ReplyReader,
  ): { readonly reply: LuaValue } | { readonly error: string } {
    const { server, client } = this;
    const args = Args.of(argv);
    const command = this.find(args);
    if (typeof command === 'string') return { error: command };
    const refusal = this.refuse(command, args);
    if (refusal !== undefined) return { error: refusal };
    if ((command.flags & FLAG.write) !== 0) this.hasWritten = true;
    server.executor.call(client, command, args);
    const reply = reader.read(client.reply.buf);
    client.reply.truncate(0);
    return { reply };
  }

  /** Whether the user may run a command; undefined when there is no such. */
  mayRun(argv: readonly string[]): boolean | undefined {
    const args = Args.of(argv);
    const command = this.find(args);
    if (typeof command === 'string') return undefined;
    if ((this.client.gates & CLIENT_GATE.acl) === 0) return true;
    return this.server.acl?.check(this.client, command, args) === undefined;
  }

  private find(args: Args): Command | string {
    const found = this.server.commands.find(args);
    const command =
      found?.subcommands === undefined || args.count < 2
        ? found
        : found.subcommands.get(args.string(1).toLowerCase());
    if (command === undefined) return 'Unknown Redis command called from script';
    if (command.handler === undefined || !isArityRight(command, args.count)) {
      if (command.bare !== undefined) return command.bare;
      return 'Wrong number of args calling Redis command from script';
    }
    return command;
  }

  private refuse(command: Command, args: Args): string | undefined {
    const { server, client } = this;
    const { flags } = command;
    const { gates } = server;
    const isWrite = (flags & FLAG.write) !== 0;
    if ((flags & FLAG.noscript) !== 0 && !server.scripting.allowsDenied)
      return 'This Redis command is not allowed from script';
    if ((gates & SERVER_GATE.masterDown) !== 0 && (flags & FLAG.stale) === 0 && !client.isTrusted)
      return 'Can not execute the command on a stale replica';
    if ((client.gates & CLIENT_GATE.acl) !== 0) {
      const refusal = server.acl?.check(client, command, args);
      if (refusal !== undefined) return refusal.text.replace(/^NOPERM /, '-NOPERM ACL failure in script: ');
    }
    if (this.isReadOnly && (flags & (FLAG.write | FLAG.may_replicate)) !== 0)
      return 'Write commands are not allowed from read-only scripts.';
    if (client.isTrusted) return undefined;
    if (isWrite) {
      if ((gates & SERVER_GATE.readOnlyReplica) !== 0) return `-${ERRORS.readOnly.text}`;
      if ((gates & SERVER_GATE.diskError) !== 0 && server.diskError !== undefined)
        return `-${server.diskError.text}`;
      if ((gates & SERVER_GATE.fewReplicas) !== 0) return `-${ERRORS.noReplicas.text}`;
    }
    // A script that began to write may go on: stopping halfway is worse.
    if (this.hasNoMemory && (flags & FLAG.denyoom) !== 0 && !this.allowsOom && !this.hasWritten)
      return `-${ERRORS.oom.text}`;
    return undefined;
  }

  /** Lets go of what was used. */
  end(): void {
    this.client.reply.release(false);
  }

  // ---- limits -----------------------------------------------------------------------------------------------------

  /** The script begins, or goes on after a pause. */
  beginSlice(): void {
    this.sliceStartedMs = this.server.clock.monotonic();
  }

  /**
   * Called every so many instructions: ends a script that was killed or eats the heap. True when it is slow and others
   * should be heard; where it can't be left it is stopped after a while.
   */
  step(lua: Lua, mayPause: boolean): boolean {
    this.steps += 1;
    if (this.isKilled) this.stop(lua, 'Script killed by user with SCRIPT KILL...');
    if (this.steps % 16 === 0) this.checkMemory();
    const { elapsedMs, thresholdMs } = this;
    if (thresholdMs <= 0 || elapsedMs <= thresholdMs) return false;
    if (!this.isSlow) this.beSlow(elapsedMs);
    const sliceMs = this.startedMs + elapsedMs - this.sliceStartedMs;
    if (mayPause && this.isPausable) return sliceMs > SLICE_MS;
    const limitMs = Math.max(HARD_LIMIT_MIN_MS, thresholdMs * HARD_LIMIT_FACTOR);
    if (sliceMs > limitMs)
      this.stop(lua, `Script stopped: it let nobody be heard for ${limitMs} milliseconds.`);
    return false;
  }

  /** A master's stream and the append-only file are obeyed in one go. */
  private get isPausable(): boolean {
    return this.caller.transport !== undefined && !this.caller.isTrusted;
  }

  /** Hears of a large string before it comes to be. */
  checkMemory(): void {
    const heap = process.getBuiltinModule('node:v8').getHeapStatistics();
    const { arrayBuffers } = process.memoryUsage();
    this.buffersAtFirst ??= arrayBuffers;
    if (
      heap.used_heap_size > heap.heap_size_limit * HEAP_SHARE_MAX ||
      arrayBuffers - this.buffersAtFirst > STRING_BYTES_MAX
    )
      throw new LuaError('not enough memory');
  }

  /** Raises at each further instruction, so that no pcall of the script can go on (source: luaMaskCountHook). */
  private stop(lua: Lua, text: string): never {
    this.isKilled = true;
    lua.watch(1);
    throw new LuaError(errorTable(lua, text), false);
  }

  private beSlow(elapsedMs: number): void {
    this.isSlow = true;
    const kill = this.isFunction ? 'FUNCTION KILL' : 'SCRIPT KILL';
    this.server.log(
      'warning',
      `Slow script detected: still in execution after ${Math.round(elapsedMs)} milliseconds. ` +
        `You can try killing the script using the ${kill} command. Script name is: ${this.name}.`,
    );
  }
}
