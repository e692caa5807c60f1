import net from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface DialEvents {
  opened(): void;
  /** The bytes are the caller's only until it returns. */
  data(chunk: Buffer): void;
  /** Once, however it ended; `reason` is the system's word for it. */
  closed(reason: string): void;
}

export interface DialedConnection {
  write(bytes: Uint8Array): void;
  readonly pendingBytes: number;
  pause(): void;
  resume(): void;
  end(): void;
  close(): void;
}

export interface DialOptions {
  /** What to bind to, if anything. */
  readonly localAddress?: string;
  /** Speak TLS. As in Redis the chain is verified, the host name is not. */
  readonly tls?: ConnectionOptions | undefined;
}

/** Connects to another server. Fails by `closed`, never by throwing. */
export function dial(
  host: string,
  port: number,
  events: DialEvents,
  options: DialOptions = {},
): DialedConnection {
  let reason = 'closed by peer';
  const { localAddress } = options;
  const target = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  };
  const socket =
    options.tls === undefined
      ? net.connect(target)
      : loadTls().connect({ ...target, ...options.tls, checkServerIdentity: () => undefined });
  socket.on(options.tls === undefined ? 'connect' : 'secureConnect', () => events.opened());
  socket.on('data', (chunk: Buffer) => events.data(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  socket.on('close', () => events.closed(reason));
  return {
    write: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    get pendingBytes() {
      return socket.writableLength;
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    close: () => void socket.destroy(),
  };
}

/** Most servers never speak TLS: the module costs memory, so it is loaded when first needed. */
function loadTls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls');
}
