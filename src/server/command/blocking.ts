import type { Timer } from '../clock.ts';
import { Args } from '../resp/args.ts';
import type { Server } from '../server.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import { CLIENT_GATE } from './gates.ts';

/** What a client waits for. */
export interface Block {
  readonly client: Client;
  /** Writes the reply for a wait that ran out. */
  readonly onTimeout: () => void;
  /** Called when the wait ends for any reason, to take the client out of wherever it was put. */
  readonly onEnd: (() => void) | undefined;
  readonly timer: Timer | undefined;
  /** Blocked on keys: the command to run again when one of them changed. */
  readonly retry: Retry | undefined;
  /** Microseconds its command has taken so far, waiting not counted. */
  usec: number;
}

interface Retry {
  readonly command: Command;
  readonly args: Args;
  readonly dbIndex: number;
  readonly keys: readonly string[];
  /** Also run again when the key went away (XREADGROUP: its group is gone). */
  readonly whenGone: boolean;
}

export interface BlockOptions {
  /** 0 waits for ever. */
  readonly timeoutMs: number;
  readonly onTimeout: () => void;
  readonly onEnd?: () => void;
}

/**
 * Clients that wait. One mechanism for keys, as Redis has since 7.2: the command that found nothing is kept and run
 * again, as if it had just arrived, when a key it waits for was changed by someone; it then serves itself, or stays
 * where it was in the queue. Other waits (WAIT, for one) end by `unblock`.
 */
export class Blocking {
  /** `dbIndex:key` → who waits for it, in the order of their coming. */
  readonly keys = new Map<string, Set<Block>>();
  /** Blocked clients of all kinds. */
  readonly blocks = new Set<Block>();
  private ready: string[] = [];
  private readonly readyKeys = new Set<string>();
  private readonly server: Server;
  private current: Block | undefined;
  private currentStays = false;

  constructor(server: Server) {
    this.server = server;
  }

  /** Makes the client wait; its further input is not read meanwhile. */
  block(client: Client, options: BlockOptions): Block {
    return this.add(client, options, undefined);
  }

  /** Makes the client wait for keys (binary strings in its db); `args` is what will be run again. */
  blockOnKeys(
    client: Client,
    command: Command,
    args: Args,
    keys: readonly string[],
    options: BlockOptions & { readonly whenGone?: boolean },
  ): void {
    if (this.current?.client === client) {
      this.currentStays = true;
      return;
    }
    const names = [...new Set(keys.map((key) => `${client.dbIndex}:${key}`))];
    const retry = {
      command,
      args: args.copy(),
      dbIndex: client.dbIndex,
      keys: names,
      whenGone: options.whenGone ?? false,
    };
    const block = this.add(client, options, retry);
    for (const name of names) {
      const waiting = this.keys.get(name);
      if (waiting === undefined) this.keys.set(name, new Set([block]));
      else waiting.add(block);
    }
    this.server.refreshKeyListeners();
  }

  /** Whether the command now running is one that waited and is tried again. */
  isRetrying(client: Client): boolean {
    return this.current?.client === client;
  }

  /** Says that a key changed. Served after the present unit, by `serve`. */
  markReady(dbIndex: number, key: string): void {
    const name = `${dbIndex}:${key}`;
    if (!this.keys.has(name) || this.readyKeys.has(name)) return;
    this.readyKeys.add(name);
    this.ready.push(name);
  }

  /** All keys of a database changed (SWAPDB, a load). */
  markDbReady(dbIndex: number): void {
    const prefix = `${dbIndex}:`;
    for (const name of this.keys.keys()) {
      if (name.startsWith(prefix)) this.markReady(dbIndex, name.slice(prefix.length));
    }
  }

  get hasReady(): boolean {
    return this.ready.length > 0;
  }

  /** Keys whose going away someone waits for. */
  get keysAwaitedGone(): number {
    let count = 0;
    for (const waiting of this.keys.values())
      if ([...waiting].some(({ retry }) => retry?.whenGone === true)) count += 1;
    return count;
  }

  /** Runs the waiting commands of the keys that changed, until no more change. */
  serve(): void {
    // A retried command ends its own unit while its client is still in the queue; the loop below goes on after it.
    if (this.current !== undefined) return;
    while (this.ready.length > 0) {
      const names = this.ready;
      this.ready = [];
      this.readyKeys.clear();
      for (const name of names) this.serveKey(name);
    }
  }

  /** A command that waits, or is tried again, took so long: counts it once it was served. */
  noteTime(block: Block, command: Command, args: Args, usec: number): void {
    block.usec += usec;
    const isServed = this.current === block && !this.currentStays;
    if (isServed) this.server.executor.account(block.client, command, args, block.usec);
  }

  /** Ends a wait otherwise than by serving it: after the reply has been written by the caller. */
  unblock(block: Block): void {
    const { client, retry, usec } = block;
    const command = client.lastCommand;
    if (this.blocks.has(block) && command !== undefined && !client.isClosed)
      this.server.executor.account(client, command, retry?.args ?? Args.of([command.name]), usec);
    this.release(block);
  }

  private release(block: Block): void {
    if (!this.blocks.delete(block)) return;
    block.timer?.cancel();
    const { client, retry } = block;
    for (const name of retry?.keys ?? []) {
      const waiting = this.keys.get(name);
      waiting?.delete(block);
      if (waiting?.size === 0) this.keys.delete(name);
    }
    client.block = undefined;
    this.server.refreshKeyListeners();
    block.onEnd?.();
    if (client.isClosed) return;
    client.markDirty();
    client.transport?.resume();
    this.server.resumable.push(client);
    this.server.requestSettle();
  }

  /** Ends a wait as if its time had run out. */
  timeOut(block: Block): void {
    if (!this.blocks.has(block)) return;
    this.server.refreshTime();
    block.onTimeout();
    this.unblock(block);
  }

  private add(client: Client, options: BlockOptions, retry: Retry | undefined): Block {
    const timer =
      options.timeoutMs > 0
        ? this.server.clock.after(options.timeoutMs, () => this.timeOut(block))
        : undefined;
    const block: Block = {
      client,
      onTimeout: options.onTimeout,
      onEnd: options.onEnd,
      timer,
      retry,
      usec: 0,
    };
    this.blocks.add(block);
    client.block = block;
    return block;
  }

  /** Each who waits gets one try: one put back into the queue meanwhile must not be met again (blocked.c). */
  private serveKey(name: string): void {
    const colon = name.indexOf(':');
    const dbIndex = Number(name.slice(0, colon));
    const key = name.slice(colon + 1);
    this.server.refreshTime();
    const waiting = [...(this.keys.get(name) ?? [])];
    for (const block of waiting) {
      const { retry } = block;
      if (retry === undefined || !this.blocks.has(block)) continue;
      if (retry.whenGone || this.isThere(dbIndex, key)) this.retry(block, retry);
    }
  }

  /** A key past its time is as none, and stays for someone else to clear. */
  private isThere(dbIndex: number, key: string): boolean {
    const db = this.server.keyspace.db(dbIndex);
    const ref = db.findString(key);
    if (ref === 0) return false;
    const expireAt = db.expireAt(ref);
    return expireAt < 0 || this.server.now <= expireAt;
  }

  private retry(block: Block, retry: Retry): void {
    const { client } = block;
    const { acl, executor } = this.server;
    const mark = client.reply.length;
    // Rights may have changed meanwhile.
    const refusal =
      (client.gates & CLIENT_GATE.acl) === 0 ? undefined : acl?.check(client, retry.command, retry.args);
    if (refusal !== undefined) {
      this.release(block);
      executor.reject(client, retry.command, refusal);
      return;
    }
    this.current = block;
    this.currentStays = false;
    executor.call(client, retry.command, retry.args);
    this.current = undefined;
    if (this.currentStays) client.reply.truncate(mark);
    else this.release(block);
  }
}
