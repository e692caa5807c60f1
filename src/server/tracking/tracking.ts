import type { Client } from '../command/client.ts';
import { FLAG, type Command } from '../command/command.ts';
import { CLIENT_GATE } from '../command/gates.ts';
import { findKeys } from '../command/find-keys.ts';
import { nameCost } from '../command/name-cost.ts';
import { push } from '../pubsub/push.ts';
import type { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';

/** How one client wants to be told that what it cached is stale. */
export interface TrackingMode {
  /** Id of the client that gets the messages; 0 is the client itself. */
  redirect: number;
  readonly isBroadcast: boolean;
  readonly isOptIn: boolean;
  readonly isOptOut: boolean;
  readonly skipsOwn: boolean;
  readonly prefixes: Set<string>;
  /** CLIENT CACHING was given: holds for the next command. */
  hasCaching: boolean;
  isRedirectBroken: boolean;
}

const CHANNEL = '__redis__:invalidate';
/** In the words of who tracks, who need not be the one that is told. */
const NULL = { 2: Buffer.from('$-1\r\n'), 3: Buffer.from('_\r\n') };

/** Client-side caching (tracking.c): who read which keys, and word to them when those change. */
export class Tracking {
  readonly modes = new Map<Client, TrackingMode>();
  /** Key (whatever its database) → ids of those who may have cached it. */
  readonly #readers = new Map<string, Set<number>>();
  /** Keys changed since the last message to broadcast clients, by prefix, with who changed them. */
  readonly #pending = new Map<string, Map<string, Client | undefined>>();
  #server: Server | undefined;
  #isFlushAsked = false;

  attach(server: Server): void {
    this.#server = server;
    server.onGone.push((client) => this.disable(client));
    server.noteRead = (client, command, args) => this.#noteRead(client, command, args);
    server.trackChange = (by, _dbIndex, key) => this.#noteChange(by, key);
    server.trackFlush = () => this.#noteFlush();
    server.config.onChange('tracking-table-max-keys', () => this.#shrink());
    server.onTick.push(() => this.#shrink());
  }

  enable(client: Client, mode: TrackingMode): void {
    const known = this.modes.get(client);
    const prefixes = new Set([...(known?.prefixes ?? []), ...mode.prefixes]);
    client.nameBytes += costOf(prefixes) - costOf(known?.prefixes);
    this.modes.set(client, { ...mode, prefixes });
    this.#refresh();
  }

  disable(client: Client): void {
    client.nameBytes -= costOf(this.modes.get(client)?.prefixes);
    if (this.modes.delete(client)) this.#refresh();
  }

  get keyCount(): number {
    return this.#readers.size;
  }

  get itemCount(): number {
    let count = 0;
    for (const readers of this.#readers.values()) count += readers.size;
    return count;
  }

  get prefixCount(): number {
    return new Set([...this.modes.values()].flatMap(({ prefixes }) => [...prefixes])).size;
  }

  #refresh(): void {
    const server = this.#server;
    if (server === undefined) return;
    server.isTracking = this.modes.size > 0;
    if (!server.isTracking) this.#readers.clear();
    server.refreshKeyListeners();
  }

  #noteRead(by: Client, command: Command, args: Args): void {
    const client = callerOf(by);
    const mode = this.modes.get(client);
    if (mode === undefined || command.name === 'client|caching') return;
    const { hasCaching } = mode;
    if (client.multi === undefined && client.server.executor.current === undefined) mode.hasCaching = false;
    // What a script reads counts, not the keys it is given.
    const isReading = (command.flags & (FLAG.readonly | FLAG.skip_monitor)) === FLAG.readonly;
    if (mode.isBroadcast || !isReading) return;
    if (mode.isOptIn && !hasCaching) return;
    if (mode.isOptOut && hasCaching) return;
    for (const { index } of findKeys(command, args) ?? []) {
      const key = args.string(index);
      const readers = this.#readers.get(key);
      if (readers === undefined) this.#readers.set(key, new Set([client.id]));
      else readers.add(client.id);
    }
  }

  #noteChange(author: Client | undefined, key: string): void {
    const by = author === undefined ? undefined : callerOf(author);
    this.#noteBroadcast(by, key);
    const readers = this.#readers.get(key);
    if (readers === undefined) return;
    this.#readers.delete(key);
    for (const id of readers) {
      const client = this.#server?.clients.get(id);
      const mode = client === undefined ? undefined : this.modes.get(client);
      if (client === undefined || mode === undefined || mode.isBroadcast) continue;
      if (mode.skipsOwn && client === by) continue;
      this.#send(client, mode, [key]);
    }
  }

  #noteBroadcast(by: Client | undefined, key: string): void {
    for (const mode of this.modes.values()) {
      for (const prefix of mode.isBroadcast ? mode.prefixes : []) {
        if (!key.startsWith(prefix)) continue;
        const keys = this.#pending.get(prefix) ?? new Map<string, Client | undefined>();
        keys.set(key, by);
        this.#pending.set(prefix, keys);
      }
    }
    if (this.#pending.size === 0 || this.#isFlushAsked) return;
    this.#isFlushAsked = true;
    this.#server?.clock.soon(() => this.#flushBroadcasts());
  }

  #flushBroadcasts(): void {
    this.#isFlushAsked = false;
    const pending = new Map(this.#pending);
    this.#pending.clear();
    for (const [client, mode] of this.modes) {
      if (!mode.isBroadcast) continue;
      for (const [prefix, changes] of pending) {
        if (!mode.prefixes.has(prefix)) continue;
        const keys = [...changes].filter(([, by]) => !mode.skipsOwn || by !== client).map(([key]) => key);
        if (keys.length > 0) this.#send(client, mode, keys);
      }
    }
    this.#server?.requestSettle();
  }

  #noteFlush(): void {
    for (const [client, mode] of this.modes) this.#send(client, mode, undefined);
    this.#readers.clear();
  }

  /** Without keys: everything is stale. */
  #send(client: Client, mode: TrackingMode, keys: readonly string[] | undefined): void {
    const target = mode.redirect === 0 ? client : this.#server?.clients.get(mode.redirect);
    if (target === undefined) {
      mode.isRedirectBroken = true;
      if (client.reply.version === 3)
        push(client, (reply) => {
          reply.pushHeader(2);
          reply.bulkString('tracking-redir-broken');
          reply.int(mode.redirect);
        });
      return;
    }
    const isPubSub = target.reply.version === 2;
    // Whatever it is subscribed to (`sendTrackingMessage` in tracking.c).
    if (isPubSub && (mode.redirect === 0 || (target.gates & CLIENT_GATE.subscribed) === 0)) return;
    const nothing = NULL[client.reply.version];
    push(target, (reply) => {
      reply.pushHeader(isPubSub ? 3 : 2);
      reply.bulkString(isPubSub ? 'message' : 'invalidate');
      if (isPubSub) reply.bulkString(CHANNEL);
      if (keys === undefined) reply.raw(nothing, 0, nothing.length);
      else reply.bulkStrings(keys);
    });
  }

  /** Forgets keys beyond the limit, telling their readers so. */
  #shrink(): void {
    const limit = this.#server?.config.number('tracking-table-max-keys') ?? 0;
    if (limit === 0) return;
    for (const key of this.#readers.keys()) {
      if (this.#readers.size <= limit) return;
      this.#noteChange(undefined, key);
    }
  }
}

function costOf(prefixes: Iterable<string> = []): number {
  let bytes = 0;
  for (const prefix of prefixes) bytes += nameCost(prefix);
  return bytes;
}

/** Who is behind a command: for one that a script runs, the client that sent the script. */
function callerOf(client: Client): Client {
  return client.transport === undefined ? (client.server.scripting.running?.caller ?? client) : client;
}
