import net from 'node:net';

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

/** Connects to another server. Fails by `closed`, never by throwing. `localAddress` is what to bind to, if anything. */
export function dial(
  host: string,
  port: number,
  events: DialEvents,
  localAddress?: string,
): DialedConnection {
  let reason = 'closed by peer';
  const socket = net.connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.on('connect', () => events.opened());
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
