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
  /** Saves what has to be kept and closes the log; throws when it can't. */
  readonly persist: (isSaving: boolean) => void;
  /** Replicas that have not got all of the stream. */
  readonly laggingReplicas: () => number;
  /** The listeners and files of the process go, then the process. */
  readonly exit: (code: number) => void;
}

const POLL_MS = 10;

/** The end in order (`prepareForShutdown` in server.c): wait for replicas, save, leave. */
export class Shutdown {
  ports: ShutdownPorts = { persist: () => undefined, laggingReplicas: () => 0, exit: () => undefined };
  #waiting: { readonly done: ((error: string | undefined) => void)[] } | undefined;

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** `failed` hears why it was given up; success has no answer, the process is gone. */
  begin(server: Server, request: ShutdownRequest, failed: (error: string) => void): void {
    server.log('warning', 'User requested shutdown...');
    const timeoutMs = server.config.number('shutdown-timeout') * 1000;
    if (request.isNow || timeoutMs === 0 || this.ports.laggingReplicas() === 0) {
      this.#finish(server, request, failed);
      return;
    }
    const deadline = server.clock.monotonic() + timeoutMs;
    const waiting = { done: [] };
    this.#waiting = waiting;
    server.pause.begin(PURPOSE, Infinity, false);
    server.log(
      'notice',
      `${String(this.ports.laggingReplicas())} of the replicas are lagging: waiting for them.`,
    );
    const poll = (): void => {
      if (this.#waiting !== waiting) {
        failed('Errors trying to SHUTDOWN. Check logs.');
        return;
      }
      if (this.ports.laggingReplicas() > 0 && server.clock.monotonic() < deadline) {
        server.clock.after(POLL_MS, poll);
        return;
      }
      this.#waiting = undefined;
      this.#finish(server, request, failed);
    };
    poll();
  }

  /** SHUTDOWN ABORT: true when there was one to give up. */
  abort(server: Server): boolean {
    if (this.#waiting === undefined) return false;
    this.#waiting = undefined;
    server.pause.end(PURPOSE);
    server.log('notice', 'Shutdown manually aborted.');
    return true;
  }

  #finish(server: Server, request: ShutdownRequest, failed: (error: string) => void): void {
    const isSaving = request.save ?? server.config.text('save') !== '';
    try {
      if (isSaving) server.log('notice', 'Saving the final RDB snapshot before exiting.');
      this.ports.persist(isSaving);
    } catch (error) {
      server.log(
        'warning',
        `Error trying to save the DB, can't exit: ${error instanceof Error ? error.message : ''}`,
      );
      if (!request.isForced) {
        server.pause.end(PURPOSE);
        failed('Errors trying to SHUTDOWN. Check logs.');
        return;
      }
    }
    server.log('warning', 'Redis is now ready to exit, bye bye...');
    this.ports.exit(0);
  }
}

const PURPOSE = 'shutdown';
