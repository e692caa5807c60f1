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
    events = start(new SocketTransport(socket));
    socket.on('drain', events.drained);
    socket.on('error', ignoreReset);
    socket.once('end', events.ended);
    socket.once('close', events.gone);
    socket.resume();
  }
}

/** Serves a socket by its `data` events: for TLS, and where there is no handle to take over. */
export function attach(socket: net.Socket, start: (transport: Transport) => ConnectionEvents): void {
  const events = start(new SocketTransport(socket));
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

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.isUnixSocket = socket.remoteFamily === undefined;
    this.peer = address(socket.remoteAddress, socket.remotePort);
    this.local = address(socket.localAddress, socket.localPort);
    this.fd = fileDescriptor(socket);
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  writeLatin1(text: string): void {
    if (!this.socket.destroyed) this.socket.write(text, 'latin1');
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
