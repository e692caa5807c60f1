import type { DatasetReceiver, DatasetSink, Log, Transport } from './ports.ts';
import { PayloadReader } from './payload-reader.ts';
import {
  NO_LINK,
  stepLink,
  type LinkEffect,
  type LinkEvent,
  type LinkMaster,
  type LinkSettings,
  type PsyncPosition,
  type ReplicaLink,
} from './replica-link.ts';

/** A connection we made: reading can be held up while a dataset is loaded. */
export interface LinkTransport extends Transport {
  pause(): void;
  resume(): void;
}

export interface LinkTransportEvents {
  opened(): void;
  data(chunk: Uint8Array): void;
  closed(reason: string): void;
}

export interface MasterLinkPorts {
  readonly connect: (master: LinkMaster, events: LinkTransportEvents) => LinkTransport;
  readonly receiver: DatasetReceiver;
  readonly now: () => number;
  readonly log: Log;
  readonly settings: () => LinkSettings;
  readonly phaseChanged: () => void;
  /** How far the stream has been applied, offered at the next PSYNC. Asked while the stream is being followed. */
  readonly appliedPosition: () => PsyncPosition;
  /** The link is up again where it stood; `replid` is the master's when it said one. */
  readonly resumed: (position: PsyncPosition, replid: string | null) => void;
  /** The old dataset and its history go now. */
  readonly replacing: () => void;
  /** A new dataset stands at `from` (null: an old master that said no offset) with `streamDb` selected. */
  readonly loaded: (from: PsyncPosition | null, streamDb: number) => void;
  /** The link is up: the stream follows from here. */
  readonly following: () => void;
  /** So many bytes of the data set or the stream came. */
  readonly received: (bytes: number) => void;
  /** Bytes of the stream. */
  readonly stream: (chunk: Uint8Array) => void;
  readonly failoverAnswered: (refusal: string | null) => void;
}

const CR = 0x0d;
const LF = 0x0a;
const MAX_LINE_BYTES = 4096;

/** Carries out the effects of `stepLink` on one connection at a time and turns its bytes into events. */
export class MasterLink {
  readonly #ports: MasterLinkPorts;
  #link: ReplicaLink = NO_LINK;
  #transport: LinkTransport | null = null;
  #line = '';
  #payload: PayloadReader | null = null;
  #sink: DatasetSink | null = null;
  /** Stream bytes that came behind the RDB while it is being loaded. */
  #held: Uint8Array[] = [];
  #resyncFrom: PsyncPosition | null = null;
  #newlineAtMs = 0;
  #isHeld = false;
  /** What came while the link was held. */
  #unread: Uint8Array[] = [];
  /** Bytes of the RDB received, and its length when known: what INFO shows while syncing. */
  transferReadBytes = 0;
  transferTotalBytes: number | null = null;

  constructor(ports: MasterLinkPorts) {
    this.#ports = ports;
  }

  get link(): ReplicaLink {
    return this.#link;
  }

  /** Follows a master. `position` is what we can offer it from our own time as a master, or null. */
  attach(master: LinkMaster, position: PsyncPosition | null): void {
    const offered = this.#link.phase === 'connected' ? this.#ports.appliedPosition() : position;
    this.#dispatch({ type: 'attach', master, position: offered, nowMs: this.#ports.now() });
  }

  detach(): void {
    this.#dispatch({ type: 'detach' });
  }

  /** Once a second: connects when there is no connection, and gives up on a silent one. */
  tick(): void {
    const nowMs = this.#ports.now();
    if (this.#isHeld) this.#dispatch({ type: 'heard', nowMs });
    this.#dispatch({ type: 'tick', nowMs });
  }

  /** Stops reading, with the link kept alive, and goes on. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) return;
    const transport = this.#transport;
    for (const chunk of this.#unread.splice(0)) {
      if (this.#transport === transport) this.#read(chunk);
    }
    if (this.#transport !== transport) return;
    if (this.#sink === null || this.#payload !== null) transport?.resume();
  }

  /** Drops the connection as if the network had: CLIENT KILL TYPE master, DEBUG. It is made anew at once. */
  cut(reason: string): void {
    this.#close();
    this.#lose(reason);
  }

  /** Tells the master how far we are. Only while the stream is followed. */
  acknowledge(offset: number, fsyncedOffset: number | null): void {
    if (this.#link.phase !== 'connected') return;
    const fack = fsyncedOffset === null ? [] : ['FACK', String(fsyncedOffset)];
    this.#transport?.write(encodeCommand(['REPLCONF', 'ACK', String(offset), ...fack]));
  }

  #dispatch(event: LinkEvent): void {
    const { next, effects } = stepLink(this.#link, event, this.#ports.settings());
    const hasPhaseChanged = next.phase !== this.#link.phase;
    this.#link = next;
    if (hasPhaseChanged) this.#ports.phaseChanged();
    for (const effect of effects) {
      this.#carryOut(effect);
      // An effect can lead to another event (a failover taken back): what was to follow is void then.
      if (this.#link !== next) return;
    }
  }

  #carryOut(effect: LinkEffect): void {
    switch (effect.type) {
      case 'open':
        this.#open(effect.master);
        return;
      case 'close':
        this.#closeByUs();
        return;
      case 'send':
        this.#transport?.write(encodeCommand(effect.args));
        return;
      case 'receive-payload':
        this.#receivePayload(effect.from);
        return;
      case 'resume':
        this.#ports.resumed(effect.position, effect.replid);
        return;
      case 'follow-stream':
        this.#followStream();
        return;
      case 'failover-accepted':
        this.#ports.failoverAnswered(null);
        return;
      case 'failover-refused':
        this.#ports.failoverAnswered(effect.reason);
        return;
      case 'log':
        this.#ports.log(effect.level, effect.text);
    }
  }

  #open(master: LinkMaster): void {
    let transport: LinkTransport | null = null;
    const isCurrent = (): boolean => transport === null || this.#transport === transport;
    transport = this.#ports.connect(master, {
      opened: () => {
        if (isCurrent()) this.#dispatch({ type: 'opened', nowMs: this.#ports.now() });
      },
      data: (chunk) => {
        if (!isCurrent()) return;
        if (!this.#isHeld) {
          this.#read(chunk);
          return;
        }
        this.#unread.push(Buffer.from(chunk));
        transport?.pause();
      },
      closed: (reason) => {
        if (!isCurrent()) return;
        this.#close();
        this.#lose(reason);
      },
    });
    this.#transport = transport;
  }

  /** A close that the machine asked for while it holds the link for connected is a loss like any other. */
  #closeByUs(): void {
    const wasFollowing = this.#link.phase === 'connected';
    this.#close();
    if (wasFollowing) this.#lose('timeout');
  }

  #close(): void {
    const transport = this.#transport;
    this.#transport = null;
    this.#payload = null;
    this.#held = [];
    this.#unread = [];
    this.#line = '';
    const sink = this.#sink;
    this.#sink = null;
    sink?.abort();
    transport?.close();
  }

  #lose(reason: string): void {
    const position = this.#link.phase === 'connected' ? this.#ports.appliedPosition() : null;
    this.#dispatch({ type: 'lost', reason, position, nowMs: this.#ports.now() });
  }

  #read(chunk: Uint8Array): void {
    const isHandshake = this.#isHandshake();
    if (!isHandshake) this.#ports.received(chunk.length);
    if (this.#link.phase === 'connected') {
      this.#link = { ...this.#link, lastIoMs: this.#ports.now() };
      this.#ports.stream(chunk);
    } else if (this.#payload !== null) {
      this.#dispatch({ type: 'heard', nowMs: this.#ports.now() });
      this.#payload.feed(chunk);
    } else if (isHandshake) {
      this.#readLines(chunk);
    } else {
      this.#held.push(Buffer.from(chunk));
    }
  }

  /** No data set and no stream has begun. */
  #isHandshake(): boolean {
    const isTransfer = this.#payload !== null || this.#sink !== null || this.#held.length > 0;
    return this.#link.phase !== 'connected' && !isTransfer;
  }

  /** Replies of the handshake, one line each; what follows the last one belongs to the payload or the stream. */
  #readLines(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      const at = chunk.indexOf(LF, from);
      const end = at === -1 ? chunk.length : at > from && chunk[at - 1] === CR ? at - 1 : at;
      this.#line += Buffer.from(chunk.buffer, chunk.byteOffset + from, end - from).toString('latin1');
      if (at === -1 && this.#line.length <= MAX_LINE_BYTES) return;
      const line = this.#line.replace(/\r$/, '');
      this.#line = '';
      from = at === -1 ? chunk.length : at + 1;
      const transport = this.#transport;
      this.#dispatch({ type: 'line', line, nowMs: this.#ports.now() });
      if (this.#transport !== transport || transport === null) return;
      if (this.#payload !== null || this.#link.phase === 'connected') {
        if (from < chunk.length) this.#read(chunk.subarray(from));
        return;
      }
    }
  }

  #receivePayload(from: PsyncPosition | null): void {
    const { log, receiver } = this.#ports;
    this.#resyncFrom = from;
    this.transferReadBytes = 0;
    this.transferTotalBytes = null;
    // It reads on to the end of its piece, though what came first in that has been refused and the next link is open.
    const isCurrent = (): boolean => this.#payload === payload;
    const payload = new PayloadReader({
      framing: (framing) => {
        if (!isCurrent()) return;
        this.transferTotalBytes = framing.kind === 'length' ? framing.lengthBytes : null;
        const what =
          framing.kind === 'length'
            ? `receiving ${framing.lengthBytes} bytes from master`
            : 'receiving streamed RDB from master with EOF';
        log('notice', `MASTER <-> REPLICA sync: ${what}`);
        this.#sink = receiver.begin(this.#loadEvents(), from);
      },
      data: (chunk) => {
        if (!isCurrent()) return;
        this.transferReadBytes += chunk.length;
        this.#sink?.write(chunk);
      },
      end: (rest) => {
        if (!isCurrent()) return;
        this.#payload = null;
        if (rest.length > 0) this.#held.push(Buffer.from(rest));
        this.#transport?.pause();
        this.#sink?.end();
      },
      refused: (line) => {
        if (isCurrent()) this.#fail(`MASTER aborted replication with: ${line}`);
      },
    });
    this.#payload = payload;
  }

  /** What the receiver reports; once the sink has been given up it is not listened to any more. */
  #loadEvents(): Parameters<DatasetReceiver['begin']>[0] {
    const transport = this.#transport;
    const isCurrent = (): boolean => transport !== null && this.#transport === transport;
    return {
      replacing: () => {
        if (!isCurrent()) return;
        this.#ports.log('notice', 'MASTER <-> REPLICA sync: Flushing old data');
        this.#ports.log('notice', 'MASTER <-> REPLICA sync: Loading DB in memory');
        this.#dispatch({ type: 'replacing' });
        this.#ports.replacing();
      },
      loaded: (streamDb) => {
        if (!isCurrent()) return;
        this.#sink = null;
        this.#ports.loaded(this.#resyncFrom, streamDb);
        this.#dispatch({ type: 'loaded', nowMs: this.#ports.now() });
      },
      failed: (reason) => {
        if (isCurrent()) this.#fail(reason);
      },
      progress: () => {
        if (isCurrent()) this.#keepAlive();
      },
    };
  }

  #fail(reason: string): void {
    this.#payload = null;
    this.#dispatch({ type: 'load-failed', reason, nowMs: this.#ports.now() });
  }

  /** A newline once a second keeps the master from taking a loading replica for a dead one. */
  #keepAlive(): void {
    const nowMs = this.#ports.now();
    this.#dispatch({ type: 'heard', nowMs });
    if (nowMs - this.#newlineAtMs < 1000) return;
    this.#newlineAtMs = nowMs;
    this.#transport?.write(Buffer.from('\n'));
  }

  #followStream(): void {
    const transport = this.#transport;
    const held = this.#held;
    this.#held = [];
    this.#ports.following();
    for (const chunk of held) {
      if (this.#transport !== transport) return;
      this.#ports.stream(chunk);
    }
    transport?.resume();
  }
}

/** A command as RESP array; arguments are latin1 strings. */
export function encodeCommand(args: readonly string[]): Buffer {
  const parts = [`*${args.length}\r\n`];
  for (const arg of args) parts.push(`$${arg.length}\r\n${arg}\r\n`);
  return Buffer.from(parts.join(''), 'latin1');
}
