import { createRequire } from 'node:module';
import type { ConnectionOptions } from 'node:tls';
import type { MessagePort, Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../clock.ts';

/** How many connections are kept, and how long one that nobody uses (`MIGRATE_SOCKET_CACHE_…` in cluster.c). */
const MOST_KEPT = 64;
const KEPT_MS = 10_000;
const SWEEP_MS = 1000;
/** A thread that is asked takes so long to start, at most. */
const START_MS = 10_000;

/** A connection to another server: made when first used, closed by the first failure. */
export interface Connection {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Which database is selected there; undefined when that is not known. */
  database: number | undefined;
  isOpen: boolean;
  /** By the monotonic clock, in ms. */
  usedAt: number;
}

export interface Exchange {
  readonly request: Uint8Array;
  /** How many replies of one line each belong to the request. */
  readonly replyCount: number;
  /** For connecting, and for each wait of what follows. */
  readonly timeoutMs: number;
}

export interface ExchangeOutcome {
  /** The replies that came, without their line ends; binary strings. */
  readonly lines: readonly string[];
  /** Why there are fewer than wanted. */
  readonly failure:
    | {
        readonly stage: 'connecting' | 'writing' | 'reading';
        readonly hasTimedOut: boolean;
        readonly reason: string;
      }
    | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly signal: Int32Array;
}

/**
 * Talks to other servers while this one stands still, as MIGRATE does: what it moves must not change meanwhile, in
 * scripts and transactions too. Node has no socket that waits, so a thread holds the connections and does the talking.
 */
export class Exchanger {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Connection>();
  #thread: Thread | undefined;
  #threadUsedAt = 0;
  #sweeping: Timer | undefined;
  /** How new connections speak TLS, as plain data; undefined when they do not. Throws what the disk says. */
  tls: () => ConnectionOptions | undefined = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get keptCount(): number {
    return this.#kept.size;
  }

  /** The connection that is kept to that server, or a new one. */
  connectionTo(host: string, port: number): Connection {
    const name = `${host}:${String(port)}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const [oldest] = this.#kept.values();
    if (oldest !== undefined && this.#kept.size >= MOST_KEPT) this.#close(oldest);
    const made = { name, host, port, database: undefined, isOpen: false, usedAt: 0 };
    this.#kept.set(name, made);
    return made;
  }

  /** Sends a request and waits for its replies. Never throws: what went wrong is in the outcome. */
  run(connection: Connection, exchange: Exchange): ExchangeOutcome {
    const outcome = this.#ask(connection, exchange);
    connection.isOpen = true;
    connection.usedAt = this.#clock.monotonic();
    this.#threadUsedAt = connection.usedAt;
    if (outcome.failure !== undefined) this.#kept.delete(connection.name);
    return outcome;
  }

  #ask({ name, host, port, isOpen }: Connection, exchange: Exchange): ExchangeOutcome {
    let target: object | undefined;
    try {
      target = isOpen ? undefined : { host, port, tls: this.tls() };
    } catch (error) {
      return { lines: [], failure: { stage: 'connecting', hasTimedOut: false, reason: String(error) } };
    }
    const { receiveMessageOnPort } = threads();
    const { worker, port: answers, signal } = (this.#thread ??= this.#start());
    Atomics.store(signal, 0, 0);
    worker.postMessage({ name, target, exchange });
    Atomics.wait(signal, 0, 0, START_MS + exchange.timeoutMs * (exchange.replyCount + 2));
    const answer: { readonly message: ExchangeOutcome } | undefined = receiveMessageOnPort(answers);
    if (answer !== undefined) return answer.message;
    this.#stop();
    return { lines: [], failure: { stage: 'reading', hasTimedOut: true, reason: 'timeout' } };
  }

  #start(): Thread {
    const { MessageChannel, Worker } = threads();
    const { port1, port2 } = new MessageChannel();
    const signal = new Int32Array(new SharedArrayBuffer(4));
    const file = createRequire(import.meta.url).resolve('./exchange-worker.cjs');
    const worker = new Worker(file, { workerData: { port: port2, signal }, transferList: [port2] });
    worker.unref();
    this.#sweeping = this.#clock.every(SWEEP_MS, () => this.#sweep());
    return { worker, port: port1, signal };
  }

  #sweep(): void {
    const usedBefore = this.#clock.monotonic() - KEPT_MS;
    for (const connection of this.#kept.values()) if (connection.usedAt < usedBefore) this.#close(connection);
    if (this.#threadUsedAt < usedBefore) this.#stop();
  }

  #close({ name }: Connection): void {
    this.#thread?.worker.postMessage({ name });
    this.#kept.delete(name);
  }

  #stop(): void {
    void this.#thread?.worker.terminate();
    this.#thread = undefined;
    this.#kept.clear();
    this.#sweeping?.cancel();
  }
}

/** Most servers never migrate a key: the module is loaded when first needed. */
function threads(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}
