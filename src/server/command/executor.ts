import { Args } from '../resp/args.ts';
import { unknownCommand, unknownSubcommand, wrongArity } from '../resp/errors.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { Server } from '../server.ts';
import type { Client } from './client.ts';
import { FLAG, isArityRight, type Command } from './command.ts';
import { AS_GIVEN, Context, NOT_AT_ALL, REWRITTEN } from './context.ts';
import { inKnownForm } from './newer-commands.ts';
import { CLIENT_GATE, POSTPONE, QUEUE, SERVER_GATE, passGates } from './gates.ts';
import { TO_ALL } from './propagation.ts';

/** Beyond that a request or a reply is no longer short. */
const LONG_BYTES = 1024;
/** Whoever wants to hear of less than that gets each command timed by itself. */
const COARSE_USEC = 1000;

/** Goes on with a handler that fell asleep; false when it sleeps again. */
export type GoOn = () => boolean;

/** A command in the middle of its work, as a slow script is while others are heard. */
interface Sleeper {
  readonly context: Context;
  readonly command: Command;
  readonly args: Args;
  readonly mark: number;
  readonly startMs: number;
  goOn: GoOn;
}

/** A unit in the middle of its work, and what waits for its end. */
interface Sleep {
  readonly client: Client;
  readonly contexts: Context[];
  readonly afterUnit: (() => void)[];
  /** Time stands still for a script. */
  readonly nowMs: number;
  /** Innermost first. */
  sleepers: Sleeper[];
}

/** From a request to its reply: looks the command up, checks, queues or runs it, and hands its effect on. */
export class Executor {
  private readonly server: Server;
  /** One context per depth of nesting. */
  private contexts: Context[] = [];
  private depth = 0;
  /** When the command now running began, or the last one ended, in monotonic ms. */
  private markMs = 0;
  private batchStartMs = 0;
  /** A short command, its calls since `markMs`, and the last one of them. */
  private untimed: Command | undefined;
  private untimedCalls = 0;
  private untimedClient: Client | undefined;
  private untimedArgs: Args | undefined;
  private unit: Sleep | undefined;
  /** Set while handlers return because the innermost one fell asleep; the commands left so far, innermost first. */
  private falling: Sleeper[] | undefined;
  private nextStep: GoOn | undefined;
  private until: Promise<void> | undefined;
  /** Set while a command waits for something other than its turn: nobody is heard then, be it to be told BUSY. */
  isWaiting = false;

  constructor(server: Server) {
    this.server = server;
  }

  /** Deals with one request of a client; false when it must be tried again later (CLIENT PAUSE). */
  execute(client: Client, args: Args): boolean {
    const command = this.server.commands.find(args);
    if (command === undefined || command.handler === undefined || !isArityRight(command, args.count)) {
      return this.executeUnusual(client, command, args);
    }
    if ((this.server.gates | client.gates) !== 0) return this.executeGated(client, command, args);
    this.call(client, command, args);
    return true;
  }

  /** The command (or subcommand) that the arguments name; throws the error for an unknown one or a wrong count. */
  resolve(args: Args): Command {
    const found = this.server.commands.find(args);
    if (found === undefined) throw unknownCommand(args.string(0), args.strings(1, Math.min(args.count, 20)));
    if (found.subcommands === undefined) {
      if (!isArityRight(found, args.count)) throw wrongArity(found.name);
      return found;
    }
    if (args.count < 2) {
      if (found.bare !== undefined) return found.bare;
      throw wrongArity(found.name);
    }
    const sub = subcommandOf(found, args);
    if (sub === undefined) throw unknownSubcommand(args.string(0), args.string(1));
    if (!isArityRight(sub, args.count)) throw wrongArity(sub.name);
    return sub;
  }

  private executeUnusual(client: Client, found: Command | undefined, args: Args): boolean {
    if (found === undefined && client.kind === 'master' && this.executeKnownForm(client, args)) return true;
    let command: Command;
    try {
      command = this.resolve(args);
    } catch (error) {
      this.reject(client, found && subcommandOf(found, args), error);
      return true;
    }
    if ((this.server.gates | client.gates) !== 0) return this.executeGated(client, command, args);
    this.call(client, command, args);
    return true;
  }

  /** Does what a newer master's command comes to; false when that is not known. */
  private executeKnownForm(client: Client, args: Args): boolean {
    const commands = inKnownForm(args.strings());
    if (commands === undefined) return false;
    for (const argv of commands) {
      this.execute(client, Args.of(argv));
      this.settleTime();
    }
    return true;
  }

  private executeGated(client: Client, command: Command, args: Args): boolean {
    let passage;
    client.lastCommand = command;
    try {
      passage = passGates(this.server, client, command, args);
    } catch (error) {
      this.reject(client, command, error);
      return true;
    }
    if (passage === POSTPONE) return false;
    if (passage === QUEUE && client.multi !== undefined) {
      const isScript = (command.flags & FLAG.skip_monitor) !== 0;
      const flags = isScript ? this.server.scripting.commandFlags(command, args) : command.flags;
      client.multi.queue.push({ command, args: args.copy() });
      client.multi.bytes += args.rawEnd - args.rawStart;
      client.multi.flags |= flags;
      client.multi.commonFlags &= flags;
      const mark = client.reply.length;
      client.reply.simple('QUEUED');
      this.endReply(client, mark);
      return true;
    }
    this.call(client, command, args);
    return true;
  }

  /** Replies an error for a command that was not run; a transaction it was meant for will abort. */
  reject(client: Client, command: Command | undefined, error: unknown): void {
    if (!(error instanceof ReplyError)) throw error;
    if (command !== undefined) command.stats.rejected += 1;
    if (!client.isOrdinary) {
      // Of a transaction that a newer master sends, what is known here is nearer to its data than nothing would be.
      // The arguments that an unknown command began with are data, which are never logged.
      const [text = ''] = error.text.split(', with args beginning');
      this.noteStreamError(client, text, command?.name ?? '<unknown>');
    } else if (client.multi !== undefined) client.multi.isBroken = true;
    this.server.stats.countError(error.text);
    const mark = client.reply.length;
    if (command?.name === 'exec') {
      this.server.transactions.discard(client);
      client.reply.error(`EXECABORT Transaction discarded because of: ${error.text}`);
    } else {
      client.reply.error(error.text);
    }
    this.endReply(client, mark);
  }

  /** Runs a command that passed. Commands may run inside others (EXEC, scripts): those are one unit with it. */
  call(client: Client, command: Command, args: Args): void {
    const { server, depth } = this;
    const context = (this.contexts[depth] ??= new Context(server, client, command, args));
    if (depth > 0) {
      context.canBlock = false;
      this.run(context, client, command, args);
      this.contexts[depth - 1]!.dirty += context.dirty;
      return;
    }
    this.run(context, client, command, args);
    if (this.falling !== undefined) this.fallAsleep(client, this.falling);
    if (server.blocking.hasReady || server.afterUnit.length > 0) server.finishUnit();
  }

  private run(context: Context, client: Client, command: Command, args: Args): void {
    const { server } = this;
    const { reply } = client;
    const mark = reply.length;
    context.client = client;
    context.command = command;
    context.args = args;
    context.reply = reply;
    context.dbIndex = client.dbIndex;
    context.db = server.keyspace.db(client.dbIndex);
    context.dirty = 0;
    context.propagation = AS_GIVEN;
    context.isForced = false;
    context.isPush = false;
    if (this.untimed !== undefined && this.untimed !== command && this.depth === 0) this.settleTime();
    const start = this.depth === 0 ? this.markMs : server.clock.monotonic();
    this.depth += 1;
    // A script is shown before the commands it runs, anything else after those it ran (source: call in server.c).
    if ((command.flags & FLAG.skip_monitor) !== 0 && (server.gates & SERVER_GATE.monitored) !== 0)
      server.feedMonitors(client, command, args);
    try {
      command.handler!(context, args);
    } catch (error) {
      this.fail(context, mark, error);
    }
    this.depth -= 1;
    if (this.nextStep === undefined) {
      this.complete(context, command, args, mark, start);
      return;
    }
    this.falling ??= [];
    this.falling.push({ context, command, args: args.copy(), mark, startMs: start, goOn: this.nextStep });
    this.nextStep = undefined;
  }

  /** What follows a handler's work: effects are handed on, time and calls counted. */
  private complete(context: Context, command: Command, args: Args, mark: number, start: number): void {
    const { server } = this;
    const { client } = context;
    if ((command.flags & FLAG.skip_monitor) === 0 && (server.gates & SERVER_GATE.monitored) !== 0) {
      if (!server.blocking.isRetrying(client)) server.feedMonitors(client, command, args);
    }
    if (context.hasOpenObjects) context.recountObjects();
    if (context.dirty > 0 || context.isForced) {
      server.dirty += context.dirty;
      if (server.isReplica && client.kind !== 'master') server.expiry.noteOwnWrite(context);
      this.propagate(context, args);
    } else if (this.depth === 0) {
      server.propagation.settle();
    }
    client.lastCommand = command;
    if (this.depth === 0 && (command.flags & FLAG.constant) !== 0) {
      this.untimed = command;
      this.untimedCalls += 1;
      this.untimedClient = client;
      this.untimedArgs = args;
      const isLong = args.rawEnd - args.rawStart > LONG_BYTES || client.reply.length - mark > LONG_BYTES;
      if (isLong || server.slowUsec < COARSE_USEC || server.latencyUsec < COARSE_USEC) this.settleTime();
    } else {
      const end = server.clock.monotonic();
      this.markMs = end;
      const usec = (end - start) * 1000;
      if (client.block === undefined) this.account(client, command, args, usec);
      else server.blocking.noteTime(client.block, command, args, usec);
    }
    if (client.isSilent || client.skipsNextReply || (client.gates & CLIENT_GATE.replica) !== 0)
      this.endReply(client, context.isPush ? client.reply.length : mark);
    if (server.isTracking) server.noteRead(client, command, args);
  }

  /**
   * Counts the commands that were to be timed together, since reading the clock takes a tenth of a short one. Whoever
   * calls `execute` has to call it before the arguments are used for something else.
   */
  settleTime(): void {
    const { untimed, untimedClient, untimedArgs, untimedCalls } = this;
    if (untimed === undefined || untimedClient === undefined || untimedArgs === undefined) return;
    const usec = (this.server.clock.monotonic() - this.markMs) * 1000;
    this.markMs += usec / 1000;
    this.untimed = undefined;
    this.untimedCalls = 0;
    this.account(untimedClient, untimed, untimedArgs, usec, untimedCalls);
  }

  /** Counts a command that is over, or several together; one that waits is counted when its wait ends. */
  account(client: Client, command: Command, args: Args, usec: number, calls = 1): void {
    const { server } = this;
    const { stats, flags } = command;
    stats.calls += calls;
    stats.usec += usec;
    if (server.isTrackingLatency) stats.latency.record((usec * 1000) / calls, calls);
    server.stats.commandsProcessed += calls;
    if (usec >= server.slowUsec && (flags & FLAG.skip_slowlog) === 0)
      server.noteSlow(client, command, args, usec);
    if (usec >= server.latencyUsec)
      server.noteLatency((flags & FLAG.fast) === 0 ? 'command' : 'fast-command', usec / 1000);
  }

  // ---- sleeping ---------------------------------------------------------------------------------------------------

  /**
   * Called by a handler that returns before its work is done: `goOn` is called later, with other input dealt with in
   * between. Until it gives true, the client's reply is held back, its input waits, and no command but those marked
   * allow_busy runs (`processEventsWhileBlocked` in networking.c).
   */
  sleep(goOn: GoOn): void {
    this.nextStep = goOn;
  }

  /** `sleep` until something has happened that is not long in coming; all others wait with it, as for a short command. */
  waitFor(until: Promise<void>, goOn: GoOn): void {
    this.until = until;
    this.nextStep = goOn;
  }

  /** Whether the command just called fell asleep: the caller must, too. */
  get isFalling(): boolean {
    return this.falling !== undefined;
  }

  private fallAsleep(client: Client, sleepers: Sleeper[]): void {
    const { server } = this;
    this.falling = undefined;
    this.unit = {
      client,
      contexts: this.contexts,
      afterUnit: server.afterUnit.splice(0),
      nowMs: server.now,
      sleepers,
    };
    this.contexts = [];
    client.isMidReply = true;
    server.setBusy(true);
    this.goOnLater();
  }

  private goOnLater(): void {
    const { server, until } = this;
    if (until === undefined) {
      server.clock.soon(this.goOn);
      return;
    }
    this.until = undefined;
    this.isWaiting = true;
    void until.then(() => {
      this.isWaiting = false;
      server.resumePostponed();
      this.goOn();
    });
  }

  private readonly goOn = (): void => {
    const { server, unit } = this;
    if (unit === undefined) return;
    const others = this.contexts;
    this.contexts = unit.contexts;
    server.now = unit.nowMs;
    const isDone = this.wake(unit);
    this.contexts = isDone ? unit.contexts : others;
    server.refreshTime();
    if (!isDone) {
      this.goOnLater();
      return;
    }
    this.unit = undefined;
    const { client } = unit;
    client.isMidReply = false;
    server.setBusy(false);
    server.afterUnit.push(...unit.afterUnit);
    server.finishUnit();
    client.transport?.resume();
    server.resumable.push(client);
    client.markDirty();
    server.requestSettle();
  };

  /** Goes on from the innermost command outwards; false when one of them sleeps again. */
  private wake(unit: Sleep): boolean {
    for (;;) {
      const [sleeper, ...outer] = unit.sleepers;
      if (sleeper === undefined) return true;
      const { context, command, args, mark, startMs } = sleeper;
      this.depth = outer.length + 1;
      let isDone = true;
      try {
        isDone = sleeper.goOn();
      } catch (error) {
        this.fail(context, mark, error);
      }
      this.depth -= 1;
      if (!isDone) {
        // What it called in turn may be what sleeps.
        const inner = this.falling ?? [];
        sleeper.goOn = this.nextStep ?? sleeper.goOn;
        unit.sleepers = [...inner, sleeper, ...outer];
        this.falling = undefined;
        this.nextStep = undefined;
        this.depth = 0;
        return false;
      }
      this.complete(context, command, args, mark, startMs);
      if (outer.length > 0) unit.contexts[outer.length - 1]!.dirty += context.dirty;
      unit.sleepers = outer;
    }
  }

  private propagate(context: Context, args: Args): void {
    const { propagation } = this.server;
    if (!propagation.isActive) return;
    let command: Args | undefined;
    if (context.propagation === AS_GIVEN) command = args;
    else if (context.propagation === REWRITTEN) command = context.rewritten;
    context.rewritten = undefined;
    const { targets } = context;
    context.targets = TO_ALL;
    // A container of other commands (EXEC, scripts) is told by what they did.
    if (command === undefined || context.propagation === NOT_AT_ALL) {
      if (this.depth === 0) propagation.settle();
      return;
    }
    const raw = command.rawEnd === 0 ? Args.of(command.strings()) : command;
    if (this.depth === 0) propagation.addLast(context.dbIndex, raw.buf, raw.rawStart, raw.rawEnd, targets);
    else propagation.add(context.dbIndex, raw.buf, raw.rawStart, raw.rawEnd, targets);
  }

  private fail(context: Context, mark: number, error: unknown): void {
    const { client, command } = context;
    command.stats.failed += 1;
    client.reply.truncate(mark);
    if (error instanceof ReplyError) {
      this.server.stats.countError(error.text);
      client.reply.error(error.text);
      if (!client.isOrdinary) this.noteStreamError(client, error.text, command.name);
      return;
    }
    // A mistake of ours must not take the data down with it: the client hears of it, the log says where.
    const trace = error instanceof Error ? error.stack : String(error);
    this.server.log('warning', `Internal error in '${command.name}': ${trace}`);
    client.reply.error('ERR internal error, see the log of the server');
  }

  /** A command of our master failed here: from now on the data differ. Or a replica is none (`afterErrorReply`). */
  private noteStreamError({ kind }: Client, text: string, command: string): void {
    const { server } = this;
    const [from, to] = kind === 'master' ? ['replica', 'master'] : ['master', 'replica'];
    server.stats.unexpectedErrorReplies += 1;
    server.log(
      'warning',
      `== CRITICAL == This ${from} is sending an error to its ${to}: '${text}' after processing the command '${command}'`,
    );
  }

  private endReply(client: Client, mark: number): void {
    if ((client.gates & CLIENT_GATE.replica) !== 0) this.endReplicaReply(client, mark);
    else if (client.isSilent) client.reply.truncate(mark);
    else if (client.skipsNextReply && client.lastCommand?.name !== 'client|reply') {
      client.reply.truncate(mark);
      client.skipsNextReply = false;
    }
  }

  /** A reply would stand in the middle of the stream: who asks for one is no replica (_addReplyToBufferOrList). */
  private endReplicaReply(client: Client, mark: number): void {
    if (client.reply.length <= mark) return;
    client.reply.truncate(mark);
    this.server.log(
      'warning',
      `Replica generated a reply to command '${client.lastCommand?.name ?? '<unknown>'}', disconnecting it: id=${String(client.id)} addr=${client.transport?.peer ?? ''} name=${client.name}`,
    );
    client.close(true);
  }

  /** Whose command is running now: what is pushed to it must wait until its reply is complete. */
  get current(): Client | undefined {
    return this.depth > 0 ? this.contexts[0]?.client : undefined;
  }

  /** Whether a client's reply is being made, now or by a command that sleeps. */
  isAnswering(client: Client): boolean {
    return this.current === client || this.unit?.client === client;
  }

  /** Calls `run` when the reply that is being made to the client is complete. */
  afterReply(client: Client, run: () => void): void {
    (this.unit?.client === client ? this.unit : this.server).afterUnit.push(run);
  }

  /** The command that `current` runs, as CLIENT LIST shows it. */
  get currentCommand(): Command | undefined {
    return this.depth > 0 ? this.contexts[0]?.command : undefined;
  }

  /** Size of that request. */
  get currentBytes(): number {
    const args = this.contexts[0]?.args;
    return args === undefined ? 0 : args.rawEnd - args.rawStart;
  }

  /** Size of its arguments alone. */
  get currentArgumentBytes(): number {
    return this.contexts[0]?.args.size ?? 0;
  }

  /** Starts the clock of a batch of commands. */
  startBatch(): void {
    this.markMs = this.server.clock.monotonic();
    this.batchStartMs = this.markMs;
  }

  /** How long the commands of the batch have taken so far. */
  get batchMs(): number {
    return this.markMs - this.batchStartMs;
  }
}

/** What the arguments mean of a command that may be a container; undefined for an unknown subcommand. */
function subcommandOf(found: Command, args: Args): Command | undefined {
  if (found.subcommands === undefined || args.count < 2) return found;
  return found.subcommands.get(args.string(1).toLowerCase());
}
