import { once } from 'node:events';
import net from 'node:net';

const DEADLINE_MS = 60_000;

/** A connection that sends bytes and gives back whole replies as they came, in latin1. */
export class RawConnection {
  /** The port on this side, by which the server's CLIENT LIST knows it. */
  readonly localPort: number;
  private readonly socket: net.Socket;
  private received = Buffer.alloc(0);
  private isEnded = false;
  private wake: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.localPort = socket.localPort ?? 0;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    const end = (): void => {
      this.isEnded = true;
      this.wake();
    };
    socket.on('close', end);
    socket.on('error', end);
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Sends a command without waiting for its reply. */
  send(args: readonly string[]): void {
    const parts = args.map((arg) => `$${Buffer.byteLength(arg, 'latin1')}\r\n${arg}\r\n`);
    this.sendBytes(`*${args.length}\r\n${parts.join('')}`);
  }

  sendBytes(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply; `(closed)` when the server hung up, `(none)` when nothing came in time. */
  async read(deadlineMs = DEADLINE_MS): Promise<string> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const end = replyEnd(this.received, 0);
      if (end > 0) {
        const reply = this.received.toString('latin1', 0, end);
        this.received = this.received.subarray(end);
        return reply;
      }
      if (this.isEnded) return '(closed)';
      const left = deadline - Date.now();
      if (left <= 0) return '(none)';
      await this.change(left);
    }
  }

  async call(...args: string[]): Promise<string> {
    this.send(args);
    return this.read();
  }

  close(): void {
    this.socket.destroy();
  }

  private change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Where the RESP value that begins at `start` ends; -1 when it is not all there. */
export function replyEnd(buf: Buffer, start: number): number {
  const line = buf.indexOf('\r\n', start, 'latin1');
  if (line < 0) return -1;
  const kind = String.fromCharCode(buf[start] ?? 0);
  const count = Number(buf.toString('latin1', start + 1, line));
  if ('$=!'.includes(kind)) {
    if (count < 0) return line + 2;
    const end = line + 2 + count + 2;
    return end <= buf.length ? end : -1;
  }
  if (!'*%~>|'.includes(kind)) return line + 2;
  const isPairs = kind === '%' || kind === '|';
  let at = line + 2;
  // An attribute is followed by the value it belongs to.
  for (let left = (isPairs ? count * 2 : count) + (kind === '|' ? 1 : 0); left > 0; left -= 1) {
    at = replyEnd(buf, at);
    if (at < 0) return -1;
  }
  return at;
}
