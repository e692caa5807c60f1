/** What the tests use of packages that bring no types. */
declare module 'express-session' {
  export interface SessionData {
    readonly cookie: { readonly maxAge?: number; readonly expires?: string | Date };
    readonly [name: string]: unknown;
  }
  export const Store: new () => object;
}

declare module 'redlock' {
  import type { Redis } from 'ioredis';

  export interface Lock {
    readonly resource: string[];
    readonly value: string;
    readonly expiration: number;
    unlock(): PromiseLike<void>;
    extend(ttlMs: number): PromiseLike<Lock>;
  }

  export default class Redlock {
    constructor(
      servers: readonly Redis[],
      options?: { readonly retryCount?: number; readonly retryDelay?: number; readonly retryJitter?: number },
    );
    lock(resources: string | readonly string[], ttlMs: number): PromiseLike<Lock>;
    on(event: 'clientError', listener: (error: unknown) => void): void;
  }
}
