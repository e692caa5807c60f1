import { connect } from 'node:net';
import { ReplctlError } from '../errors.ts';
import type { Endpoint } from './client.ts';
import { encodeCommand } from './encode-command.ts';

export interface StreamRequest {
  readonly password: string | null;
  readonly replid: string;
  /** First byte wanted. */
  readonly fromOffset: number;
  readonly lengthBytes: number;
  readonly timeoutMs: number;
}

/**
 * Reads a stretch of a node's replication stream out of its backlog, as a replica that lost its link would: the bytes
 * after `+CONTINUE` (https://redis.io/docs/latest/operate/oss_and_stack/management/replication). null when the node
 * does not have it any more: it then offers a full resync, which is not taken. Changes nothing.
 */
export async function readStream(endpoint: Endpoint, request: StreamRequest): Promise<Buffer | null> {
  if (endpoint.tls !== null) {
    throw new ReplctlError('REFUSED', `${endpoint.id}: a replication stream can't be read over TLS yet`);
  }
  const { password, replid, fromOffset } = request;
  const { user } = endpoint.auth;
  const login = password === null ? [] : [['AUTH', ...(user === null ? [] : [user]), password]];
  const commands = [...login, ['PSYNC', replid, String(fromOffset)]];
  const socket = connect({ host: endpoint.host, port: endpoint.port });
  return new Promise((resolve, reject) => {
    const reader = new ContinueReader(login.length, request.lengthBytes);
    const end = (result: Buffer | null | Error): void => {
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.setTimeout(request.timeoutMs, () => end(failure(endpoint, 'gave no answer in time')));
    socket.once('error', (cause) => end(failure(endpoint, 'cannot be read', cause)));
    socket.once('close', () => end(failure(endpoint, 'closed the connection')));
    socket.once('connect', () => socket.write(Buffer.concat(commands.map(encodeCommand))));
    socket.on('data', (chunk) => {
      const result = reader.take(chunk);
      if (result !== undefined) end(result);
    });
  });
}

/** Skips the replies to the login, reads the answer to PSYNC, then as many bytes as are wanted. */
class ContinueReader {
  private pending = Buffer.alloc(0);
  /** What came after `+CONTINUE`; null before it. */
  private stream: Buffer[] | null = null;
  private streamedBytes = 0;
  private repliesLeft: number;
  private readonly lengthBytes: number;

  constructor(replies: number, lengthBytes: number) {
    this.repliesLeft = replies;
    this.lengthBytes = lengthBytes;
  }

  /** undefined while more is to come. */
  take(chunk: Buffer): Buffer | null | undefined {
    if (this.stream === null) return this.takeLines(chunk);
    this.stream.push(chunk);
    this.streamedBytes += chunk.length;
    if (this.streamedBytes < this.lengthBytes) return undefined;
    return Buffer.concat(this.stream).subarray(0, this.lengthBytes);
  }

  private takeLines(chunk: Buffer): Buffer | null | undefined {
    this.pending = Buffer.concat([this.pending, chunk]);
    for (;;) {
      const end = this.pending.indexOf('\r\n');
      if (end < 0) return undefined;
      const line = this.pending.toString('latin1', 0, end);
      this.pending = this.pending.subarray(end + 2);
      // A primary may send newlines while it thinks.
      if (line.trim() === '') continue;
      if (this.repliesLeft > 0) this.repliesLeft--;
      else if (line.startsWith('+CONTINUE')) break;
      else return null;
    }
    this.stream = [];
    return this.take(this.pending);
  }
}

function failure(endpoint: Endpoint, what: string, cause?: unknown): ReplctlError {
  return new ReplctlError('UNREACHABLE', `${endpoint.id}: ${endpoint.host}:${endpoint.port} ${what}`, {
    hint: 'replctl status',
    cause,
  });
}
