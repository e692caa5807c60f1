import type { Transport } from '../net/transport.ts';
import type { ReplicaSession } from '../replication/replica-session.ts';
import type { Args } from '../resp/args.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import { BROKEN, type RequestParser } from '../resp/request-parser.ts';
import type { Server } from '../server.ts';
import type { Block } from './blocking.ts';
import type { Command } from './command.ts';

const SHORT_WRITE_BYTES = 16 * 1024;
const FLUSH_AT_BYTES = 256 * 1024;
const KEEP_QUERY_BYTES = 64 * 1024;
/** Room made at once for an announced argument, before any more of it has come. */
const FIRST_QUERY_BYTES = 4 << 20;

/** What kind of peer it is: decides output limits and CLIENT LIST's flags. */
export type ClientKind = 'normal' | 'pubsub' | 'replica' | 'master';

/** A command waiting for EXEC. */
export interface Queued {
  readonly command: Command;
  readonly args: Args;
}

/** A transaction being collected. */
export interface Multi {
  readonly queue: Queued[];
  /** Flags of all queued commands, or-ed. */
  flags: number;
  /** Flags that all queued commands have. */
  commonFlags: number;
  /** Size of the queued requests. */
  bytes: number;
  /** A command was refused while queueing: EXEC aborts. */
  isBroken: boolean;
}

/** Told of each command of a master's stream after it was executed, with its very bytes. */
export interface AppliedListener {
  applied(buf: Buffer, start: number, end: number): void;
}

/**
 * Someone who sends commands: over a transport, or, without one, from inside (a script, the append-only file, the
 * link to the master). Owns the bytes of an unfinished request, the transaction and the replies not yet sent.
 */
export class Client {
  readonly id: number;
  readonly server: Server;
  readonly transport: Transport | undefined;
  readonly reply: ReplyWriter;
  readonly createdAt: number;
  kind: ClientKind = 'normal';
  dbIndex = 0;
  name = '';
  libraryName = '';
  libraryVersion = '';
  /** Name of the ACL user it is authenticated as. */
  user = 'default';
  /** CLIENT_GATE bits. */
  gates = 0;
  /** Obeyed as it is (a master's stream, the append-only file): no gate but ACL and syntax holds. */
  isTrusted = false;
  /** No replies at all (CLIENT REPLY OFF, a master), or none to the next command. */
  isSilent = false;
  skipsNextReply = false;
  isNoTouch = false;
  isNoEvict = false;
  multi: Multi | undefined;
  /** `dbIndex:key` of the keys it watches. */
  watched: Set<string> | undefined;
  /** Those of them that were past their time already when watched. */
  expiredWatches: Set<string> | undefined;
  /** A watched key was changed: EXEC gives nil. */
  isWatchBroken = false;
  /** What it waits for. Its further input waits too. */
  block: Block | undefined;
  /** A command of its sleeps: nothing of the reply so far may be sent, its further input waits. */
  isMidReply = false;
  isClosed = false;
  /** Closed once the replies written are sent. */
  isClosing = false;
  lastCommand: Command | undefined;
  lastActiveAt: number;
  appliedListener: AppliedListener | undefined;
  /** Its session, once it has spoken as a replica. */
  replica: ReplicaSession | undefined;
  /** Called when the transport has room again. */
  onDrain: (() => void) | undefined;
  isDirty = false;
  /** What the names cost that it watches, listens to and tracks keys by. */
  nameBytes = 0;
  /** What it was last seen to make the server hold, and the bucket of `ClientBuckets` it is in for that, or -1. */
  heldBytes = 0;
  memoryBucket = -1;
  private query: Buffer | undefined;
  private queryStart = 0;
  private queryEnd = 0;
  private parser: RequestParser | undefined;
  private isPostponed = false;
  private isFeeding = false;

  constructor(server: Server, id: number, transport: Transport | undefined) {
    this.server = server;
    this.id = id;
    this.transport = transport;
    this.reply = new ReplyWriter(server.replyBuffers);
    this.createdAt = server.now;
    this.lastActiveAt = server.now;
  }

  /** A peer that asks and is answered: neither a replica nor a master. */
  get isOrdinary(): boolean {
    return this.kind === 'normal' || this.kind === 'pubsub';
  }

  /** Bytes received and not yet executed. */
  get queryBytes(): number {
    return this.queryEnd - this.queryStart;
  }

  /** Those of them that are no part of an argument already read. */
  get unreadBytes(): number {
    return this.parser?.isPartial === true ? this.queryEnd - this.parser.position : this.queryBytes;
  }

  /** Size of the arguments read of a request that is not complete. */
  get argumentBytes(): number {
    return this.parser?.isPartial === true ? this.parser.args.size : 0;
  }

  get queryCapacity(): number {
    return this.query?.length ?? 0;
  }

  /**
   * Takes input and executes every complete command in it, unless the client is blocked or paused: then, and for
   * the rest of an unfinished command, the bytes are kept. `chunk` stays the caller's.
   */
  feed(chunk: Buffer, start: number, end: number): void {
    if (this.isClosed || this.isClosing) return;
    this.lastActiveAt = this.server.now;
    if (this.query === undefined && this.canRun()) {
      const rest = this.run(chunk, start, end);
      if (rest < end) this.keep(chunk, rest, end);
      else this.freeParser();
    } else {
      this.keep(chunk, start, end);
      if (this.canRun()) this.runKept();
    }
  }

  /** Goes on with the input kept while blocked or postponed. */
  resume(): void {
    this.isPostponed = false;
    if (this.query === undefined || !this.canRun()) return;
    this.server.executor.startBatch();
    this.runKept();
  }

  /** Sends what was written so far. */
  flush(): void {
    this.isDirty = false;
    if (this.isMidReply) return;
    const { reply, transport } = this;
    const { length } = reply;
    if (length === 0) {
      if (this.isClosing) this.close();
      return;
    }
    if (transport === undefined || this.isClosed) {
      reply.truncate(0);
      return;
    }
    if (length > SHORT_WRITE_BYTES) {
      // Too much is not sent at all.
      this.server.checkOutputLimit(this);
      if (this.isClosed) {
        reply.truncate(0);
        return;
      }
    }
    this.server.stats.netOutputBytes += length;
    const sent = transport.writeNow(reply.buf, length);
    if (sent === length) {
      reply.release(false);
    } else if (length - sent <= SHORT_WRITE_BYTES) {
      transport.write(Buffer.from(reply.buf.subarray(sent, length)));
      reply.release(false);
    } else {
      transport.write(reply.buf.subarray(sent, length));
      reply.release(true);
    }
    this.server.checkOutputLimit(this);
    if (this.isClosing) this.close();
  }

  /** Lets the replies written from outside the client's own input (messages, unblocking) be sent this tick. */
  markDirty(): void {
    if (this.isDirty || this.transport === undefined) return;
    this.isDirty = true;
    this.server.dirtyClients.push(this);
    this.server.requestSettle();
  }

  /** Closes after the replies written so far. */
  closeAfterReply(): void {
    this.isClosing = true;
    this.markDirty();
  }

  /** Ends the client; everything that knows it forgets it. */
  close(isAbrupt = false): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.query = undefined;
    this.freeParser();
    if (isAbrupt) this.transport?.close();
    else this.transport?.end();
    this.server.forget(this);
  }

  private canRun(): boolean {
    return !this.isFeeding && !this.isHeld;
  }

  /** Whether its input has to wait, or is not wanted any more. */
  private get isHeld(): boolean {
    return this.block !== undefined || this.isMidReply || this.isPostponed || this.isClosing || this.isClosed;
  }

  private run(buf: Buffer, start: number, end: number): number {
    const parser = (this.parser ??= this.server.takeParser(this));
    this.isFeeding = true;
    let at = start;
    while (at < end) {
      const count = parser.readAhead(buf, at, end);
      if (count > 1) this.expectKeys(parser, count);
      at = this.runAhead(parser, count, buf, at);
      if (this.isHeld) {
        // What was read ahead is read again.
        parser.reset();
        break;
      }
      if (parser.outcome === BROKEN) this.breakProtocol(parser.error);
      if (parser.outcome <= 0) break;
      parser.isAuthenticated = this.gates === 0 || (this.gates & 1) === 0;
    }
    this.isFeeding = false;
    if (this.isClosing || this.isClosed) return end;
    return at;
  }

  /** Runs what was read ahead, as far as may be; gives the position reached. */
  private runAhead(parser: RequestParser, count: number, buf: Buffer, start: number): number {
    const { executor } = this.server;
    let at = start;
    for (let i = 0; i < count; i += 1) {
      const args = parser.ahead[i]!;
      if (args.count > 0 && !executor.execute(this, args)) {
        this.isPostponed = true;
        this.server.postponed.add(this);
        break;
      }
      const after = parser.ends[i]!;
      this.appliedListener?.applied(buf, at, after);
      at = after;
      if (this.isHeld) break;
      if (this.reply.length > FLUSH_AT_BYTES) {
        this.server.beforeReplies();
        this.flush();
        // A peer that takes too little is cut off.
        if (this.isClosed) break;
      }
    }
    executor.settleTime();
    return at;
  }

  /** The keys of requests that are about to run: looking for them all at once is faster than one after the other. */
  private expectKeys(parser: RequestParser, count: number): void {
    const db = this.server.keyspace.db(this.dbIndex);
    if (!db.isLarge) return;
    for (let i = 0; i < count; i += 1) {
      const args = parser.ahead[i]!;
      if (args.count > 1) db.expect(args.buf, args.start(1), args.end(1));
    }
    db.fetchExpected();
  }

  private runKept(): void {
    const buf = this.query;
    if (buf === undefined) return;
    const rest = this.run(buf, this.queryStart, this.queryEnd);
    this.queryStart = rest;
    if (this.isClosed || rest === this.queryEnd) {
      this.query = undefined;
      this.queryStart = 0;
      this.queryEnd = 0;
      if (this.block === undefined) this.freeParser();
    }
  }

  private keep(chunk: Buffer, start: number, end: number): void {
    if (this.isClosing || this.isClosed) return;
    const size = end - start;
    if (this.query === undefined) {
      const wanted = Math.min(this.parser?.bytesWanted(end) ?? 0, FIRST_QUERY_BYTES);
      this.query = Buffer.allocUnsafeSlow(Math.max(1024, size + wanted));
      this.parser?.rebase(-start);
    } else if (this.queryEnd + size > this.query.length) {
      this.makeQueryRoom(size);
    }
    chunk.copy(this.query, this.queryEnd, start, end);
    this.queryEnd += size;
    if (this.queryBytes > this.server.limits.queryBufferBytes) {
      this.server.log('warning', `Closing client that reached max query buffer length: id=${this.id}`);
      this.close(true);
    } else if ((this.block !== undefined || this.isMidReply) && this.queryBytes > KEEP_QUERY_BYTES) {
      this.transport?.pause();
    }
  }

  /** Gives up the room for what was announced and does not come. */
  trimQuery(): void {
    const { query } = this;
    if (query === undefined || query.length <= this.queryBytes + KEEP_QUERY_BYTES) return;
    this.moveQuery(Buffer.allocUnsafeSlow(this.queryBytes));
  }

  private makeQueryRoom(size: number): void {
    const query = this.query!;
    const held = this.queryBytes;
    const wanted = Math.min(this.parser?.bytesWanted(this.queryEnd) ?? 0, 64 << 20);
    const need = Math.max(held + size, held * 2, Math.min(held + wanted, held * 4 + 65536));
    this.moveQuery(need <= query.length ? query : Buffer.allocUnsafeSlow(need));
  }

  private moveQuery(target: Buffer): void {
    const held = this.queryBytes;
    this.query?.copy(target, 0, this.queryStart, this.queryEnd);
    this.parser?.rebase(-this.queryStart);
    this.query = target;
    this.queryStart = 0;
    this.queryEnd = held;
  }

  private freeParser(): void {
    if (this.parser === undefined) return;
    this.server.returnParser(this.parser);
    this.parser = undefined;
  }

  private breakProtocol(error: string): void {
    this.server.log(
      'verbose',
      `Protocol error (${error}) from client: id=${this.id} addr=${this.transport?.peer}`,
    );
    this.reply.error(`ERR Protocol error: ${error}`);
    this.closeAfterReply();
  }
}
