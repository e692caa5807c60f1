import { createRequire } from 'node:module';
import type { MessagePort, Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../clock.ts';

/** How long a thread that nobody needs stays (`MIGRATE_SOCKET_CACHE_TTL` in cluster.c). */
const IDLE_MS = 10_000;
/** A thread that is asked takes so long to start, at most. */
const START_MS = 10_000;

export interface Exchange {
  readonly host: string;
  readonly port: number;
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
    { readonly stage: 'connecting' | 'writing' | 'reading'; readonly hasTimedOut: boolean } | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly signal: Int32Array;
}

/**
 * Talks to another server while this one stands still, as MIGRATE does: what it moves must not change meanwhile, in
 * scripts and transactions too. Node has no socket that waits, so a thread does the talking.
 */
export class Exchanger {
  readonly #clock: Clock;
  #thread: Thread | undefined;
  #idle: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends a request and waits for its replies. Never throws: what went wrong is in the outcome. */
  run(exchange: Exchange): ExchangeOutcome {
    const { receiveMessageOnPort } = threads();
    const { worker, port, signal } = (this.#thread ??= start());
    Atomics.store(signal, 0, 0);
    worker.postMessage(exchange);
    Atomics.wait(signal, 0, 0, START_MS + exchange.timeoutMs * (exchange.replyCount + 2));
    const message: { readonly message: ExchangeOutcome } | undefined = receiveMessageOnPort(port);
    this.#idle?.cancel();
    if (message === undefined) {
      this.#stop();
      return { lines: [], failure: { stage: 'reading', hasTimedOut: true } };
    }
    this.#idle = this.#clock.after(IDLE_MS, () => this.#stop());
    return message.message;
  }

  #stop(): void {
    void this.#thread?.worker.terminate();
    this.#thread = undefined;
  }
}

function start(): Thread {
  const { MessageChannel, Worker } = threads();
  const { port1, port2 } = new MessageChannel();
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const file = createRequire(import.meta.url).resolve('./exchange-worker.cjs');
  const worker = new Worker(file, { workerData: { port: port2, signal }, transferList: [port2] });
  worker.unref();
  return { worker, port: port1, signal };
}

/** Most servers never migrate a key: the module is loaded when first needed. */
function threads(): typeof import('node:worker_threads') {
  return process.getBuiltinModule('node:worker_threads');
}
