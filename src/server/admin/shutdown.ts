import type { Server } from '../server.ts';

/** How a server is to end. */
export interface ShutdownRequest {
  /** Undefined: save when save points are configured. */
  readonly save: boolean | undefined;
  /** Don't wait for replicas that lag behind. */
  readonly isNow: boolean;
  /** Leave even when saving fails. */
  readonly isForced: boolean;
}

/** What the end of a server needs of the process around it. */
export interface ShutdownPorts {
  /** Saves what has to be kept and closes the log; logs why and throws when it can't. */
  readonly persist: (isSaving: boolean, isForced: boolean) => void;
  /** How the replicas stand: a line for the log on each that has not got all of the stream. */
  readonly replicas: () => { readonly count: number; readonly lagging: readonly string[] };
  /** Asks the replicas how far they are. */
  readonly requestAcks: () => void;
  /** The listeners and files of the process go, then the process. */
  readonly exit: (code: number) => void;
}

interface WaitingShutdown {
  readonly request: ShutdownRequest;
  readonly deadlineMs: number;
  /** All who asked, to be told should it be given up. */
  readonly failed: ((error: string) => void)[];
}

const POLL_MS = 10;
const FAILED = 'Errors trying to SHUTDOWN. Check logs.';

/** The end in order (`prepareForShutdown` in server.c): wait for replicas, save, leave. */
export class Shutdown {
  ports: ShutdownPorts = {
    persist: () => undefined,
    replicas: () => ({ count: 0, lagging: [] }),
    requestAcks: () => undefined,
    exit: () => undefined,
  };
  #waiting: WaitingShutdown | undefined;

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Milliseconds until the wait for replicas ends, while there is one. */
  remainingMs(server: Server): number | undefined {
    return this.#waiting === undefined ? undefined : this.#waiting.deadlineMs - server.clock.monotonic();
  }

  /** `failed` hears why it was given up; success has no answer, the process is gone. */
  begin(server: Server, request: ShutdownRequest, failed: (error: string) => void): void {
    if (this.#waiting !== undefined) {
      this.#waiting.failed.push(failed);
      return;
    }
    server.log('notice', 'User requested shutdown...');
    const timeoutMs = server.config.number('shutdown-timeout') * 1000;
    const waiting = { request, deadlineMs: server.clock.monotonic() + timeoutMs, failed: [failed] };
    if (request.isNow || timeoutMs === 0 || this.ports.replicas().lagging.length === 0) {
      this.#finish(server, waiting);
      return;
    }
    this.#waiting = waiting;
    server.pause.begin(PURPOSE, Infinity, false);
    this.ports.requestAcks();
    server.log('notice', 'Waiting for replicas before shutting down.');
    this.#poll(server, waiting);
  }

  /** SHUTDOWN ABORT: true when there was one to give up. */
  abort(server: Server): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return false;
    this.#giveUp(server, waiting);
    server.log('notice', 'Shutdown manually aborted.');
    return true;
  }

  #poll(server: Server, waiting: WaitingShutdown): void {
    if (this.#waiting !== waiting) return;
    if (this.ports.replicas().lagging.length > 0 && server.clock.monotonic() < waiting.deadlineMs) {
      server.clock.after(POLL_MS, () => this.#poll(server, waiting));
      return;
    }
    this.#finish(server, waiting);
  }

  #finish(server: Server, waiting: WaitingShutdown): void {
    const { save, isForced } = waiting.request;
    const { count, lagging } = this.ports.replicas();
    for (const line of lagging) server.log('notice', line);
    if (count > 0)
      server.log('notice', `${count - lagging.length} of ${count} replicas are in sync when shutting down.`);
    const isSaving = save ?? server.config.text('save') !== '';
    try {
      if (isSaving) server.log('notice', 'Saving the final RDB snapshot before exiting.');
      this.ports.persist(isSaving, isForced);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      server.log(
        'warning',
        `Errors trying to shut down the server. Check the logs for more information. ${reason}`,
      );
      if (!isForced) {
        this.#giveUp(server, waiting);
        return;
      }
    }
    server.log('warning', 'Redis is now ready to exit, bye bye...');
    this.ports.exit(0);
  }

  #giveUp(server: Server, waiting: WaitingShutdown): void {
    this.#waiting = undefined;
    server.pause.end(PURPOSE);
    for (const failed of waiting.failed) failed(FAILED);
  }
}

const PURPOSE = 'shutdown';
