import { writeSync } from 'node:fs';
import net from 'node:net';
import type { Transport } from './transport.ts';

/** What the owner of a connection is told. */
export interface ConnectionEvents {
  /** Bytes `[start, end)` of a buffer that is reused after the call. */
  readonly data: (chunk: Buffer, start: number, end: number) => void;
  /** Everything written is with the kernel. */
  readonly drained: () => void;
  /** The peer will send no more, but may still read. */
  readonly ended: () => void;
  /** The connection is over, whoever ended it. */
  readonly gone: () => void;
}

/** The handle below an accepted socket, which Node keeps to itself. */
interface Handled {
  _handle: object | null;
}

/**
 * Wraps accepted sockets. All of them read into one buffer, which is parsed in place: no slab per read, no Buffer
 * object per chunk. That takes handing the accepted handle to a new Socket with `onread`; should a Node version not
 * keep its handle where this one does, the socket's own `data` events do the same, only slower.
 */
export class SocketFactory {
  private readonly readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

  /** `accepted` comes from a server with `pauseOnConnect`. */
  wrap(accepted: net.Socket, start: (transport: Transport) => ConnectionEvents): void {
    const shell = accepted as unknown as Handled;
    const handle = shell._handle;
    if (!(accepted instanceof net.Socket) || handle === null || handle === undefined) {
      attach(accepted, start);
      return;
    }
    shell._handle = null;
    let events: ConnectionEvents | undefined;
    const socket = new net.Socket({
      handle,
      readable: true,
      writable: true,
      allowHalfOpen: true,
      onread: {
        buffer: this.readBuffer,
        callback: (length: number): boolean => {
          events?.data(this.readBuffer, 0, length);
          return true;
        },
      },
    } as net.SocketConstructorOpts);
    events = start(new SocketTransport(socket, true));
    socket.on('drain', events.drained);
    socket.on('error', ignoreReset);
    socket.once('end', events.ended);
    socket.once('close', events.gone);
    socket.resume();
  }
}

/** Serves a socket by its `data` events: for TLS, and where there is no handle to take over. */
export function attach(socket: net.Socket, start: (transport: Transport) => ConnectionEvents): void {
  const events = start(new SocketTransport(socket, false));
  socket.on('data', (chunk: Buffer) => events.data(chunk, 0, chunk.length));
  socket.on('drain', events.drained);
  socket.on('error', ignoreReset);
  socket.once('end', events.ended);
  socket.once('close', events.gone);
  socket.resume();
}

/** A reset is an end like any other: `close` follows. */
function ignoreReset(): void {}

class SocketTransport implements Transport {
  readonly peer: string;
  readonly local: string;
  readonly fd: number;
  readonly isUnixSocket: boolean;
  private readonly socket: net.Socket;
  private readonly isDirect: boolean;

  /** `isPlain` when what is written is what goes over the wire. */
  constructor(socket: net.Socket, isPlain: boolean) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.isUnixSocket = socket.remoteFamily === undefined;
    this.peer = address(socket.remoteAddress, socket.remotePort);
    this.local = address(socket.localAddress, socket.localPort);
    this.fd = fileDescriptor(socket);
    this.isDirect = isPlain && this.fd >= 0;
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array, taken?: () => void): void {
    if (!this.socket.destroyed) this.socket.write(bytes, taken);
  }

  /**
   * Straight to the descriptor, past the socket's stream: a third of what a short reply costs. Only while nothing is
   * queued in the stream and the socket is open: a closed one's descriptor may be somebody else's.
   */
  writeNow(bytes: Uint8Array, length: number): number {
    const { socket } = this;
    if (!this.isDirect || socket.writableLength > 0 || !socket.writable || socket.destroyed) return 0;
    try {
      return writeSync(this.fd, bytes, 0, length);
    } catch (error) {
      // A full buffer, or a peer that has gone: the stream waits for the one and tells of the other.
      if (error instanceof Error && 'code' in error) return 0;
      throw error;
    }
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    if (this.socket.isPaused()) this.socket.resume();
  }

  end(): void {
    this.socket.end();
    this.socket.destroySoon();
  }

  close(): void {
    this.socket.destroy();
  }
}

function address(host: string | undefined, port: number | undefined): string {
  if (host === undefined || port === undefined) return '';
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function fileDescriptor(socket: net.Socket): number {
  const handle: unknown = (socket as unknown as Handled)._handle;
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return -1;
  return typeof handle.fd === 'number' ? handle.fd : -1;
}
