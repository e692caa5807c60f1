/**
 * The bundled server, composed. The way of a request:
 *
 * `net` hands a chunk of bytes to a `Client` → `resp` finds the commands in it, as byte ranges → the `Executor` looks
 * each up in the `CommandTable`, lets it pass the gates (auth, ACL, memory, role, pause, MULTI) and runs its handler
 * on the `keyspace` → the reply is written as bytes to the client's `ReplyWriter`, sent once per chunk → the request's
 * bytes, or what the handler made of them, go to the `Propagation` sinks (replication stream, append-only file).
 *
 * A command family is one file in `command/families/` that exports a table `{name: handler}` (subcommands as
 * `container|sub`), listed in `families.ts`. Facts (arity, flags, keys, categories) come from `catalogue.ts`. A handler
 * gets `(ctx, args)`, see `command/context.ts` and `resp/args.ts`, for instance:
 *
 *     function llen(ctx: Context, args: Args): void {
 *       ctx.reply.int(ctx.readValue(args, 1, ListValue)?.size ?? 0);
 *     }
 *
 * Nothing here is global: time, randomness, transports and the log are handed in, so that several servers can live in
 * one process. Extensions hang themselves on the fields below (`acl`, `propagation.replication`, `onTick`, …).
 */
import type { Clock } from './clock.ts';
import { Blocking } from './command/blocking.ts';
import { Client } from './command/client.ts';
import type { Command, Family } from './command/command.ts';
import { CommandTable } from './command/command-table.ts';
import { Eviction } from './command/eviction.ts';
import { Executor } from './command/executor.ts';
import { Expiry } from './command/expiry.ts';
import { CLIENT_GATE, SERVER_GATE } from './command/gates.ts';
import { Pause } from './command/pause.ts';
import { Propagation } from './command/propagation.ts';
import { ServerStats } from './command/stats.ts';
import { Transactions } from './command/transactions.ts';
import { Keyspace } from './keyspace/keyspace.ts';
import { Exchanger } from './net/exchange.ts';
import type { Transport } from './net/transport.ts';
import type { Replication } from './replication/replication.ts';
import type { Persistence } from './persistence/persistence.ts';
import type { Args } from './resp/args.ts';
import type { ReplyError } from './resp/reply-error.ts';
import { ReplyBuffers } from './resp/reply-writer.ts';
import { RequestParser } from './resp/request-parser.ts';
import { FunctionLibraries } from './script/function-libraries.ts';
import { Scripting } from './script/scripting.ts';

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** The values of directives, normalised as CONFIG GET shows them. */
export interface ServerConfig {
  text(name: string): string;
  number(name: string): number;
  flag(name: string): boolean;
  words(name: string): string[];
  /** Calls the listener now and after each change. */
  onChange(name: string, listener: (value: string) => void): void;
  /** Sets a value that the server itself decided. */
  note(name: string, value: string): void;
}

/** Decides what users may do. Asked only for clients that carry CLIENT_GATE.acl. */
export interface AccessControl {
  /** The error when the client's user may not run this; undefined when it may. */
  check(client: Client, command: Command, args: Args): ReplyError | undefined;
  /** `check` in the words of EXEC, for a command that was allowed when it was queued. */
  checkQueued(client: Client, command: Command, args: Args): ReplyError | undefined;
  /** Whether the client's user may read every key there is, whatever its name. */
  mayReadAllKeys(client: Client): boolean;
  /** Called for a new client: sets its user and gates. */
  admit(client: Client): void;
}

export interface ServerOptions {
  readonly clock: Clock;
  /** An integer of 0..below-1. */
  readonly random: (below: number) => number;
  readonly log: (level: LogLevel, text: string) => void;
  readonly config: ServerConfig;
  readonly families: readonly Family[];
}

export class Server {
  readonly clock: Clock;
  readonly random: (below: number) => number;
  readonly config: ServerConfig;
  readonly commands: CommandTable;
  readonly keyspace: Keyspace;
  readonly executor: Executor;
  readonly propagation = new Propagation();
  readonly blocking: Blocking;
  readonly transactions: Transactions;
  readonly expiry: Expiry;
  readonly eviction: Eviction;
  readonly pause: Pause;
  readonly scripting: Scripting;
  readonly functions: FunctionLibraries;
  readonly exchanger: Exchanger;
  readonly clients = new Map<number, Client>();
  /** Unix time in ms. */
  readonly startedAt: number;
  /** 40 hex digits, new at each start. */
  readonly runId: string;
  stats = new ServerStats();

  // State that gates look at; see SERVER_GATE. Set bits with `setGate`.
  gates = 0;
  diskError: ReplyError | undefined;
  acl: AccessControl | undefined;
  replication: Replication | undefined;
  /** What is on disk; undefined in a server that keeps nothing there. */
  persistence: Persistence | undefined;
  isLoading = false;
  isReplica = false;
  /** DEBUG PAUSE-CRON: nothing is done on the server's own account (`serverCron`); what clients ask for goes on. */
  isCronPaused = false;

  /** Unix time in ms, fixed while one batch of input is dealt with. */
  now: number;
  /** Changes since the last save. */
  dirty = 0;
  /** Classes of EVENT that are published; 0 for none. */
  notifyMask = 0;
  /** Set while someone watches, tracks or waits for keys: then each change must be told. */
  hasKeyListeners = false;
  /** Set while client tracking is in use: then reads are noted. */
  isTracking = false;
  /** What ordinary clients make the server hold: requests, replies, transactions. */
  clientBytes = 0;
  /** Commands that take as long are put in the slow log. */
  slowUsec = Infinity;
  /** Commands that take as long are noted as latency events. */
  latencyUsec = Infinity;
  /** `latency-tracking`: whether each call is counted in its command's histogram. */
  isTrackingLatency = true;
  limits = { queryBufferBytes: 1 << 30, maxBulkBytes: 512 << 20 };

  // What others hang in. Each is a plain function so that nobody needs to know who they are.
  publishKeyEvent: (dbIndex: number, eventClass: number, event: string, key: string) => void = () => {};
  trackChange: (by: Client | undefined, dbIndex: number, key: string) => void = () => {};
  /** A database was emptied, or exchanged: clients know keys by name alone, whatever their database. */
  trackFlush: () => void = () => {};
  noteRead: (client: Client, command: Command, args: Args) => void = () => {};
  noteLatency: (event: string, ms: number) => void = () => {};
  noteSlow: (client: Client, command: Command, args: Args, usec: number) => void = () => {};
  feedMonitors: (client: Client, command: Command, args: Args) => void = () => {};
  checkOutputLimit: (client: Client) => void = () => {};
  /** Called when a client has sent something: brings `clientBytes` up to date, and may end clients that hold too much. */
  accountClient: (client: Client) => void = () => {};
  /** Ends those that hold most while all hold more than `maxmemory-clients`. */
  evictClients: () => void = () => {};
  /** A master's stream holds a PING with this text. */
  markMet: (text: string) => void = () => {};
  /** Called before replies of a batch are sent: the append-only file with `appendfsync always` syncs here. */
  beforeReplies: () => void = () => {};
  /** Called when a client has gone. */
  readonly onGone: ((client: Client) => void)[] = [];
  /** Called about every 100 ms. */
  readonly onTick: (() => void)[] = [];
  /** Called when a command begins to sleep, and when it is done. */
  readonly onBusy: ((isBusy: boolean) => void)[] = [];
  /** Run once when the present command (or transaction) is over. */
  readonly afterUnit: (() => void)[] = [];
  /** Ends the process after an internal error that leaves the data in doubt. */
  crash: (error: unknown) => void = (error) => {
    throw error;
  };

  // Shared by clients.
  readonly replyBuffers = new ReplyBuffers();
  readonly dirtyClients: Client[] = [];
  readonly resumable: Client[] = [];
  readonly postponed = new Set<Client>();
  private readonly parsers: RequestParser[] = [];
  private readonly logLine: (level: LogLevel, text: string) => void;
  private nextClientId = 1;
  private isSettleAsked = false;
  /** Time spent on requests and replies in this turn of the event loop. */
  private cycleMs = 0;

  constructor(options: ServerOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.config = options.config;
    this.logLine = options.log;
    this.now = options.clock.now();
    this.startedAt = this.now;
    this.commands = new CommandTable(options.families);
    this.keyspace = new Keyspace(options.config.number('databases'), options.random);
    this.executor = new Executor(this);
    this.blocking = new Blocking(this);
    this.transactions = new Transactions(this);
    this.expiry = new Expiry(this);
    this.eviction = new Eviction(this);
    this.pause = new Pause(this);
    this.scripting = new Scripting(this);
    this.functions = new FunctionLibraries(this);
    this.exchanger = new Exchanger(options.clock);
    this.runId = this.randomHex(40);
    options.config.onChange('proto-max-bulk-len', (value) => {
      this.limits.maxBulkBytes = Number(value);
    });
    options.config.onChange('client-query-buffer-limit', (value) => {
      this.limits.queryBufferBytes = Number(value);
    });
    options.clock.every(100, () => this.tick());
  }

  log(level: LogLevel, text: string): void {
    this.logLine(level, text);
  }

  /** `length` random hex digits. */
  randomHex(length: number): string {
    let text = '';
    while (text.length < length) text += this.random(16).toString(16);
    return text;
  }

  // ---- clients ----------------------------------------------------------------------------------------------------

  /** A new client; without a transport its replies stay in `reply` for its maker to take. */
  connect(transport?: Transport): Client {
    const client = this.createClient(transport);
    if (transport !== undefined) {
      this.clients.set(client.id, client);
      this.stats.connectionsReceived += 1;
      this.acl?.admit(client);
    }
    return client;
  }

  /** A client that nobody sees yet, as the link to a master is while it is down. */
  createClient(transport?: Transport): Client {
    this.refreshTime();
    const client = new Client(this, this.nextClientId, transport);
    this.nextClientId += 1;
    return client;
  }

  /**
   * A batch of input of one client: executes it. Short replies are sent once all input that is there has been dealt
   * with: one write per client, and one sync of the append-only file for all of them.
   */
  receive(client: Client, chunk: Buffer, start: number, end: number): void {
    this.refreshTime();
    // A master's stream is counted as it comes in from its link.
    if (client.kind !== 'master') this.stats.netInputBytes += end - start;
    this.executor.startBatch();
    client.feed(chunk, start, end);
    this.stats.commandMs += this.executor.batchMs;
    this.cycleMs += this.executor.batchMs;
    this.accountClient(client);
    if (client.reply.isLarge && client.transport !== undefined) {
      // Held back, those of many clients would take a large buffer each, more than are kept: garbage by the megabyte.
      this.beforeReplies();
      client.flush();
    } else if (client.reply.length > 0) client.markDirty();
    if (this.dirtyClients.length > 0 || this.resumable.length > 0) this.requestSettle();
  }

  /** The client's peer has gone. */
  forget(client: Client): void {
    if (!this.clients.delete(client.id) && client.transport !== undefined) return;
    if (client.block !== undefined) this.blocking.unblock(client.block);
    this.transactions.discard(client);
    this.postponed.delete(client);
    for (const listener of this.onGone) listener(client);
  }

  /** Lets unblocked clients go on, and sends what was written to clients. */
  settle(): void {
    while (this.dirtyClients.length > 0 || this.resumable.length > 0) {
      for (const client of this.resumable.splice(0)) {
        client.resume();
        client.markDirty();
      }
      this.beforeReplies();
      for (const client of this.dirtyClients.splice(0)) client.flush();
    }
    this.evictClients();
  }

  /** Asks for a `settle` when the present input has been dealt with. */
  requestSettle(): void {
    if (this.isSettleAsked) return;
    this.isSettleAsked = true;
    this.clock.soon(this.settleSoon);
  }

  private readonly settleSoon = (): void => {
    this.isSettleAsked = false;
    this.refreshTime();
    const start = this.clock.monotonic();
    this.settle();
    this.cycleMs += this.clock.monotonic() - start;
    this.endCycle();
  };

  /** One turn of the event loop is over: what INFO tells of them. */
  private endCycle(): void {
    this.stats.noteCycle(this.cycleMs);
    this.cycleMs = 0;
  }

  /** Lets clients held back by a pause try again. */
  resumePostponed(): void {
    const clients = [...this.postponed];
    this.postponed.clear();
    this.resumable.push(...clients);
    if (clients.length > 0) this.requestSettle();
  }

  takeParser(client: Client): RequestParser {
    const parser = this.parsers.pop() ?? new RequestParser();
    parser.maxBulkBytes = client.isTrusted ? 0x7fff_ffff : this.limits.maxBulkBytes;
    parser.isAuthenticated = (client.gates & CLIENT_GATE.unauthenticated) === 0;
    return parser;
  }

  returnParser(parser: RequestParser): void {
    parser.reset();
    if (this.parsers.length < 16) this.parsers.push(parser);
  }

  // ---- changes ----------------------------------------------------------------------------------------------------

  /** A key changed: watchers, trackers and waiting clients are told. */
  touchKey(by: Client | undefined, dbIndex: number, key: string): void {
    this.transactions.touch(dbIndex, key);
    if (this.isTracking) this.trackChange(by, dbIndex, key);
    if (this.blocking.keys.size > 0) this.blocking.markReady(dbIndex, key);
  }

  /** Called by whoever begins or ends to listen for changes of keys. */
  refreshKeyListeners(): void {
    this.hasKeyListeners = this.isTracking || this.transactions.hasWatchers || this.blocking.keys.size > 0;
  }

  /** What has to happen between two units: served waiters are units of their own. */
  finishUnit(): void {
    for (const run of this.afterUnit.splice(0)) run();
    if (this.blocking.hasReady && !this.isBusy) this.blocking.serve();
  }

  /** Sets or clears a bit of SERVER_GATE. */
  setGate(gate: number, isOn: boolean): void {
    this.gates = isOn ? this.gates | gate : this.gates & ~gate;
  }

  /** Whether a command sleeps in the middle of its work: nothing may change the data until it is done. */
  get isBusy(): boolean {
    return (this.gates & SERVER_GATE.busy) !== 0;
  }

  setBusy(isBusy: boolean): void {
    this.setGate(SERVER_GATE.busy, isBusy);
    for (const listener of this.onBusy) listener(isBusy);
  }

  /** Whether memory is within its limit, after evicting what may go. */
  makeRoom(): boolean {
    return this.eviction.makeRoom();
  }

  get usedBytes(): number {
    return this.eviction.usedBytes();
  }

  // ---- time -------------------------------------------------------------------------------------------------------

  refreshTime(): void {
    this.now = this.clock.now();
  }

  private tick(): void {
    if (this.isCronPaused) return;
    this.refreshTime();
    const start = this.clock.monotonic();
    const deadline = start + 1;
    while (this.keyspace.rehashStep(256) && this.clock.monotonic() < deadline);
    if (!this.isBusy) {
      this.expiry.sweep();
      this.eviction.tick();
    }
    for (const listener of this.onTick) listener();
    const cronMs = this.clock.monotonic() - start;
    this.stats.cronMs += cronMs;
    this.cycleMs += cronMs;
    this.settle();
    this.endCycle();
  }
}
