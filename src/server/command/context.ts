import type { Db } from '../keyspace/db.ts';
import type { Value } from '../keyspace/value.ts';
import { Args } from '../resp/args.ts';
import { ERRORS } from '../resp/errors.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import type { Server } from '../server.ts';
import type { BlockOptions } from './blocking.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import { EVENT } from './event-class.ts';
import { TO_ALL } from './propagation.ts';

/** The class of a collection, as `values/` exports it. */
export type ValueClass<T extends Value> = abstract new (...args: never[]) => T;

/** How a command that changed something is told to replicas and AOF. */
export const AS_GIVEN = 0;
export const REWRITTEN = 1;
export const NOT_AT_ALL = 2;

/**
 * What a handler works with. One object per server, filled anew for each command: keep nothing of it.
 *
 * Reading: `read*` honours expiry and counts hits; they give 0 or undefined for a missing key and throw WRONGTYPE.
 * Writing: `write*` before changing a value in place; then `changed` (once per changed key and event), which counts
 * as dirty, invalidates watchers and trackers, wakes blocked clients and publishes the event. A command that changed
 * nothing is not propagated.
 */
export class Context {
  readonly server: Server;
  client: Client;
  command: Command;
  args: Args;
  reply: ReplyWriter;
  db: Db;
  dbIndex = 0;
  /** Changes made by the present command. */
  dirty = 0;
  propagation: typeof AS_GIVEN | typeof REWRITTEN | typeof NOT_AT_ALL = AS_GIVEN;
  rewritten: Args | undefined;
  targets = TO_ALL;
  /** Propagated although nothing changed (PUBLISH). */
  isForced = false;
  /** The reply is pushed data (SUBSCRIBE), which CLIENT REPLY OFF does not hold back. */
  isPush = false;
  /** False inside MULTI and scripts: a command that would block answers as if its time had run out. */
  canBlock = true;
  /** Collections opened for writing, with the db and the slot each is in. */
  private readonly openObjects: Value[] = [];
  private readonly openDbs: Db[] = [];
  private readonly openSlots: number[] = [];
  private openCount = 0;

  constructor(server: Server, client: Client, command: Command, args: Args) {
    this.server = server;
    this.client = client;
    this.command = command;
    this.args = args;
    this.reply = client.reply;
    this.db = server.keyspace.db(0);
  }

  /** Unix time in ms, the same during a whole command (and its transaction). */
  get now(): number {
    return this.server.now;
  }

  // ---- finding keys -----------------------------------------------------------------------------------------------

  /** The entry of the key in argument `i`, for reading; 0 when there is none. */
  read(args: Args, i: number): number {
    const ref = this.readUnstamped(args, i);
    if (ref !== 0) this.stamp(ref);
    return ref;
  }

  /** `read` that is no access to the eyes of eviction. */
  readUnstamped(args: Args, i: number): number {
    const ref = this.peek(args, i);
    const { stats } = this.server;
    if (ref === 0) {
      stats.keyspaceMisses += 1;
      if ((this.server.notifyMask & EVENT.keyMiss) !== 0)
        this.notify(EVENT.keyMiss, 'keymiss', args.string(i));
      return 0;
    }
    stats.keyspaceHits += 1;
    return ref;
  }

  /** The entry of the key in argument `i`, for changing it; 0 when there is none. */
  write(args: Args, i: number): number {
    const ref = this.peek(args, i);
    if (ref !== 0) this.stamp(ref);
    return ref;
  }

  /** `read`, of a string. */
  readString(args: Args, i: number): number {
    const ref = this.read(args, i);
    if (ref !== 0 && !this.db.isString(ref)) throw ERRORS.wrongType;
    return ref;
  }

  /** `write`, of a string. */
  writeString(args: Args, i: number): number {
    const ref = this.write(args, i);
    if (ref !== 0 && !this.db.isString(ref)) throw ERRORS.wrongType;
    return ref;
  }

  /** The collection of the key in argument `i`, for reading. */
  readValue<T extends Value>(args: Args, i: number, type: ValueClass<T>): T | undefined {
    const ref = this.read(args, i);
    return ref === 0 ? undefined : this.objectOf(ref, type);
  }

  /** The collection of the key in argument `i`, to be changed: its old form has been saved where need be. */
  writeValue<T extends Value>(args: Args, i: number, type: ValueClass<T>): T | undefined {
    const ref = this.write(args, i);
    if (ref === 0) return undefined;
    const object = this.objectOf(ref, type);
    this.db.willChange(ref);
    this.noteOpen(ref, object);
    return object;
  }

  /** `writeValue`, or a new one under that key. Add something to it: an empty collection must not stay. */
  writeOrCreate<T extends Value>(args: Args, i: number, type: ValueClass<T>, make: () => T): T {
    const known = this.writeValue(args, i, type);
    if (known !== undefined) return known;
    const object = make();
    this.noteOpen(this.insertValue(args, i, object), object);
    return object;
  }

  /** Puts a collection under the key in argument `i`, whatever was there. */
  setValue(args: Args, i: number, object: Value): void {
    const isNew =
      (this.server.notifyMask & EVENT.new) !== 0 && this.db.find(args.buf, args.start(i), args.end(i)) === 0;
    this.db.setObject(args.buf, args.start(i), args.end(i), object);
    if (isNew) this.notifyNew(args.string(i));
  }

  /** A new string of the bytes `buf[start, end)` under the key in argument `i`, which was just looked for in vain. */
  insertString(args: Args, i: number, buf: Uint8Array, start: number, end: number): number {
    const ref = this.db.insertString(args.buf, args.start(i), args.end(i), buf, start, end);
    if ((this.server.notifyMask & EVENT.new) !== 0) this.notifyNew(args.string(i));
    return ref;
  }

  /** A new collection under the key in argument `i`, which was just looked for in vain. */
  insertValue(args: Args, i: number, object: Value): number {
    const ref = this.db.insertObject(args.buf, args.start(i), args.end(i), object);
    if ((this.server.notifyMask & EVENT.new) !== 0) this.notifyNew(args.string(i));
    return ref;
  }

  /** The key with an exact name (a binary string), expiry honoured. */
  findKey(key: string): number {
    return this.peek(Args.of([key]), 0);
  }

  private objectOf<T extends Value>(ref: number, type: ValueClass<T>): T {
    if (this.db.isString(ref)) throw ERRORS.wrongType;
    const object = this.db.object(ref);
    if (!(object instanceof type)) throw ERRORS.wrongType;
    return object;
  }

  /** The entry of the key in argument `i`, expiry honoured, without counting or stamping it; 0 when there is none. */
  peek(args: Args, i: number): number {
    const { db } = this;
    const ref = db.find(args.buf, args.offsets[2 * i]!, args.offsets[2 * i + 1]!);
    if (ref === 0 || db.expires.count === 0) return ref;
    const expireAt = db.expireAt(ref);
    if (expireAt < 0 || this.server.now <= expireAt) return ref;
    return this.server.expiry.meetExpired(this, ref) ? 0 : ref;
  }

  private stamp(ref: number): void {
    if (this.client.isNoTouch && this.command.name !== 'touch') return;
    const { db } = this;
    if (db.isFrequencyCounted) this.server.eviction.countAccess(db, ref);
    else db.setAccess(ref, db.accessClock);
  }

  // ---- telling of changes -----------------------------------------------------------------------------------------

  /**
   * The key in argument `i` was changed: counts, invalidates, wakes, and publishes `event` of a class of EVENT.
   */
  changed(args: Args, i: number, eventClass: number, event: string, count = 1): void {
    this.dirty += count;
    const { server } = this;
    if (server.hasKeyListeners) server.touchKey(this.client, this.dbIndex, args.string(i));
    if ((server.notifyMask & eventClass) !== 0) this.notify(eventClass, event, args.string(i));
  }

  /** `changed` for a key that is not an argument. */
  changedKey(key: string, eventClass: number, event: string, count = 1): void {
    this.dirty += count;
    this.touch(key);
    this.notify(eventClass, event, key);
  }

  /** Invalidates watchers and trackers and wakes blocked clients, without an event. */
  touch(key: string): void {
    if (this.server.hasKeyListeners) this.server.touchKey(this.client, this.dbIndex, key);
  }

  /** Publishes a keyspace event. */
  notify(eventClass: number, event: string, key: string): void {
    const { server } = this;
    if ((server.notifyMask & eventClass) !== 0) server.publishKeyEvent(this.dbIndex, eventClass, event, key);
  }

  /** A key came to be: the event `new`, which only those get who ask for it. */
  notifyNew(key: string): void {
    this.notify(EVENT.new, 'new', key);
  }

  /** Deletes the key in argument `i` if it is there, with the event `del`; true when it was. */
  delete(args: Args, i: number): boolean {
    const ref = this.peek(args, i);
    if (ref === 0) return false;
    this.db.delete(ref);
    this.changed(args, i, EVENT.generic, 'del');
    return true;
  }

  /** Deletes the collection in argument `i` when it has become empty; call it after the event of the change. */
  deleteIfEmpty(args: Args, i: number, object: Value): boolean {
    if (object.size > 0) return false;
    const ref = this.db.find(args.buf, args.start(i), args.end(i));
    if (ref === 0) return false;
    this.db.delete(ref);
    this.notify(EVENT.generic, 'del', args.string(i));
    return true;
  }

  // ---- propagation ------------------------------------------------------------------------------------------------

  /** Replicas and AOF get this command instead of the one that came. */
  propagateAs(argv: readonly (string | Uint8Array)[]): void {
    this.propagation = REWRITTEN;
    this.rewritten = this.server.propagation.isActive ? Args.of(argv) : undefined;
  }

  /** Replicas and AOF get nothing of this command (but what `alsoPropagate` adds). */
  propagateNothing(): void {
    this.propagation = NOT_AT_ALL;
  }

  /** Adds a command before the present one's, in the same unit. */
  alsoPropagate(argv: readonly (string | Uint8Array)[], targets = TO_ALL): void {
    this.server.propagation.addCommand(this.dbIndex, argv, targets);
  }

  /** Propagates the command although it changed no key. */
  forcePropagation(targets = TO_ALL): void {
    this.isForced = true;
    this.targets = targets;
  }

  // ---- blocking ---------------------------------------------------------------------------------------------------

  /**
   * Nothing to serve yet: waits for the keys (binary strings) and runs the command again when one changed. `args` is
   * what to run again, when it differs from what came (XREAD's `$`). Write no reply when this returns true; false
   * means that waiting is not possible here: answer as after a timeout.
   */
  blockOnKeys(
    keys: readonly string[],
    options: BlockOptions & { readonly whenGone?: boolean; readonly args?: Args },
  ): boolean {
    if (!this.canBlock) return false;
    this.server.blocking.blockOnKeys(this.client, this.command, options.args ?? this.args, keys, options);
    return true;
  }

  // ---- for the executor -------------------------------------------------------------------------------------------

  /** Brings the accounts of the collections opened for writing up to date. */
  recountObjects(): void {
    const { openObjects, openDbs, openSlots } = this;
    for (let i = 0; i < this.openCount; i += 1) openDbs[i]!.recount(openSlots[i]!, openObjects[i]!);
    // The arrays are used again: cutting them costs more than the rest. The few objects they keep alive don't.
    this.openCount = 0;
  }

  private noteOpen(ref: number, object: Value): void {
    const at = this.openCount++;
    this.openObjects[at] = object;
    this.openDbs[at] = this.db;
    this.openSlots[at] = this.db.slotOf(ref);
  }

  get hasOpenObjects(): boolean {
    return this.openCount > 0;
  }
}
