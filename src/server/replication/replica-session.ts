import type { BacklogCursor } from './backlog.ts';
import type { SnapshotFilter, Spool, Transport } from './ports.ts';

/** The master's view of one replica, in the order it goes through. */
export type ReplicaState =
  /** Has connected and may send REPLCONF; not counted as a replica yet. */
  | 'handshake'
  /** Needs a full resync; no snapshot has been started for it. Gets newlines so that it knows we live. */
  | 'wait-snapshot'
  /** `+FULLRESYNC` is sent, the RDB is being spooled because its length must be known. Newlines go on. */
  | 'wait-rdb'
  /** The RDB is on its way; the stream that follows gathers in the backlog. */
  | 'sending-rdb'
  /** The RDB ended with the `$EOF:` mark: nothing more is sent until the replica's first ACK. */
  | 'wait-first-ack'
  /** Receives the stream as it is written. */
  | 'online'
  /** Gone; kept by nobody. */
  | 'closed';

/** Bytes given to the transport before we wait for it to drain. */
const HIGH_WATER_BYTES = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = Buffer.from('\n');

/** One attached replica as its master sees it: what it can do, where it stands, what it still has to be sent. */
export class ReplicaSession {
  readonly id: number;
  readonly peerHost: string;
  listeningPort = 0;
  /** From `REPLCONF ip-address`; empty: the address it connected from. */
  announcedHost = '';
  canEof = false;
  canPsync2 = false;
  /** A Valkey from 9 on, which loads RDB version 80 and not 12: `REPLCONF version`, which Redis does not send. */
  takesValkeyRdb = false;
  /** `REPLCONF rdb-only 1` (redis-cli --rdb): wants the image and then to be let go. */
  isRdbOnly = false;
  filter: SnapshotFilter = { withData: true, withFunctions: true };
  /** Came with SYNC instead of PSYNC: sends no ACKs, and must not be timed out for it. */
  isPrePsync = false;
  /** Offset it has applied, by its last ACK. */
  ackedOffset = 0;
  /** Offset it has fsynced, by `REPLCONF ACK … FACK …`. */
  fsyncedOffset = 0;
  ackedAtMs = 0;
  /** When it asked for a full resync: the diskless delay counts from here. */
  askedAtMs = 0;
  /** Last time the transport took bytes of the RDB. */
  progressAtMs = 0;
  /** Since when the output has been over the soft limit, or null. */
  overSoftLimitSinceMs: number | null = null;

  readonly #transport: Transport;
  #state: ReplicaState = 'handshake';
  #cursor: BacklogCursor | null = null;
  #spool: Spool | null = null;
  #spoolOffset = 0;
  #hasEofFraming = false;

  constructor(id: number, transport: Transport, peerHost: string) {
    this.id = id;
    this.#transport = transport;
    this.peerHost = peerHost;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get host(): string {
    return this.announcedHost === '' ? this.peerHost : this.announcedHost;
  }

  /** As logs name it: `127.0.0.1:6380`, or the connection's id when it never said its port. */
  get name(): string {
    return this.listeningPort === 0 ? `client id #${this.id}` : `${this.host}:${this.listeningPort}`;
  }

  /** Attached: counted by INFO, fed or about to be fed. */
  get isAttached(): boolean {
    return this.#state !== 'handshake' && this.#state !== 'closed';
  }

  get isOnline(): boolean {
    return this.#state === 'online' || this.#state === 'wait-first-ack';
  }

  /** The word of `slaveN:state=`. */
  get stateName(): 'wait_bgsave' | 'send_bulk' | 'online' {
    if (this.isOnline) return 'online';
    return this.#state === 'sending-rdb' && !this.#hasEofFraming ? 'send_bulk' : 'wait_bgsave';
  }

  /** Whether the transport has taken as much as it should for now. */
  get isSaturated(): boolean {
    return this.#transport.pendingBytes >= HIGH_WATER_BYTES;
  }

  /** Bytes of the stream it has still to be given, those the transport holds included. */
  owedBytes(streamNextOffset: number): number {
    const behind = this.#cursor === null ? 0 : streamNextOffset - this.#cursor.nextOffset;
    return behind + this.#transport.pendingBytes;
  }

  /** Partial resync: the stream goes on from the cursor. No SELECT is injected: the replica kept its own. */
  continueFrom(cursor: BacklogCursor, replid: string, nowMs: number): void {
    this.#send(this.canPsync2 ? `+CONTINUE ${replid}\r\n` : '+CONTINUE\r\n');
    this.#cursor = cursor;
    this.ackedAtMs = nowMs;
    this.#state = 'online';
    this.pump();
  }

  /** Full resync needed: wait for a snapshot. */
  awaitSnapshot(nowMs: number): void {
    this.askedAtMs = nowMs;
    this.#state = 'wait-snapshot';
  }

  /** A snapshot taken at `offset` is on its way; the cursor stands right behind it. */
  beginFullResync(cursor: BacklogCursor, replid: string, offset: number): void {
    if (!this.isPrePsync) this.#send(`+FULLRESYNC ${replid} ${offset}\r\n`);
    this.#cursor = cursor;
    this.#state = 'wait-rdb';
  }

  /** The RDB will be streamed while it is made, ended by `mark` (40 bytes). */
  beginEofPayload(mark: string, nowMs: number): void {
    this.#hasEofFraming = true;
    this.progressAtMs = nowMs;
    this.#state = 'sending-rdb';
    this.#send(`$EOF:${mark}\r\n`);
  }

  /** Bytes of an RDB in `$EOF:` framing. */
  writePayload(chunk: Uint8Array, taken: () => void): void {
    if (this.#state === 'sending-rdb') this.#transport.write(chunk, taken);
    else taken();
  }

  /** The RDB is complete: the stream waits for the first ACK. */
  endEofPayload(mark: string, nowMs: number): void {
    if (this.#state !== 'sending-rdb') return;
    this.#send(mark);
    this.#becomeOnline('wait-first-ack', nowMs);
  }

  /** The RDB lies ready in a spool, its length known. */
  sendSpool(spool: Spool, nowMs: number): void {
    if (this.#state !== 'wait-rdb') return;
    this.#hasEofFraming = false;
    this.#spool = spool;
    this.#spoolOffset = 0;
    this.progressAtMs = nowMs;
    this.#state = 'sending-rdb';
    this.#send(`$${spool.lengthBytes}\r\n`);
    this.pump(nowMs);
  }

  /** What the replica has applied (and fsynced). The first one after `$EOF:` opens the stream. */
  acknowledge(offset: number, fsyncedOffset: number | null, nowMs: number): void {
    if (!this.isAttached) return;
    this.ackedOffset = Math.max(this.ackedOffset, offset);
    if (fsyncedOffset !== null) this.fsyncedOffset = Math.max(this.fsyncedOffset, fsyncedOffset);
    this.ackedAtMs = nowMs;
    if (this.#state !== 'wait-first-ack') return;
    this.#state = 'online';
    this.pump();
  }

  /** A bare newline: the replica is busy loading, but alive. */
  heard(nowMs: number): void {
    this.ackedAtMs = nowMs;
  }

  /** Tells a replica that waits for its RDB that we live. Only where it can't be taken for data. */
  keepAlive(): void {
    if (this.#state === 'wait-snapshot' || this.#state === 'wait-rdb') this.#transport.write(NEWLINE);
  }

  /** Gives the transport what it can take: of the spool, then of the stream. Call on new bytes and on drain. */
  pump(nowMs?: number): void {
    if (this.#spool !== null) this.#pumpSpool(this.#spool, nowMs);
    if (this.#state !== 'online') return;
    while (!this.isSaturated) {
      const bytes = this.#cursor?.read(CHUNK_BYTES) ?? null;
      if (bytes === null) return;
      this.#transport.write(bytes);
    }
  }

  /** An error reply instead of a resync; the replica will come again. */
  refuse(error: string): void {
    this.#send(`-${error}\r\n`);
    this.#finish();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.release();
    this.#transport.close();
  }

  /** The connection is gone: let go of everything held for it. */
  release(): void {
    this.#state = 'closed';
    this.#cursor?.close();
    this.#cursor = null;
    this.#spool = null;
  }

  #finish(): void {
    this.release();
    this.#transport.end();
  }

  #pumpSpool(spool: Spool, nowMs: number | undefined): void {
    while (!this.isSaturated && this.#spoolOffset < spool.lengthBytes) {
      const chunk = spool.read(this.#spoolOffset, CHUNK_BYTES);
      this.#spoolOffset += chunk.length;
      this.#transport.write(chunk);
      if (nowMs !== undefined) this.progressAtMs = nowMs;
    }
    if (this.#spoolOffset < spool.lengthBytes) return;
    this.#spool = null;
    this.#becomeOnline('online', nowMs ?? this.progressAtMs);
  }

  #becomeOnline(state: 'wait-first-ack' | 'online', nowMs: number): void {
    this.ackedAtMs = nowMs;
    this.#state = state;
    if (this.isRdbOnly) this.#finish();
  }

  #send(text: string): void {
    this.#transport.write(Buffer.from(text, 'latin1'));
  }
}
