import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { TlsSpec } from '../topology/model.ts';
import { ReplctlError } from '../errors.ts';
import type { DeadReason } from './observation.ts';
import { ErrorReply, type RawReply, type Reply } from './reply.ts';
import { tryAddress } from './try-address.ts';

/** Where to connect; a NodeSpec is one. */
export interface Endpoint {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSpec | null;
  readonly auth: { readonly user: string | null };
}

export interface ConnectOptions {
  readonly password: string | null;
  /** For connecting, and for each reply. */
  readonly timeoutMs: number;
  /** For replies, where it differs: blocking commands. */
  readonly replyTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export type Argument = string | Buffer;

/** One connection to one node; it never reconnects. Errors of the server are values; a lost connection throws. */
export interface Client {
  call(...args: string[]): Promise<Reply>;
  /** All commands in one write; one reply each. */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  /** As `pipeline`, strings of the replies as the bytes they are: keys and values need not be UTF-8. */
  pipelineRaw(commands: readonly (readonly Argument[])[]): Promise<RawReply[]>;
  /** In MULTI/EXEC, one write; the replies of EXEC, or the error that kept it from running. */
  transaction(commands: readonly (readonly string[])[]): Promise<readonly Reply[] | ErrorReply>;
  close(): void;
}

export type ConnectResult =
  | { readonly ok: true; readonly client: Client }
  | { readonly ok: false; readonly reason: DeadReason; readonly said: string };

/** Connects and authenticates; fails with UNREACHABLE or TIMEOUT, `details.reason` being the DeadReason. */
export async function connect(endpoint: Endpoint, options: ConnectOptions): Promise<Client> {
  const result = await tryConnect(endpoint, options);
  if (result.ok) return result.client;
  const { reason, said } = result;
  throw new ReplctlError(
    reason === 'timeout' ? 'TIMEOUT' : 'UNREACHABLE',
    `${endpoint.id}: ${endpoint.host}:${endpoint.port} ${DEAD_MESSAGE[reason]} (${said})`,
    { hint: 'replctl status shows who answers and who does not', details: { reason, said } },
  );
}

const DEAD_MESSAGE: Record<DeadReason, string> = {
  refused: 'refuses connections: nothing listens there',
  timeout: 'gave no answer in time',
  unreachable: 'cannot be reached',
  auth: "does not accept replctl's credentials",
  foreign: 'is not a Redis server',
  loading: 'is still loading its data',
  busy: 'runs a script',
  error: 'answers with an error',
};

/** Whether anything that speaks Redis answers there by now, loading and locked doors included. */
export async function answersAt(endpoint: Endpoint, options: ConnectOptions): Promise<boolean> {
  // Asked many times while a server starts: a bare socket is refused at a tenth of a client's cost.
  if ((await tryAddress(endpoint.host, endpoint.port, options.timeoutMs)) !== null) return false;
  const result = await tryConnect(endpoint, options);
  if (result.ok) result.client.close();
  return result.ok || result.reason === 'auth' || result.reason === 'loading' || result.reason === 'error';
}

/** As `connect`, with the reason as a value. A node that is loading counts as connected: INFO answers there. */
export async function tryConnect(endpoint: Endpoint, options: ConnectOptions): Promise<ConnectResult> {
  options.signal?.throwIfAborted();
  const redis = new Redis(await toRedisOptions(endpoint, options));
  const trouble: Error[] = [];
  redis.on('error', (error: Error) => trouble.push(error));
  const stop = (): void => redis.disconnect();
  // A tree has more nodes than the ten listeners that Node takes for a leak.
  if (options.signal !== undefined) setMaxListeners(0, options.signal);
  options.signal?.addEventListener('abort', stop, { once: true });
  redis.once('end', () => options.signal?.removeEventListener('abort', stop));
  try {
    await redis.connect();
    const client = makeClient(redis, endpoint, trouble, options.replyTimeoutMs ?? options.timeoutMs);
    const refusal = await authenticate(client, endpoint, options.password);
    if (refusal === null) return { ok: true, client };
    redis.disconnect();
    return refusal;
  } catch (error) {
    redis.disconnect();
    options.signal?.throwIfAborted();
    return { ok: false, reason: classify(error, trouble), said: describe(trouble[0] ?? error) };
  }
}

async function toRedisOptions(endpoint: Endpoint, options: ConnectOptions) {
  return {
    host: endpoint.host,
    port: endpoint.port,
    lazyConnect: true,
    connectTimeout: options.timeoutMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // RESP3 would say HELLO, which 6.0 ACLs and the oldest servers may refuse, and shapes replies by version.
    protocol: 2 as const,
    disableClientInfo: true,
    ...(endpoint.tls === null ? {} : { tls: await readTls(endpoint.tls) }),
  };
}

/** Certificates are checked against the CA, host names are not: as between Redis nodes themselves (tls.c). */
async function readTls(tls: TlsSpec): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all(
    [tls.caFile, tls.certFile, tls.keyFile].map((file) => readPem(file)),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '', checkServerIdentity: () => undefined };
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ReplctlError('UNREACHABLE', `cannot read the TLS file ${file}`, {
      hint: 'check the tls section of the topology file',
      cause,
    });
  }
}

/** One round trip that proves a Redis server is there and lets us in; null when it does. */
async function authenticate(
  client: Client,
  endpoint: Endpoint,
  password: string | null,
): Promise<Exclude<ConnectResult, { ok: true }> | null> {
  const { user } = endpoint.auth;
  const login = password === null ? [] : [user === null ? ['AUTH', password] : ['AUTH', user, password]];
  const replies = await client.pipeline([...login, ['PING']]);
  const ping = replies.at(-1);
  const auth = login.length > 0 ? replies[0] : null;
  // AUTH to a server without a password is answered -ERR: it lets us in all the same, and status says it differs.
  if (auth instanceof ErrorReply && auth.code !== 'ERR') return refuse('auth', auth);
  if (!(ping instanceof ErrorReply)) return null;
  switch (ping.code) {
    case 'NOAUTH':
    case 'WRONGPASS':
    case 'DENIED':
      return refuse('auth', ping);
    // Old enough, a server says ERR for "operation not permitted"; a full one for "max number of clients reached".
    case 'ERR':
      return refuse('error', ping);
    // BUSY, LOADING, MASTERDOWN, MISCONF, NOPERM on PING: the connection stands.
    default:
      return null;
  }
}

function refuse(reason: DeadReason, reply: ErrorReply): Exclude<ConnectResult, { ok: true }> {
  return { ok: false, reason, said: reply.message };
}

function makeClient(redis: Redis, endpoint: Endpoint, trouble: readonly Error[], timeoutMs: number): Client {
  const at = `${endpoint.id}: ${endpoint.host}:${endpoint.port}`;
  const fail = (error: unknown): ReplctlError => {
    const reason = classify(error, trouble);
    return new ReplctlError(
      'UNREACHABLE',
      `${at} ${DEAD_MESSAGE[reason]} (${describe(trouble[0] ?? error)})`,
      {
        hint: 'replctl status shows who answers and who does not',
        details: { reason },
        cause: trouble[0] ?? error,
      },
    );
  };
  const send = async <R>(
    method: 'call' | 'callBuffer',
    commands: readonly (readonly Argument[])[],
    convert: (value: unknown) => R,
  ): Promise<(R | ErrorReply)[]> => {
    const sent = redis
      .pipeline(commands.map(([name = '', ...args]) => [method, String(name), ...args]))
      .exec();
    const results = await withDeadline(sent, timeoutMs, () => {
      redis.disconnect();
      return new ReplctlError(
        'TIMEOUT',
        `${at} gave no answer to ${commandNames(commands)} within ${timeoutMs} ms`,
        {
          hint: 'allow more with --timeout',
          details: { reason: 'timeout' },
        },
      );
    });
    return (results ?? []).map(([error, value]) => {
      if (error === null) return convert(value);
      if (isErrorReply(error)) return new ErrorReply(error.message);
      throw fail(error);
    });
  };
  const pipeline: Client['pipeline'] = (commands) => send('call', commands, toReply);
  return {
    pipeline,
    pipelineRaw: (commands) => send('callBuffer', commands, toRawReply),
    async call(...args) {
      const [reply = null] = await pipeline([args]);
      return reply;
    },
    async transaction(commands) {
      const replies = await pipeline([['MULTI'], ...commands, ['EXEC']]);
      const executed = replies.at(-1) ?? null;
      if (executed instanceof ErrorReply) return executed;
      return isArray(executed) ? executed : new ErrorReply('EXECABORT the transaction was not executed');
    },
    close: () => redis.disconnect(),
  };
}

/** Names only: arguments may be secrets. */
function commandNames(commands: readonly (readonly Argument[])[]): string {
  return [...new Set(commands.map(([name = '']) => String(name)))].join(', ');
}

async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => ReplctlError,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(onTimeout()), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function isArray(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

function toReply(value: unknown): Reply {
  if (value instanceof Error) return new ErrorReply(value.message);
  if (Array.isArray(value)) return value.map(toReply);
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

function toRawReply(value: unknown): RawReply {
  if (value instanceof Error) return new ErrorReply(value.message);
  if (Array.isArray(value)) return value.map(toRawReply);
  if (typeof value === 'string') return Buffer.from(value);
  return typeof value === 'number' || Buffer.isBuffer(value) ? value : null;
}

/** ioredis rejects with this class for what the server answered, and with others for what it did not. */
function isErrorReply(error: Error): boolean {
  return error.name === 'ReplyError';
}

/** By errno, never by text. An error of an established connection without an errno is the parser's. */
function classify(error: unknown, trouble: readonly Error[]): DeadReason {
  const [first] = trouble;
  if (first === undefined)
    return error instanceof ReplctlError && error.code === 'TIMEOUT' ? 'timeout' : 'unreachable';
  const code = errnoOf(first);
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code === '' || code.startsWith('ERR_SSL') || code === 'EPROTO') return 'foreign';
  return 'unreachable';
}

function errnoOf(error: Error): string {
  // A name with several addresses fails with all their errors at once; the first tells enough.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return errnoOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? errnoOf(error) : error.message;
}
